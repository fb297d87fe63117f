"""Changes in the course of a reading: learning, fatigue, and response times."""

from typing import Any

import numpy as np
from scipy import stats

from turing.statistics.detection import mean_interval
from turing.statistics.mrmc import group_means
from turing.statistics.responses import Responses

BLOCKS = 10
LEAST_TRIALS = 3  # trials of a reader's form that a slope needs


def learning(responses: Responses) -> dict[str, Any] | None:
    """How accuracy changes with the position in the form.

    Every reader has their own order, so images do not favour any position.

    Returns:
        JSON values, or None if positions are unknown. `slope_per_100_trials`: the mean over readers of each reader's
            least-squares slope of correctness, with Student's interval and p-value over readers. `blocks`: for ten
            equal parts of the form, accuracy, its 95% MRMC interval and the median response time.
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
    """Median response times of all, of correct and of wrong responses.

    Returns:
        JSON values in milliseconds, or None if no time was measured. `correct_over_wrong`: each reader's median time of
            correct answers divided by that of wrong answers, as the geometric mean over the readers who have both. Its
            interval is Student's on the logarithm.
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
    """Each reader's median response time (R,) in milliseconds; NaN if none was measured."""
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
