"""Signal detection: how well readers tell the images apart, and which answer they favour.

References:
    Green, Swets (1966), Signal detection theory and psychophysics, Wiley.
    Hautus (1995), Corrections for extreme proportions and their biasing effects on estimated values of d', BRMIC
        27:46-51 (the log-linear correction).
    Chen, Samuelson (2014), The average receiver operating characteristic curve in multireader multicase imaging
        studies, Br J Radiol 87:20140016 (vertical averages).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses

GRID = np.linspace(0, 1, 101)


def dprime_criterion(
    hits: ArrayLike, generated: ArrayLike, false_alarms: ArrayLike, real: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity d' and criterion c from counts, with the log-linear correction (Hautus 1995).

    A hit is a generated image judged generated. A false alarm is a real image judged generated. A positive c means a
    tendency to answer 'real'. The counts may have any common shape. The correction makes the result finite for all
    counts.
    """
    hit = stats.norm.ppf((np.asarray(hits) + 0.5) / (np.asarray(generated) + 1))
    false_alarm = stats.norm.ppf((np.asarray(false_alarms) + 0.5) / (np.asarray(real) + 1))
    return hit - false_alarm, -(hit + false_alarm) / 2


def reader_counts(responses: Responses) -> np.ndarray:
    """Each reader's hits, generated images, false alarms and real images: (4, R)."""
    readers, real, generated = len(responses.reader_names), responses.is_real, ~responses.is_real
    judged_generated = ~responses.judged_real
    masks = (generated & judged_generated, generated, real & judged_generated, real)
    return np.array([np.bincount(responses.reader, mask, readers) for mask in masks])


def detection(responses: Responses) -> dict[str, Any]:
    """Sensitivity d' and criterion c, pooled over all responses and as the mean of the readers' values.

    The interval of a mean is Student's over the readers' own values. It takes the images as given.

    Returns:
        JSON values under `dprime` and `criterion`.
    """
    counts = reader_counts(responses)
    both = (counts[1] > 0) & (counts[3] > 0)
    if not both.any():
        return {"dprime": None, "criterion": None}
    pooled = dprime_criterion(*counts.sum(1))
    of_readers = dprime_criterion(*counts[:, both])
    return {
        name: {"pooled": float(whole), "mean_reader": float(values.mean()), "ci95": mean_interval(values)}
        for name, whole, values in zip(("dprime", "criterion"), pooled, of_readers, strict=True)
    }


def mean_interval(values: np.ndarray) -> list[float] | None:
    """Student's 95% interval of a mean; None for fewer than two values, or if all values are equal."""
    if len(values) < 2 or np.ptp(values) <= 1e-9 * max(1.0, float(np.abs(values).max())):  # equal except for rounding
        return None
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    return [float(low), float(high)]


def roc_curves(responses: Responses) -> dict[str, Any] | None:
    """The empirical ROC curve of each reader, and their vertical average.

    Returns:
        JSON values: `readers`, each curve as points [false-positive rate, true-positive rate], and `average`, whose
            area is the mean of the readers' areas. None if no reader saw both real and generated images.
    """
    if not len(responses):
        return None
    score = responses.score
    levels = np.unique(score)[::-1]
    readers = len(responses.reader_names)
    key = responses.reader * len(levels) + np.searchsorted(-levels, -score)
    tables = [
        np.bincount(key, mask, readers * len(levels)).reshape(readers, -1).cumsum(1)
        for mask in (responses.is_real, ~responses.is_real)
    ]
    both = (tables[0][:, -1] > 0) & (tables[1][:, -1] > 0)
    if not both.any():
        return None
    start = np.zeros((int(both.sum()), 1))
    false, true = (np.hstack([start, table[both] / table[both][:, -1:]]) for table in tables)
    curves = [np.interp(GRID, *_steep(f, t)) for f, t in zip(false, true, strict=True)]
    names = np.array(responses.reader_names, dtype=object)[both]
    return {
        "average": np.column_stack([GRID, np.mean(curves, 0)]).tolist(),
        "readers": [
            {"reader": name, "points": np.column_stack([f, t]).tolist()}
            for name, f, t in zip(names, false, true, strict=True)
        ],
    }


def _steep(false: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curve as a function of the false-positive rate: the upper end of each vertical piece."""
    last = np.append(np.diff(false) > 0, True)
    return false[last], true[last]


def calibration(responses: Responses) -> list[dict[str, Any]]:
    """For each confidence level, the share of correct responses with its MRMC interval."""
    rows = []
    given = responses.where(~np.isnan(responses.confidence))
    for level in np.unique(given.confidence):
        chosen = given.where(given.confidence == level)
        rate = mrmc_rate(chosen.reader, chosen.image, chosen.correct, chosen.is_real)
        rows.append(
            {
                "confidence": int(level),
                "responses": len(chosen),
                "correct": rate.estimate,
                "ci95": list(rate.ci95) if rate.ci95 else None,
            }
        )
    return rows
