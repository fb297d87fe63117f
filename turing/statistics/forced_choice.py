"""Two-alternative forced choice: how often readers find the generated image of a pair.

In `Responses` to pairs, `image` is the pair. `is_real` says whether the image on the left is real. `judged_real` says
whether the reader took the left image for real, that is, chose the right one as generated. `correct` then means that
the reader found the generated image. The sensitivity

    d' = sqrt(2) Phi^-1(proportion correct)

holds for a reader who does not favour a side (Macmillan and Creelman 2005, equation 7.2). The limits of d' are the
transformed limits of the proportion correct. Readers and pairs are both samples; see `mrmc`.

References:
    Macmillan, Creelman (2005), Detection theory: a user's guide, 2nd ed., Lawrence Erlbaum.
    Green, Swets (1966), Signal detection theory and psychophysics, Wiley.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import norm

from turing.statistics.comparisons import equivalence
from turing.statistics.course import reader_medians
from turing.statistics.intervals import LEVEL, Estimate
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.proportions import rate_json, wilson
from turing.statistics.responses import Responses

ALL_OR_NONE = "every pair, or none, was told: d' would be infinite"
NO_INTERVAL = "the proportion correct has no interval"
TOO_WIDE = "too few readers or pairs to say: the interval of d' would be without an end"
READERS_FOR_95, LEVEL_OF_FEW = 10, 0.97
WIDENED = f"below {READERS_FOR_95} readers at a nominal {LEVEL_OF_FEW:.0%}, with which it covers 95%"
WHOLE = 1e-6  # a limit of the proportion correct nearer to 0 or 1 counts as the end of its scale
Row = dict[str, Any]


def forced_choice(tests: Responses, margin: float, warnings: list[str]) -> Row:
    """All figures of answers to pairs.

    Args:
        margin: the margin of the test that the proportion correct lies within 0.5 +- margin.
        warnings: a list to which warnings are added.

    Returns:
        JSON values. What cannot be computed is None, with a reason or a warning.
    """
    found = proportion_correct(tests)
    warnings += [f"forced_choice, proportion_correct: {text}" for text in found.warnings]
    side = side_bias(tests)
    warnings += [f"forced_choice, left: {text}" for text in side.warnings]
    return {
        "pairs": len(np.unique(tests.image)),
        "correct": int(tests.correct.sum()),
        **_figures(found, tests),
        "equivalence": equivalence(found, margin),
        "left": rate_json(side, ~tests.judged_real),
        "by_diagnosis": {
            name: _group(tests.where(tests.diagnosis == code))
            for code, name in enumerate(tests.diagnosis_names)
            if (tests.diagnosis == code).any()
        },
        "by_run": _by_run(tests),
        "by_reader": _by_reader(tests),
        "by_pair": _by_pair(tests),
    }


def proportion_correct(rows: Responses) -> Estimate:
    """The share of answers that found the generated image, with its MRMC interval.

    The design balances the side of the generated image, so the side is not a stratum here. Stratifying would change no
    interval by a hundredth, and with 5 readers the interval of the side bias then covered 91% in some cells.
    """
    level = level_of(len(np.unique(rows.reader)))
    found = mrmc_rate(rows.reader, rows.image, rows.correct, level=level)
    return found if level == LEVEL else replace(found, method=f"{found.method}; {WIDENED}")


def level_of(readers: int) -> float:
    """The nominal level at which the interval of the proportion correct covers 95%.

    A few readers who differ much can all find nearly everything by chance. At a nominal 95%, the interval of 5 readers
    covered 89% where readers found nine tenths of the generated images (`benchmarks/forced_choice.py`).
    """
    return LEVEL if readers >= READERS_FOR_95 else LEVEL_OF_FEW


def side_bias(rows: Responses) -> Estimate:
    """The share of answers that chose the left image; one half without a bias, because the sides are balanced."""
    return mrmc_rate(rows.reader, rows.image, ~rows.judged_real)


def dprime_of(proportion: float) -> float | None:
    """d' of a proportion correct; None at 0 and 1."""
    return float(np.sqrt(2) * norm.ppf(proportion)) if 0 < proportion < 1 else None


def _dprime_json(found: Estimate) -> Row:
    if found.estimate is None:
        return {"estimate": None, "ci95": None, "reason": "no responses"}
    if (estimate := dprime_of(found.estimate)) is None:
        return {"estimate": None, "ci95": None, "reason": ALL_OR_NONE}
    if found.ci95 is None:
        return {"estimate": estimate, "ci95": None, "reason": NO_INTERVAL}
    if found.ci95[0] < WHOLE or found.ci95[1] > 1 - WHOLE:
        return {"estimate": estimate, "ci95": None, "reason": TOO_WIDE}
    return {"estimate": estimate, "ci95": [dprime_of(limit) for limit in found.ci95], "reason": None}


def _figures(found: Estimate, rows: Responses) -> Row:
    return {"proportion_correct": rate_json(found, rows.correct), "dprime": _dprime_json(found)}


def _group(rows: Responses) -> Row:
    found = proportion_correct(rows)
    why = "; ".join(found.warnings) or None
    return {"pairs": len(np.unique(rows.image)), **_figures(found, rows), "reason": why}


def _by_run(tests: Responses) -> Row:
    """Figures by the generator of the pair's generated image; empty if there are fewer than two generators."""
    labels = tests.factors.get("run", np.array([""] * len(tests)))
    names = sorted({str(one) for one in labels} - {""})
    return {name: _group(tests.where(labels == name)) for name in names} if len(names) > 1 else {}


def _by_reader(rows: Responses) -> list[Row]:
    """Figures of each reader. Wilson's interval is given for these pairs, since one reader has no spread."""
    size = len(rows.reader_names)
    answered = np.bincount(rows.reader, minlength=size)
    correct = np.bincount(rows.reader, rows.correct, size)
    left = np.bincount(rows.reader, ~rows.judged_real, size)
    low, high = wilson(correct, answered, LEVEL)
    medians = reader_medians(rows)
    return [
        {
            "reader": rows.reader_names[index],
            "responses": int(answered[index]),
            "proportion_correct": float(correct[index] / answered[index]),
            "wilson": [float(low[index]), float(high[index])],
            "dprime": dprime_of(correct[index] / answered[index]),
            "left": float(left[index] / answered[index]),
            "median_ms": None if np.isnan(medians[index]) else float(medians[index]),
        }
        for index in np.flatnonzero(answered)
    ]


def _by_pair(rows: Responses) -> list[Row]:
    codes, first, code = np.unique(rows.image, return_index=True, return_inverse=True)
    counts, correct = np.bincount(code), np.bincount(code, rows.correct)
    runs = rows.factors.get("run", np.array([""] * len(rows)))
    found = [
        {
            "pair": rows.image_names[name],
            "diagnosis": rows.diagnosis_names[rows.diagnosis[first[index]]],
            "run": str(runs[first[index]]),
            "responses": int(counts[index]),
            "correct": int(correct[index]),
            "proportion_correct": float(correct[index] / counts[index]),
        }
        for index, name in enumerate(codes)
    ]
    return sorted(found, key=lambda row: (len(row["pair"]), row["pair"]))  # pairs are numbered
