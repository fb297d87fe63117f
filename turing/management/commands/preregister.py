"""Write a study's preregistration."""

import json
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand
from files import check_writable, shown, write_file
from turing.studies.lifecycle import find_study
from turing.studies.preregistration import draw_up, find_preregistration
from turing.studies.preregistration_files import FORMATS, write
from turing.studies.preregistration_views import PreregistrationForm


class Command(ConsoleCommand):
    help = (
        "A study's preregistration, written from its design in the order of OSF's standard form. While the study is a "
        "draft it is drawn up anew; when the study opens it is sealed with the design's hash, and never changes."
    )
    example = "manage.py preregister melanoma-and-bcc --readers 30 --output preregistration.md"
    may_be_empty = tuple(PreregistrationForm.base_fields)  # '' takes back earlier words

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        parser.add_argument("--format", choices=FORMATS, default="md")
        parser.add_argument("--output", type=Path, metavar="FILE", help="default: stdout")
        for name, field in PreregistrationForm.base_fields.items():
            meaning = (field.label or name.capitalize()).lower()
            kind = {"type": int, "metavar": "N"} if name == "readers" else {"metavar": "TEXT"}
            parser.add_argument(f"--{name}", help=f"{meaning} (draft only)", **kind)

    def handle(self, study, format, output, **options):
        if output is not None:
            check_writable(output, "--output")  # before the plan is drawn up, which stores it
        study = find_study(study)
        given = {name: options[name] for name in PreregistrationForm.base_fields if options[name] is not None}
        if study.is_draft:
            found = draw_up(study, self._own_words(study, given))
        elif given:
            draw_up(study, given)  # raises the reason
        else:
            found = find_preregistration(study)
        text = write(json.loads(found.document), format)
        if output is None:
            self.stdout.write(text, ending="")
            return
        write_file(output, text.encode())
        self.say(f"Written to {shown(output)}")

    def _own_words(self, study, given):
        """The researcher's own words: those given now replace those given before."""
        earlier = getattr(study, "preregistration", None)
        form = PreregistrationForm((earlier.own_words if earlier else {}) | given)
        if not form.is_valid():
            name, (message, *_) = next(iter(form.errors.items()))
            raise CommandError(f"--{name}: {message}")
        return form.own_words()
