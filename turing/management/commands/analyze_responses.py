"""Analyse a CSV of responses, ours or anyone's."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, printable
from turing.results.methods import equivalence_sentence
from turing.results.pairs import groups_of, supporting_sentences
from turing.results.questions import question_sentences
from turing.results.responses_csv import read_responses
from turing.statistics.analysis import DEFAULT_MARGIN, analyse
from turing.studies.questions import read_questions


class Command(ConsoleCommand):
    help = (
        "Rates with MRMC intervals from a CSV of responses; uses no database. Where looks at results were planned, the "
        "intervals are those of somebody who never looked."
    )
    example = "manage.py analyze_responses responses.csv --json"
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--margin", type=float, default=DEFAULT_MARGIN, help="equivalence: accuracy within 0.5 +- margin (0.1)"
        )
        parser.add_argument(
            "--questions", type=Path, metavar="FILE.json", help="names primary questions and margins: docs/questions.md"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, file, margin, questions, **options):
        if not 0 < margin < 0.5:
            raise CommandError(f"--margin is {margin}; it must lie between 0 and 0.5.")
        plan = read_questions(questions) if questions else []
        analysis = analyse(read_responses(file), margin, plan=plan)
        if options["json"]:
            self.write_json(analysis)
            return
        if analysis["forced_choice"]:
            self._say_pairs(analysis)
            return
        counts = analysis["counts"]
        self.stdout.write(f"{counts['readers']} readers, {counts['images']} images, {counts['responses']} responses")
        for group, values in ({"all": analysis} | analysis["by_diagnosis"]).items():
            for name in ("fooling_rate", "real_judged_real", "accuracy"):
                rate = values[name]
                self.stdout.write(
                    f"{printable(group) or 'no diagnosis':24} {name:18} {_percent(rate['estimate']):>7}  "
                    f"MRMC {_interval(rate['ci95']):18} naive {_interval(rate['naive']['wilson'])}"
                )
        for line in _summary(analysis):
            self.stdout.write(line)
        for warning in analysis["warnings"]:
            self.warn(warning)

    def _say_pairs(self, analysis):
        """Report how often the generated image was found, for a file with the column `pair`."""
        counts, found = analysis["counts"], analysis["forced_choice"]
        self.stdout.write(f"{counts['readers']} readers, {found['pairs']} pairs, {counts['responses']} responses")
        for group, values in groups_of(analysis).items():
            share, dprime = values["proportion_correct"], values["dprime"]
            value = "-" if dprime["estimate"] is None else f"{dprime['estimate']:.2f}"
            self.stdout.write(
                f"{printable(group) or 'no diagnosis':24} proportion correct {_percent(share['estimate']):>7}  "
                f"MRMC {_interval(share['ci95']):18} naive {_interval(share['naive']['wilson']):18} "
                f"d' {value}, {_limits(dprime['ci95'])}"
            )
        for line in (*supporting_sentences(analysis), equivalence_sentence(analysis)):
            self.stdout.write(line)
        for warning in analysis["warnings"]:
            self.warn(warning)


def _summary(analysis):
    """Lines on detection, agreement and equivalence, as far as there is something to say."""
    if auc := analysis["auc"]:
        yield f"AUC {auc['estimate']:.3f}, 95% interval {_limits(auc['ci95'])}"
    if dprime := analysis["dprime"]:
        yield f"d' {dprime['mean_reader']:.2f}, mean over readers, 95% interval {_limits(dprime['ci95'])}"
    if (alpha := analysis["agreement"]["krippendorff_alpha"]) is not None:
        interval = analysis["agreement"]["ci95"]["krippendorff_alpha"]
        yield f"Krippendorff's alpha {alpha:.3f}, 95% interval {_limits(interval)}"
    if test := analysis["equivalence"]:
        verdict = "shown" if test["equivalent"] else "not shown"
        yield f"Accuracy within 0.5 +- {test['margin']:g}: {verdict} (TOST, p = {test['p_value']:.3g})"
    yield from question_sentences(analysis)


def _limits(interval):
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _percent(value):
    return "-" if value is None else f"{value:.1%}"


def _interval(value):
    return "-" if value is None else f"{value[0]:.1%} to {value[1]:.1%}"
