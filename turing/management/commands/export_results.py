"""Export a study's responses."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand
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
        found = find_study(study)
        population = choose_population(found, readers)
        content = export(found, population, format)
        if population.simulated:
            self.stderr.write("These readers are simulated, not people.", self.style.WARNING)
        if output is None:
            if format == "parquet":
                raise CommandError("--format parquet is not text: name a file with --output.")
            self.stdout.write(content.decode(), ending="")
            return
        try:
            output.write_bytes(content)
        except OSError as error:
            raise CommandError(f"--output {output}: {error.strerror}.") from None
        self.say(f"Written to {output}")
