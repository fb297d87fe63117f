"""Close a study, as the page does."""

from console import ConsoleCommand
from turing.studies.lifecycle import find_study, move_study


class Command(ConsoleCommand):
    help = "End an open study: no more answers are taken."
    example = "manage.py close_study melanoma-and-bcc"

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")

    def handle(self, study, **options):
        done = move_study(find_study(study), "close")
        self.stdout.write(f"{done.slug} is closed")
