"""Audit a study's blinding."""

from django.core.management.base import CommandError

from console import ConsoleCommand
from turing.studies.blinding.checks import Verdict, in_words
from turing.studies.lifecycle import find_study


class Command(ConsoleCommand):
    help = (
        "Look for anything besides what an image shows that tells what it is: names, lengths, headers, orders, pages, "
        "times. Exit status 1 on a leak. Hints in the pixels that nobody sees are warnings."
    )
    example = "manage.py audit_blinding melanoma-and-bcc --json"

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        parser.add_argument("--json", action="store_true")

    def handle(self, study, **options):
        from turing.studies.blinding.audit import as_json, audit_blinding

        checks = audit_blinding(find_study(study), lambda part: self.say(f"Auditing {part} ..."))
        found = as_json(checks)
        if options["json"]:
            self.write_json(found)
        else:
            style = {
                Verdict.PASSED: self.style.SUCCESS,
                Verdict.WARNING: self.style.WARNING,
                Verdict.LEAK: self.style.ERROR,
            }
            for check in checks:
                self.stdout.write(f"{check.verdict:8}{check.name}: {check.detail}", style[check.verdict])
            self.stdout.write(in_words(checks))
        if found["leaks"]:
            raise CommandError(f"{len(found['leaks'])} of {len(checks)} checks found a leak.")
