"""Answers to controls, compared with answers to the test's images of the same truth. They count in no other figure."""

from dataclasses import replace
from typing import Any

from django.core.cache import cache

from turing.models import Study, Truth
from turing.results.counting import Population, load_with_controls, version_of
from turing.results.profiles import LEAST
from turing.results.study_analysis import KEPT_SECONDS, Analysis
from turing.studies.controls import DEGRADED, names_of, truth_of
from turing.templatetags.figures import percent, points

CONTROL, TEST = "control", "test"
Row = dict[str, Any]


def with_controls(study: Study, population: Population, analysis: Analysis) -> Analysis:
    """The analysis with the key `controls`: one row for each control, empty if the study has none."""
    if not study.control_count:
        return analysis | {"controls": []}
    key = f"controls-{version_of(study, population)}"
    return analysis | {"controls": cache.get_or_set(key, lambda: _compute(study, population), KEPT_SECONDS)}


def with_public_controls(study: Study, population: Population, analysis: Analysis) -> Analysis:
    """As `with_controls`, but without controls that fewer than five readers judged."""
    found = with_controls(study, population, analysis)
    return found | {"controls": [row for row in found["controls"] if row["readers"] >= LEAST]}


def _compute(study: Study, population: Population) -> list[Row]:
    responses = load_with_controls(study, population)
    return [_figures(key, name, responses) for key, name in names_of(study).items()]


def _figures(key: str, name: str, responses) -> Row:
    """The share of a control's answers that said 'real', and its difference from the test's images of the same truth.

    The difference is paired by readers, as in `turing.statistics.comparisons.compare`.
    """
    import numpy as np

    from turing.statistics.comparisons import compare  # imports SciPy, which is loaded only with the first figures
    from turing.statistics.mrmc import mrmc_rate
    from turing.statistics.withheld import WHOLE_SCALES

    truth, control = truth_of(key), responses.factors["control"]
    of_test = (control == "") & (responses.is_real == (truth == Truth.REAL))
    rows = responses.where(control == key)
    rate = mrmc_rate(rows.reader, rows.image, rows.judged_real)
    beside = responses.where(of_test | (control == key))
    labels = np.where(beside.factors["control"] == key, CONTROL, TEST)
    # `compare` takes the rate of generated images. Here both groups have the same truth, whichever it is.
    found, _ = compare(replace(beside, is_real=np.zeros(len(beside), bool)), CONTROL, labels)
    difference = found[0] if found else {"rates": [None, None], "difference": None, "ci95": None, "p_value": None}
    return {
        "control": key,
        "name": name,
        "truth": truth,
        "images": len(np.unique(rows.image)),
        "readers": len(np.unique(rows.reader)),
        "responses": len(rows),
        "judged_real": rate.estimate,
        "ci95": list(rate.ci95) if rate.ci95 else None,
        "test_judged_real": difference["rates"][1],
        "difference": difference["difference"],
        "difference_ci95": None if difference["ci95"] in WHOLE_SCALES else difference["ci95"],
        "p_value": difference["p_value"],
    }


def control_sentences(analysis: Analysis) -> list[str]:
    """One sentence for each control: what it says about the study."""
    return [_sentence(row) for row in analysis.get("controls") or () if row["judged_real"] is not None]


def _sentence(row: Row) -> str:
    others = f"the other {row['truth']} images"
    told = f"Control: readers took {percent(row['judged_real'])} of the {row['name']} for real"
    if row["difference"] is None or row["difference_ci95"] is None:
        return f"{told}. There are too few answers to compare this with {others}."
    low, high = row["difference_ci95"]
    told += (
        f", and {percent(row['test_judged_real'])} of {others}: a difference of {points(row['difference'])} percentage "
        f"points, 95% interval {points(low)} to {points(high)}."
    )
    return f"{told} {_meaning(row['control'], low, high)}"


def _meaning(key: str, low: float, high: float) -> str:
    if key == DEGRADED:
        if high < 0:
            return (
                "Lower quality alone makes readers say 'generated'. If the generated images also differ in quality, "
                "readers may partly have recognised that."
            )
        if low > 0:
            return "Lower quality alone makes readers say 'real'."
        return "It is not shown that lower quality alone changes what readers say."
    if high < 0:
        return "Readers notice images that are known to be weaker. So this study can show such a difference."
    return (
        "It is not shown that readers notice even these weaker images. If this study finds no difference, that says "
        "little."
    )
