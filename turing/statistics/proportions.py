"""Binomial intervals of a pooled proportion, called 'naive' here because they treat answers as independent.

References:
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22:209-212.
    Clopper, Pearson (1934), The use of confidence or fiducial limits, Biometrika 26:404-413.
"""

from typing import Any

import numpy as np
from scipy.stats import binomtest, norm

from turing.statistics.intervals import Estimate

Interval = tuple[float, float]


def naive_intervals(successes: int, trials: int, level: float = 0.95) -> dict[str, Interval | None]:
    """The intervals of Wilson and of Clopper and Pearson; None if there are no trials."""
    if trials == 0:
        return {"wilson": None, "clopper_pearson": None}
    test = binomtest(successes, trials)
    methods = {"wilson": "wilson", "clopper_pearson": "exact"}
    found = {name: test.proportion_ci(level, method) for name, method in methods.items()}
    return {name: (float(interval.low), float(interval.high)) for name, interval in found.items()}


def wilson(successes: np.ndarray, trials: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's limits of many proportions at once; NaN for proportions without trials."""
    square = norm.ppf((1 + level) / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        share = successes / trials
        centre = (share + square / (2 * trials)) / (1 + square / trials)
        half = np.sqrt(square * (share * (1 - share) / trials + square / (4 * trials**2))) / (1 + square / trials)
    return centre - half, centre + half


def rate_json(rate: Estimate, values: np.ndarray) -> dict[str, Any]:
    """A rate and its MRMC interval as JSON values, with the binomial intervals of its answers (n,) under `naive`."""
    naive = naive_intervals(int(values.sum()), len(values))
    return {
        "estimate": rate.estimate,
        "ci95": list(rate.ci95) if rate.ci95 else None,
        "variance": rate.variance,
        "df": rate.df,
        "method": rate.method,
        "naive": {method: list(interval) if interval else None for method, interval in naive.items()},
    }
