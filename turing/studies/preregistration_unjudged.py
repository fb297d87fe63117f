"""The sentences of the preregistration of a purpose-blinded study."""

from typing import Any

from turing.models import Study
from turing.models.questions import TESTED, Question

Items = list[tuple[str, str]]  # prompt, answer
NO_WIDTH = (
    "No expected width is given: the primary outcomes are of the further questions, and how readers differ in them is "
    "not known beforehand."
)


def hypotheses(study: Study, own: dict[str, Any]) -> str:
    tested = [one for one in study.further_questions if one.kind in TESTED]
    lines = [f"{number}. {one.name}: {_tested(one)}." for number, one in enumerate(tested, start=1)]
    lines.append(f"{len(tested) + 1}. The share of readers who notice by themselves is estimated, with an interval.")
    return f"{' '.join(lines)} {own.get('hypotheses', '')}".strip()


def analysis_items(study: Study, own: dict[str, Any]) -> Items:
    tested = [one for one in study.further_questions if one.kind in TESTED]
    primary = [one for one in tested if one.primary]
    others = [one for one in tested if not one.primary]
    named = "; ".join(f"{one.name}, {_tested(one)}" for one in primary)
    return [
        (
            "Primary analysis",
            f"Tested{', and adjusted by Holm together' if len(primary) > 1 else ''}: {named}."
            if primary
            else "No question was named primary: every figure is descriptive.",
        ),
        (
            "Secondary analyses",
            "The share of readers who had suspected that images were generated, asked after the last image and before "
            "the debriefing, with a Clopper-Pearson interval."
            + (f" Of {', '.join(one.name for one in others)}: {DIFFERENCE}." if others else ""),
        ),
        ("Transformations", "None."),
        (
            "What counts as evidence",
            "Intervals at 95%; tests at 0.05. Readers and images are both samples, and intervals say so.",
        ),
        (
            "Exclusions",
            "Readers who withdraw consent, among them those who do so once they are told the purpose. Nobody is left "
            f"out for what they answered. {own.get('exclusions', '')}".strip(),
        ),
        ("Missing data", "Unanswered trials are left out. Readers who stop early count as far as they answered."),
        ("Exploratory analyses", "What readers wrote in free words, and everything else that the software shows."),
    ]


DIFFERENCE = "the difference between answers to real and to generated images"


def _tested(question: Question) -> str:
    if question.test == "equivalence":
        return f"answers to real and to generated images are equivalent within {question.margin:g}"
    return DIFFERENCE
