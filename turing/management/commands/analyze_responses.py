"""Analyse a CSV of responses, ours or anyone's."""

from pathlib import Path

from console import ConsoleCommand
from turing.results.responses_csv import read_responses
from turing.statistics.analysis import analyse


class Command(ConsoleCommand):
    help = "Rates with MRMC intervals from a CSV of responses; uses no database."
    example = "manage.py analyze_responses responses.csv --json"
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--json", action="store_true")

    def handle(self, file, **options):
        analysis = analyse(read_responses(file))
        if options["json"]:
            self.write_json(analysis)
            return
        counts = analysis["counts"]
        self.stdout.write(f"{counts['readers']} readers, {counts['images']} images, {counts['responses']} responses")
        for group, values in ({"all": analysis} | analysis["by_diagnosis"]).items():
            for name in ("fooling_rate", "real_judged_real", "accuracy"):
                rate = values[name]
                self.stdout.write(
                    f"{group or 'no diagnosis':24} {name:18} {_percent(rate['estimate']):>7}  "
                    f"MRMC {_interval(rate['ci95']):18} naive {_interval(rate['naive']['wilson'])}"
                )
        for warning in analysis["warnings"]:
            self.stderr.write(warning, self.style.WARNING)


def _percent(value):
    return "-" if value is None else f"{value:.1%}"


def _interval(value):
    return "-" if value is None else f"{value[0]:.1%} to {value[1]:.1%}"
