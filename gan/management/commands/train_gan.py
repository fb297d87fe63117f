"""Train a GAN on lesion images."""

from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from console import ConsoleCommand
from gan.networks import dcgan


class Command(ConsoleCommand):
    help = "Train a GAN: the paper's DCGAN, one pair of networks per diagnosis. Prints the run's id last."
    example = "manage.py train_gan --diagnosis melanoma --diagnosis bcc --steps 2000 --name paper"

    def add_arguments(self, parser):
        from gan.training import MODELS, PRECISIONS, Settings

        default = Settings()
        parser.add_argument("--model", choices=MODELS, default=default.model)
        parser.add_argument("--diagnosis", action="append", default=[], metavar="D", help="repeat for several")
        parser.add_argument("--data", type=Path, metavar="FOLDER", help="plain image folders, one per diagnosis")
        parser.add_argument("--phantoms", action="store_true", help="train on imported phantoms, not lesion images")
        parser.add_argument("--size", type=int, choices=dcgan.SIZES, default=default.size, help="pixels (128: paper)")
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--steps", type=int, default=default.steps, metavar="N", help="per diagnosis (2000)")
        length.add_argument("--minutes", type=float, metavar="M", help="in all, instead of --steps")
        parser.add_argument("--batch-size", type=int, default=default.batch_size, metavar="B")
        parser.add_argument("--seed", type=int, default=default.seed, metavar="S")
        parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
        parser.add_argument("--activation", choices=dcgan.ACTIVATIONS, default=default.activation)
        parser.add_argument("--held-out", type=float, default=default.held_out, help="share of images kept out (0.15)")
        parser.add_argument("--precision", choices=PRECISIONS, default=default.precision)
        parser.add_argument("--snapshot-every", type=int, default=default.snapshot_every, metavar="N")
        parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
        parser.add_argument("--name", help="of the run (default: the diagnoses)")
        parser.add_argument("--resume", metavar="RUN", help="continue a run, by id or name, from its last snapshot")
        parser.add_argument("--summary", action="store_true", help="print the networks' layer tables and stop")

    def handle(self, **options):
        from gan import runs
        from gan.networks.summary import format_table, layer_table
        from gan.training import Settings, choose_device

        if options["summary"]:
            size = options["size"]
            for title, network in (("Generator", dcgan.Generator(size)), ("Discriminator", dcgan.Discriminator(size))):
                self.stdout.write(format_table(f"{title}, {size} x {size}", layer_table(network)) + "\n")
            return
        if options["resume"]:
            run, training_set, settings = runs.reopen_run(options["resume"])
        else:
            settings = Settings(**{name: options[name] for name in Settings.__dataclass_fields__ if name in options})
            training_set = runs.gather(options["diagnosis"], options["data"], settings)
            name = options["name"] or ", ".join(training_set.sources)
            if len(name) > 80:
                raise CommandError("--name: at most 80 characters.")
            run = runs.start_run(name, training_set, settings, choose_device(options["device"]))
        self.say(f"Run {run.pk} ({run.name}): {run.data_count} images, {settings.size} x {settings.size} pixels.")
        runs.execute(run, training_set, settings, options["device"], self._bar)
        self.say(f"Snapshots, losses and sample grids: {run.folder}")
        self.stdout.write(str(run.pk))

    def _bar(self, description, total, initial):
        quiet = not self.stderr.isatty()
        return tqdm(desc=description, total=total, initial=initial, unit="step", disable=quiet)
