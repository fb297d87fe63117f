"""Add simulated readers to an open study."""

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from turing.studies.lifecycle import find_study
from turing.studies.simulation import Observer, simulate_readers

MOST_SD = 1000  # with larger values no answer would be random


class Command(ConsoleCommand):
    help = "Let simulated readers read an open study. They are marked as such and never mixed with people."
    example = "manage.py simulate_readers melanoma-and-bcc --readers 20 --dprime 0.5"

    def add_arguments(self, parser):
        default = Observer()
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        parser.add_argument("--readers", type=int, required=True, metavar="N")
        parser.add_argument("--dprime", type=float, default=default.dprime, help="how well they tell (0: not at all)")
        parser.add_argument("--criterion", type=float, default=default.criterion, help="above 0: inclined to say real")
        parser.add_argument("--reader-sd", type=float, default=default.reader_sd)
        parser.add_argument("--image-sd", type=float, default=default.image_sd)
        parser.add_argument("--seed", type=int, default=0, help="the same one gives the same answers to the same forms")

    def handle(self, study, readers, seed, **options):
        if readers < 1 or seed < 0 or options["reader_sd"] < 0 or options["image_sd"] < 0:
            raise CommandError("--readers must be 1 or more; --seed, --reader-sd and --image-sd 0 or more.")
        if any(abs(options[name]) > MOST_SD for name in Observer.__dataclass_fields__):
            raise CommandError(
                f"--dprime, --criterion, --reader-sd and --image-sd are in standard deviations: at most {MOST_SD}."
            )
        observer = Observer(**{name: options[name] for name in Observer.__dataclass_fields__})
        found = find_study(study)
        for _ in progress(simulate_readers(found, readers, observer, seed), "Simulating", readers, "reader"):
            pass
        self.stdout.write(f"{readers} simulated readers read {found.slug}")
