"""Check a study's archive."""

import dataclasses
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, printable


class Command(ConsoleCommand):
    help = (
        "Whether an archive's checksums, design hash and every number hold; uses no database. Exit status 1 if "
        "anything "
        "does not."
    )
    example = "manage.py verify_archive melanoma-and-bcc.zip"
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE.zip")
        parser.add_argument("--json", action="store_true")

    def handle(self, file, **options):
        from turing.results.archive.verify import verify_archive

        checks = verify_archive(file)
        failed = [check.name for check in checks if not check.holds]
        if options["json"]:
            self.write_json({"holds": not failed, "checks": [dataclasses.asdict(check) for check in checks]})
        else:
            for check in checks:
                self.stdout.write(f"{'holds' if check.holds else 'FAILS':6} {check.name:16} {printable(check.detail)}")
        if failed:
            raise CommandError(f"{file} does not hold: {', '.join(failed)}.")
