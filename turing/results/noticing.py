"""How many readers of a purpose-blinded study noticed by themselves that images were generated, and their words."""

from typing import Any

from tables import as_text_cell
from turing.models import Debriefing, Study
from turing.results.counting import Flow, Population, completed_readings
from turing.results.profiles import LEAST
from turing.results.study_analysis import Analysis
from turing.templatetags.figures import percent

Row = dict[str, Any]


def with_noticing(study: Study, population: Population, analysis: Analysis, *, is_public: bool = False) -> Analysis:
    """The analysis with the key `noticing`, which is None if readers knew the purpose.

    `is_public`: without single readers, and without shares of few readers.
    """
    if study.asks_judgement:
        return analysis | {"noticing": None}
    from turing.statistics.proportions import (
        naive_intervals,
    )  # imports SciPy, which is loaded only with the first results

    completed = completed_readings(study, population)
    found = Debriefing.objects.filter(reading__in=completed).order_by("reading__reader__pseudonym")
    rows = list(found.values_list("reading__reader__pseudonym", "noticed", "suspected"))
    answers = [suspected for *_, suspected in rows if suspected is not None]
    is_told = bool(answers) and not (is_public and len(answers) < LEAST)
    interval = naive_intervals(sum(answers), len(answers))["clopper_pearson"] if is_told else None
    readers = [{"reader": reader, "suspected": suspected, "noticed": text} for reader, text, suspected in rows]
    return analysis | {
        "noticing": {
            "completed": completed.count(),
            "answered": len(answers),
            "suspected": sum(answers) if is_told else None,
            "share": sum(answers) / len(answers) if is_told else None,
            "ci95": list(interval) if interval else None,
            "readers": [] if is_public else readers,
        }
    }


def noticing_sentence(analysis: Analysis) -> str:
    """The share of readers who suspected it; empty if nobody was asked or too few readers were."""
    found = analysis.get("noticing")
    if not found or found["share"] is None:
        return ""
    low, high = found["ci95"]
    return (
        f"{found['suspected']} of {found['answered']} readers ({percent(found['share'])}) had suspected that some "
        f"images were generated, 95% interval {percent(low)} to {percent(high)} (Clopper-Pearson)."
    )


def noticed_rows(analysis: Analysis, flow: Flow) -> list[Row]:
    """One row a reader, for the table."""
    told = {True: "yes", False: "no", None: ""}
    return [
        {
            "reader": row["reader"],
            "suspected": told[row["suspected"]],
            "noticed": as_text_cell(row["noticed"] or ""),
        }
        for row in (analysis.get("noticing") or {"readers": []})["readers"]
    ]
