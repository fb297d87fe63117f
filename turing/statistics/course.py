"""The course of a reading: learning and fatigue over the form, and how long answers took."""

from typing import Any

import numpy as np
from scipy import stats

from turing.statistics.detection import mean_interval
from turing.statistics.mrmc import group_means
from turing.statistics.responses import Responses

BLOCKS = 10
LEAST_TRIALS = 3  # of a reader's form, for a slope


def learning(responses: Responses) -> dict[str, Any] | None:
    """Accuracy over the position in the form; None without positions.

    `slope_per_100_trials`: mean over readers of each one's least-squares slope of correctness, with Student's
    interval and p-value over readers. Every reader has an order of their own, so images weigh on no position.
    `blocks`: accuracy, its MRMC variance's 95% interval and the median time in ten equal parts of the form.
    """
    rows = responses.where(~np.isnan(responses.position))
    if not len(rows):
        return None
    readers = len(rows.reader_names)

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(rows.reader, values, readers)

    n = sums(np.ones(len(rows)))
    x = rows.position - (sums(rows.position) / np.maximum(n, 1))[rows.reader]
    across = sums(x * x)
    usable = (n >= LEAST_TRIALS) & (across > 0)
    slopes = 100 * sums(x * rows.correct)[usable] / across[usable]
    interval = mean_interval(slopes)
    slope = {
        "estimate": float(slopes.mean()) if len(slopes) else None,
        "ci95": interval,
        "p_value": float(stats.ttest_1samp(slopes, 0).pvalue) if interval else None,
        "readers": len(slopes),
    }
    return {"slope_per_100_trials": slope, "blocks": _blocks(rows)}


def _blocks(rows: Responses) -> list[dict[str, Any]]:
    last = rows.position.max()
    block = np.minimum(((rows.position - 1) * BLOCKS / last).astype(int), BLOCKS - 1)
    present, code = np.unique(block, return_inverse=True)
    means = group_means(rows.reader, rows.image, rows.correct, code)
    found = []
    for index in range(len(present)):
        own = code == index
        spread = means.pair(index, index).contrast([1.0])
        variance, df = spread.safe_variance, spread.df
        half = stats.t.ppf(0.975, df) * np.sqrt(variance) if variance > 0 and not spread.is_empty else None
        mean = float(means.mean[index])
        found.append(
            {
                "from": int(rows.position[own].min()),
                "to": int(rows.position[own].max()),
                "responses": int(own.sum()),
                "accuracy": mean,
                "ci95": None if half is None else [float(max(0, mean - half)), float(min(1, mean + half))],
                "median_ms": _median(rows.response_time[own]),
            }
        )
    return found


def response_times(responses: Responses) -> dict[str, Any] | None:
    """Medians in milliseconds, over all responses, correct and wrong ones; None where none was measured.

    `correct_over_wrong`: the geometric mean over readers of the median time of their correct answers over that of
    their wrong ones, with Student's interval on the logarithm over readers who have both.
    """
    rows = responses.where(responses.response_time > 0)
    if not len(rows):
        return None
    medians = np.array([reader_medians(rows.where(mask)) for mask in (rows.correct, ~rows.correct)])
    ratios = np.log(medians[0] / medians[1])
    ratios = ratios[~np.isnan(ratios)]
    interval = mean_interval(ratios)
    return {
        "responses": len(rows),
        "median_ms": _median(rows.response_time),
        "quartiles_ms": np.percentile(rows.response_time, [25, 75]).tolist(),
        "median_correct_ms": _median(rows.response_time[rows.correct]),
        "median_wrong_ms": _median(rows.response_time[~rows.correct]),
        "correct_over_wrong": {
            "estimate": float(np.exp(ratios.mean())) if len(ratios) else None,
            "ci95": np.exp(interval).tolist() if interval else None,
            "readers": len(ratios),
        },
    }


def reader_medians(rows: Responses) -> np.ndarray:
    """Each reader's median response time (R,) in milliseconds; NaN where none was measured."""
    measured = rows.where(~np.isnan(rows.response_time))
    order = np.lexsort([measured.response_time, measured.reader])
    times = measured.response_time[order]
    count = np.bincount(measured.reader, minlength=len(rows.reader_names))
    start = np.cumsum(count) - count
    medians = np.full(len(count), np.nan)
    some = count > 0
    low, high = start[some] + (count[some] - 1) // 2, start[some] + count[some] // 2
    medians[some] = (times[low] + times[high]) / 2
    return medians


def _median(values: np.ndarray) -> float | None:
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else None
