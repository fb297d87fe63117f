"""Exposure thresholds in studies that show images for a moment: of each reader, and of readers in general.

`turing.statistics.staircase` sets how long each image is shown.
"""

from typing import Any

import numpy as np
from scipy.special import logsumexp

from turing.statistics.responses import Responses
from turing.statistics.staircase import LONGEST_MS, SHORTEST_MS, TARGET

QUANTILES = (0.025, 0.5, 0.975)

# Thresholds considered (T,), in equal steps of the logarithm. They go far beyond the exposures shown, so that an
# interval can say "longer than anything shown".
THRESHOLDS_MS = np.geomspace(25, 4000, 160)
SLOPES = (1.0, 1.5, 2.0, 3.0, 4.0)  # of the Weibull function
CEILINGS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)  # highest accuracy, however long the image is shown
SPREADS = np.geomspace(0.03, 1.5, 24)  # standard deviations between readers, of the threshold's logarithm


def threshold(exposure: np.ndarray, correct: np.ndarray) -> list[float]:
    """The 2.5%, 50% and 97.5% points of one reader's threshold in milliseconds, from n exposures and answers."""
    return _points(logsumexp(log_likelihoods(exposure, correct), axis=0))


def log_likelihoods(exposure: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Log likelihoods (shapes, T) of one reader's answers, for every slope and ceiling and each of `THRESHOLDS_MS`.

    Accuracy grows with the exposure t as a Weibull function from one half to a ceiling. The psychometric function is
    fitted to all answers. Averaging reversals of the staircase would not do, because a form ends long before such small
    steps have led from 500 ms to a reader's threshold (docs/statistics.md).
    """
    times, index = np.unique(exposure, return_inverse=True)
    right, wrong = (np.bincount(index, values, len(times)) for values in (correct, ~correct))
    found = []
    for ceiling in CEILINGS:
        reached = -np.log(1 - (TARGET - 0.5) / (ceiling - 0.5))  # at the threshold
        for slope in SLOPES:
            growth = reached * (times / THRESHOLDS_MS[:, None]) ** slope
            accuracy = 0.5 + (ceiling - 0.5) * -np.expm1(-growth)
            found.append(np.log(accuracy) @ right + np.log1p(-accuracy) @ wrong)
    return np.array(found)


def exposure_threshold(responses: Responses) -> dict[str, Any] | None:
    """The threshold of readers in general, and of each reader.

    Readers' thresholds are taken as lognormal. Slope and ceiling are taken as the same for all readers. The estimate is
    the median of that distribution, averaged over shapes and over the spread between readers, with a 95% credible
    interval. Priors are flat on the logarithm of the threshold, from 25 to 4,000 ms, and on the logarithm of the
    spread. There is no interval for one reader, who says nothing about other readers.

    Returns:
        JSON values; None if images were not shown for a set time.
    """
    rows = responses.where(~np.isnan(responses.exposure))
    if not len(rows):
        return None
    readers = np.unique(rows.reader)
    likelihoods = []
    by_reader = []
    for reader in readers:
        own = rows.where(rows.reader == reader)
        own = own.where(np.argsort(own.position, kind="stable"))
        likelihoods.append(log_likelihoods(own.exposure, own.correct))
        low, median, high = threshold(own.exposure, own.correct)
        by_reader.append(
            {
                "reader": rows.reader_names[reader],
                "trials": len(own),
                "threshold_ms": median,
                "ci95": [low, high],
                "exposures_ms": own.exposure.tolist(),
            }
        )
    low, median, high = _population(np.array(likelihoods))
    return {
        "estimate_ms": median,
        "ci95": [low, high] if len(readers) > 1 else None,
        "accuracy": TARGET,
        "shortest_ms": SHORTEST_MS,
        "longest_ms": LONGEST_MS,
        "readers": len(readers),
        "by_reader": by_reader,
    }


def _population(likelihoods: np.ndarray) -> list[float]:
    """Points of the median threshold of all readers, from the log likelihoods (R, shapes, T) of some of them."""
    highest = likelihoods.max(2, keepdims=True)
    scaled = np.exp(likelihoods - highest)
    logarithm = np.log(THRESHOLDS_MS)
    distance = logarithm[:, None] - logarithm
    found = []
    for spread in SPREADS:
        readers_at = np.exp(-0.5 * (distance / spread) ** 2)  # (median, reader's threshold)
        readers_at /= readers_at.sum(1, keepdims=True)
        found.append((np.log(scaled @ readers_at.T) + highest).sum(0))  # (shapes, median)
    return _points(logsumexp(np.concatenate(found), axis=0))


def _points(log_weights: np.ndarray) -> list[float]:
    cumulated = np.cumsum(np.exp(log_weights - log_weights.max()))
    return [float(np.interp(quantile, cumulated / cumulated[-1], THRESHOLDS_MS)) for quantile in QUANTILES]
