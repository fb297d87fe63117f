"""Signal detection: how well readers tell, and which answer they lean to.

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
    """d' and criterion c of counts of any one shape; log-linear correction, finite for every count.

    A hit is a generated image judged generated, a false alarm a real one judged generated. c > 0 leans to 'real'.
    """
    hit = stats.norm.ppf((np.asarray(hits) + 0.5) / (np.asarray(generated) + 1))
    false_alarm = stats.norm.ppf((np.asarray(false_alarms) + 0.5) / (np.asarray(real) + 1))
    return hit - false_alarm, -(hit + false_alarm) / 2


def reader_counts(responses: Responses) -> np.ndarray:
    """(4, R): each reader's hits, generated images, false alarms, real images."""
    readers, real, generated = len(responses.reader_names), responses.is_real, ~responses.is_real
    judged_generated = ~responses.judged_real
    masks = (generated & judged_generated, generated, real & judged_generated, real)
    return np.array([np.bincount(responses.reader, mask, readers) for mask in masks])


def detection(responses: Responses) -> dict[str, Any]:
    """`dprime` and `criterion`: pooled over all responses, and the readers' mean with its interval over readers.

    The interval is Student's over the readers' own values: it takes the images as given.
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
    """Student's 95% interval of a mean; None for fewer than two values or values all alike."""
    if len(values) < 2 or np.ptp(values) <= 1e-9 * max(1.0, float(np.abs(values).max())):  # alike but for rounding
        return None
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    return [float(low), float(high)]


def roc_curves(responses: Responses) -> dict[str, Any] | None:
    """`readers`: each reader's empirical curve as [false-positive, true-positive] points; `average`: their vertical
    average, whose area is the mean of their areas. None where no reader saw both truths."""
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
    """The curve as a function of the false-positive rate: the top of every vertical piece."""
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
