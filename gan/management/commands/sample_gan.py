"""Draw samples of a training run."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from gan.models import TrainingRun


class Command(ConsoleCommand):
    help = "Draw COUNT generated images per diagnosis of a run; the same arguments give the same bytes."
    example = "manage.py sample_gan paper --count 50 --seed 7 --output samples"

    def add_arguments(self, parser):
        parser.add_argument("run", metavar="RUN", help="id or name")
        parser.add_argument("--count", type=int, required=True, metavar="N", help="images per diagnosis")
        parser.add_argument("--seed", type=int, default=0, metavar="S")
        parser.add_argument("--diagnosis", action="append", default=[], metavar="D", help="default: all of the run's")
        parser.add_argument("--output", type=Path, metavar="FOLDER", help="also write files with samples.csv here")

    def handle(self, run, count, seed, diagnosis, output, **options):
        from gan.sampling import chosen_diagnoses, draw_samples, register, write_folder

        if count < 1 or not 0 <= seed < 2**63:
            raise CommandError("--count must be 1 or more and --seed 0 or more.")
        found = TrainingRun.objects.find(run)
        if found is None:
            raise CommandError(f"no training run {run!r}.")
        samples, new = [], 0
        for name in chosen_diagnoses(found, diagnosis):
            for sample in progress(draw_samples(found, name, count, seed), f"Sampling {name}", count, "image"):
                new += register(found, sample)
                samples.append(sample)
        if output:
            write_folder(found, samples, output)
        self.stdout.write(f"{len(samples)} samples of {found}, {new} of them new")
