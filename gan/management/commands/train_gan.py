"""Train a GAN on lesion images."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress_bar
from gan.training.memory import keep_freed_memory

NAME_LENGTH = 80  # of a run


class Command(ConsoleCommand):
    help = (
        "Train a GAN: the paper's DCGAN, one pair of networks per diagnosis, the projected GAN, one pair for all, or "
        "R3GAN, one pair for all without features from ImageNet. "
        "Prints the run's id last. Under torchrun, several processes share the work, each with --batch-size images."
    )
    example = (
        "manage.py train_gan --model projected --diagnosis melanoma --diagnosis bcc --minutes 30 --name lesions\n"
        "  manage.py train_gan --diagnosis melanoma --diagnosis bcc --steps 2000 --name paper\n"
        "  torchrun --nproc-per-node 4 manage.py train_gan --model projected --data images --steps 20000"
    )

    def add_arguments(self, parser):
        keep_freed_memory()
        from gan.networks import dcgan
        from gan.training.settings import BY_MODEL, MODELS, PRECISIONS, Settings

        default = Settings()
        rates = ", ".join(f"{model}: {values['learning_rate']:g}" for model, values in BY_MODEL.items())
        parser.add_argument(
            "--model", choices=MODELS, help=f"default: {default.model}, the paper's; for a study: projected"
        )
        parser.add_argument("--diagnosis", action="append", default=[], metavar="D", help="repeat for several")
        parser.add_argument("--data", type=Path, metavar="FOLDER", help="plain image folders, one per diagnosis")
        parser.add_argument(
            "--phantoms", action="store_true", default=None, help="train on imported phantoms, not lesion images"
        )
        parser.add_argument(
            "--type", dest="image_type", metavar="T", help=f"how lesion images were taken ({default.image_type})"
        )
        parser.add_argument("--size", type=int, choices=dcgan.SIZES, help="pixels (128: paper)")
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--steps", type=int, metavar="N", help="per pair of networks (2000)")
        length.add_argument("--minutes", type=float, metavar="M", help="in all, instead of --steps")
        parser.add_argument("--batch-size", type=int, metavar="B", help=f"images a step ({default.batch_size})")
        parser.add_argument("--seed", type=int, metavar="S", help=f"of everything random ({default.seed})")
        parser.add_argument("--learning-rate", type=float, metavar="R", help=f"of both networks ({rates})")
        parser.add_argument(
            "--cooldown",
            type=float,
            metavar="SHARE",
            help="last share of the training, in which the learning rate falls to 0 (projected: a third; others: 0)",
        )
        parser.add_argument("--activation", choices=dcgan.ACTIVATIONS, help="dcgan only")
        parser.add_argument("--held-out", type=float, help="share of images kept out (0.15)")
        parser.add_argument("--precision", choices=PRECISIONS, help="auto: bfloat16 where the machine is faster in it")
        parser.add_argument("--snapshot-every", type=int, metavar="N", help=f"steps ({default.snapshot_every})")
        parser.add_argument(
            "--evaluate-every",
            type=int,
            metavar="N",
            help="steps between quick figures of quality (0: none)",
        )
        parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
        parser.add_argument("--name", help="of the run (default: the diagnoses)")
        parser.add_argument(
            "--resume",
            metavar="RUN",
            help="continue a run, by id or name, from its last snapshot; --steps or --minutes make it longer",
        )
        parser.add_argument("--summary", action="store_true", help="print the networks' layer tables and stop")

    def handle(self, **options):
        from gan.datasets.training_sets import gather
        from gan.runs.execution import execute, find_run, has_work_left, reopen_run, start_run
        from gan.training.processes import join_processes
        from gan.training.settings import Settings
        from gan.training.trainer import choose_device

        default = Settings()
        if options["summary"]:
            self._print_summary(options["model"] or default.model, options["size"] or default.size)
            return
        # Only options that were given, because a resumed run keeps its other settings.
        asked = {name: options[name] for name in Settings.__dataclass_fields__ if options.get(name) is not None}
        device = choose_device(options["device"])
        processes = join_processes(options["device"])
        if options["resume"] is not None:
            chosen = options["diagnosis"], options["data"], options["name"]
            run, training_set, settings = reopen_run(options["resume"], asked, *chosen)
            if run.status == run.Status.FINISHED and not has_work_left(run, settings):
                if processes.first:
                    self.say(f"Run {run.pk} has finished its training. --steps or --minutes make it longer.")
                    self.stdout.write(str(run.pk))
                return
        else:
            settings = Settings(**asked)
            warn = self.warn if processes.first else (lambda text: None)
            training_set = gather(options["diagnosis"], options["data"], settings, warn)
            name = options["name"] or ", ".join(training_set.sources)[:NAME_LENGTH]
            if len(name) > NAME_LENGTH:
                raise CommandError(f"--name: at most {NAME_LENGTH} characters.")
            started = start_run(name, training_set, settings, device).pk if processes.first else 0
            run = find_run(str(processes.number(started)))
        if processes.first:
            if options["model"] is None and options["resume"] is None:
                self.say(
                    f"No --model given: this trains {default.model}, to repeat the seed paper. "
                    "For images that readers are to judge, use --model projected."
                )
            self.say(f"Run {run.pk} ({run.name}): {run.data_count} images, {settings.size} x {settings.size} pixels.")
        execute(run, training_set, settings, options["device"], self._bar, processes)
        if processes.first:
            self.say(f"Snapshots, losses and sample grids: {run.folder}")
            self.stdout.write(str(run.pk))

    def _print_summary(self, model, size):
        from gan.networks import dcgan, projected, r3gan
        from gan.networks.summary import format_table, layer_table, module_table

        if model == "dcgan":
            tables = {
                "Generator": layer_table(dcgan.Generator(size)),
                "Discriminator": layer_table(dcgan.Discriminator(size)),
            }
        elif model == "r3gan":
            tables = {
                "Generator": module_table(r3gan.Generator(size, 1)),
                "Discriminator": module_table(r3gan.Discriminator(size, 1)),
            }
        elif model == "projected":
            tables = {
                "Generator": module_table(projected.Generator(size, 1)),
                "Discriminator, without the frozen features": module_table(projected.Discriminator(size, 1)),
            }
        else:
            raise CommandError(f"--summary: there is no layer table for the model {model!r}.")
        for title, rows in tables.items():
            self.stdout.write(format_table(f"{title}, {size} x {size}", rows) + "\n")

    def _bar(self, description, total, initial):
        return progress_bar(description, total, initial, "step")
