"""Results of further questions: sentences, and the images for which each cue was named."""

from typing import Any

from turing.models import Stimulus
from turing.results.study_analysis import Analysis

STRIP = 6  # images shown for each cue
STRIPS = 4  # number of cues for which images are shown
Row = dict[str, Any]
WHAT = {"diagnosis": "the right diagnosis", "scale": "mean level", "yes_no": "yes"}


def question_sentences(analysis: Analysis) -> list[str]:
    """A sentence for each question whose answers to real and generated images can be compared."""
    return [
        _sentence(row) for row in analysis.get("questions", []) if row["kind"] in WHAT and _estimate(row) is not None
    ]


def _estimate(row: Row) -> float | None:
    return row["difference"]["estimate"] if row["difference"] else None


def _sentence(row: Row) -> str:
    percent = "" if row["kind"] == "scale" else "%"
    said = {truth: _number(row, row[truth]["estimate"]) + percent for truth in ("real", "generated")}
    interval = row["difference"]["ci95"]
    gap, unit = _number(row, row["difference"]["estimate"], signed=True), _unit(row)
    if not interval:
        known = f"no interval can be given ({row['reason']})"
    else:
        known = f"95% interval {_number(row, interval[0], True)} to {_number(row, interval[1], True)}"
    told = (
        f"{row['name']}: {WHAT[row['kind']]} {said['real']} for real and {said['generated']} for generated images; "
        f"difference {gap}{unit}, {known}."
    )
    if test := row["equivalence"]:
        margin = _number(row, test["margin"]) + unit
        verdict = "is shown" if test["equivalent"] else "is not shown"
        told += f" That the two differ by less than {margin} {verdict} (p {_p(test['p_value'])})."
    return told


def _number(row: Row, value: float, signed: bool = False) -> str:
    """A level with two decimals, or a share in per cent."""
    sign = "+" if signed else ""
    return f"{value:{sign}.2f}" if row["kind"] == "scale" else f"{100 * value:{sign}.1f}"


def _unit(row: Row) -> str:
    return "" if row["kind"] == "scale" else " percentage points"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def cue_strips(analysis: Analysis) -> list[tuple[str, list[tuple[Stimulus, Row]]]]:
    """For the cues that tell most, the images for which each was named most often."""
    found = [row for row in analysis.get("questions", []) if row["kind"] == "cues"]
    if not found:
        return []
    row = found[0]
    cues = sorted(row["cues"], key=lambda one: -abs(one["difference"]["estimate"] or 0))[:STRIPS]
    listed = {one["cue"]: [image for image in row["images"] if image["cue"] == one["cue"]][:STRIP] for one in cues}
    stimuli = Stimulus.objects.in_bulk([image["image"] for images in listed.values() for image in images])
    by_id = {str(key): value for key, value in stimuli.items()}
    return [(cue, [(by_id[one["image"]], one) for one in images]) for cue, images in listed.items()]
