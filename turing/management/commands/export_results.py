"""Export a study's responses."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand
from files import check_writable, shown, write_file
from turing.results.counting import PEOPLE, SIMULATED, choose_population
from turing.results.exports import FORMATS, export
from turing.studies.lifecycle import find_study


class Command(ConsoleCommand):
    help = "Export a study's responses under pseudonyms: people's, or simulated ones where no person has answered."
    example = "manage.py export_results melanoma-and-bcc --format csv --output responses.csv"

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("--output", type=Path, metavar="FILE", help="default: stdout")
        parser.add_argument("--readers", choices=[PEOPLE.name, SIMULATED.name], help="whose answers")

    def handle(self, study, format, output, readers, **options):
        if output is None and format == "parquet":
            raise CommandError("--format parquet is not text: name a file with --output.")
        if output is not None:
            check_writable(output, "--output")
        found = find_study(study)
        population = choose_population(found, readers)
        content = export(found, population, format)
        if population.simulated:
            self.stderr.write("These readers are simulated, not people.", self.style.WARNING)
        if output is None:
            self.stdout.write(content.decode(), ending="")
            return
        write_file(output, content)
        self.say(f"Written to {shown(output)}")
