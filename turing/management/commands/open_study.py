"""Open a study, as the page does."""

from console import ConsoleCommand
from turing.studies.lifecycle import find_study, open_study


class Command(ConsoleCommand):
    help = "Build the blinded stimuli, freeze the design and let readers begin."
    example = "manage.py open_study melanoma-and-bcc"

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")

    def handle(self, study, **options):
        done = open_study(find_study(study))
        self.stdout.write(f"{done.slug} is open; design {done.design_hash}")
