"""Computes every figure of an archive again from its answers, and compares it with the published one."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from turing.errors import StudyError
from turing.statistics.responses import Responses

if TYPE_CHECKING:
    from turing.statistics.looks import Looks

TOLERANCE = 1e-9  # of the value, where that is larger than 1
# Archives of earlier versions do not have these in analysis.json.
LATER = {"asks_judgement", "reader_kinds", "dropout", "model", "looks", "questions", "forced_choice"}
MOST_COMPARISONS = 100_000_000  # pairs of a generated and a real image


def differences(
    responses: Responses,
    margin: float,
    taken: "Looks | None",
    published: dict[str, Any],
    plan: Sequence[dict[str, Any]] = (),
) -> tuple[list[str], int]:
    """The published figures that differ from those computed from the answers, in words, and how many were computed.

    Raises `StudyError` if there are too many images to compute them in reasonable time.
    """
    from turing.statistics.analysis import analyse, analyse_in_full

    real = len(set(responses.image[responses.is_real].tolist()))
    if real * (len(responses.image_names) - real) > MOST_COMPARISONS:
        raise StudyError("data/responses.csv: too many images to check.")
    # Earlier versions also gave intervals as wide as their scale.
    for compute in (analyse, analyse_in_full):
        wrong, count = _compared(compute(responses, margin, taken, plan), published)
        if not wrong:
            break
    return wrong, count


def _compared(analysis: dict[str, Any], published: dict[str, Any]) -> tuple[list[str], int]:
    """The places that differ from the published values, and how many values were computed."""
    from turing.statistics.analysis import TWO_KINDS

    # Write and read as JSON, so that both sides went through the same steps.
    analysis = json.loads(json.dumps(analysis))
    for name in LATER.difference(published):
        del analysis[name]
    if "reader_kinds" not in published:
        analysis["warnings"] = [warning for warning in analysis["warnings"] if warning != TWO_KINDS]
    computed = dict(_leaves(analysis))
    stored = dict(_leaves(published))
    wrong = [
        f"{name} is {str(stored.get(name, 'missing'))[:30]}, computed {str(computed.get(name, 'missing'))[:30]}"
        for name in sorted(computed | stored)
        if name not in stored or name not in computed or not _agree(stored[name], computed[name])
    ]
    return wrong, len(computed)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, word or null in a JSON value, with its place; an empty list or object counts as one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not items or not value:
        yield name, value
        return
    for key, inner in items:
        yield from _leaves(inner, f"{name}.{key}" if name else str(key))


def _agree(first: Any, second: Any) -> bool:
    numbers = [isinstance(one, (int, float)) and not isinstance(one, bool) for one in (first, second)]
    if all(numbers):
        return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(first) is type(second) and first == second
