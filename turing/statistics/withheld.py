"""Leaves out intervals that say nothing because they are as wide as their scale or hold impossible values."""

from typing import Any

WHOLE_SCALES = ([-1.0, 1.0], [0.0, 1.0])  # of coefficients and differences, and of shares; intervals are cut at these
MOST_SLOPE = 1.0  # change of accuracy in 100 trials; accuracy cannot change by more than 1
TOO_FEW = "too few readers or images to say: the interval would be the whole scale"
NO_SLOPE = (
    "learning: too few readers or trials to say: the interval of the change in 100 trials holds changes that cannot be"
)


def without_empty_intervals(analysis: dict[str, Any]) -> dict[str, Any]:
    """The analysis with None for each interval that says nothing, and a warning that names it."""
    said: list[str] = []
    found = _cleared(analysis, "", said)
    slope = (found["learning"] or {}).get("slope_per_100_trials") or {}
    if slope.get("ci95") and max(map(abs, slope["ci95"])) > MOST_SLOPE:
        found["learning"] = found["learning"] | {"slope_per_100_trials": slope | {"ci95": None, "p_value": None}}
        said.append(NO_SLOPE)
    return found | {"warnings": [*found["warnings"], *dict.fromkeys(said)]}


def _cleared(value: Any, place: str, said: list[str]) -> Any:
    """The same values with None for such intervals under `ci95`, including several of them by name."""
    if isinstance(value, list):
        return [_cleared(one, place, said) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if key == "ci95" and inner in WHOLE_SCALES:
            found[key] = None
            said.append(f"{_called(value, place)}: {TOO_FEW}")
        elif key == "ci95" and isinstance(inner, dict):
            empty = [name for name, interval in inner.items() if interval in WHOLE_SCALES]
            found[key] = inner | dict.fromkeys(empty)
            said += [f"{place}, {name}: {TOO_FEW}" for name in empty]
        else:
            found[key] = _cleared(inner, f"{place}, {key}" if place else key, said)
    return found


def _called(value: dict[str, Any], place: str) -> str:
    """The name of a place in warnings: a comparison is named by what it compares, everything else by its place."""
    return f"{value['factor']}, {value['first']} against {value['second']}" if "factor" in value else place
