"""Write a study's archive."""

from pathlib import Path

from console import ConsoleCommand
from files import check_writable, new_file, shown
from turing.models import COMMAND_LINE, AuditLine
from turing.results.archive.contents import Options, archive_files, archive_name
from turing.results.archive.packing import write_zip
from turing.results.counting import PEOPLE, SIMULATED, choose_population
from turing.studies.lifecycle import find_study


class Command(ConsoleCommand):
    help = (
        "One zip for Zenodo, OSF or a journal's supplement: answers, codebook, design, analysis, figures, checklists "
        "and "
        "scripts that compute every number again. The same answers and software give the same bytes. verify_archive "
        "checks it."
    )
    example = "manage.py archive_study melanoma-and-bcc --output melanoma-and-bcc.zip"

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        parser.add_argument("--output", type=Path, metavar="FILE.zip", help="default: STUDY-READERS-archive.zip here")
        parser.add_argument("--readers", choices=[PEOPLE.name, SIMULATED.name], help="whose answers")
        parser.add_argument("--images", action="store_true", help="with the images whose licence allows it")
        parser.add_argument(
            "--full-profiles", action="store_true",
            help="professions, specialties and experience as given, also where fewer than 5 readers share them: only "
            "for people bound to confidentiality",
        )  # fmt: skip

    def handle(self, study, output, readers, images, full_profiles, **options):
        found = find_study(study)
        population = choose_population(found, readers)
        output = output or Path(archive_name(found, population))
        check_writable(output, "--output")
        files = archive_files(found, population, Options(images, full_profiles))
        if population.simulated:
            self.stderr.write("These readers are simulated, not people.", self.style.WARNING)
        if not found.is_over:
            self.stderr.write(f"The study is {found.get_state_display()}: more answers may come.", self.style.WARNING)
        with new_file(output) as stream:
            write_zip(files, stream)
        AuditLine.objects.record(
            AuditLine.What.EXPORTED, COMMAND_LINE, found, format="archive", readers=population.name
        )
        self.stdout.write(shown(output))
