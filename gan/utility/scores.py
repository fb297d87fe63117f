"""How good predictions are on the test lesions, with intervals over lesions and training seeds.

Every figure gives all diagnoses the same weight, as if they were equally frequent.

References:
    Owen (2007), The pigeonhole bootstrap, Ann Appl Stat 1:386-411: lesions and seeds are both resampled; on average
        the estimated variance is not too small.
    Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML: the slope is the inverse of
        their temperature.
    Satterthwaite (1946), An approximate distribution of estimates of variance components, Biometrics Bull 2:110-114.
    Holm (1979), A simple sequentially rejective multiple test procedure, Scand J Stat 6:65-70.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, t

from gan.foundation.errors import GanError

REPLICATES = 2000
SMALLEST = 1e-6  # a probability of 0 would make the slope infinite
SLOPES = 20 * np.linspace(0, 1, 601) ** 2  # dense where slopes usually are


@dataclass(frozen=True)
class Replicates:
    """How often each test image and each training seed counts in each of B replicates.

    The first replicate is the data as they are.
    """

    images: np.ndarray  # (B, M) weights that sum to 1 for each diagnosis
    seeds: np.ndarray  # (B, S) weights that sum to 1


def draw_replicates(
    label: np.ndarray, group: np.ndarray, seeds: int, rng: np.random.Generator, count: int = REPLICATES
) -> Replicates:
    """Resample lesions, with all of their images, among those with the same diagnoses; and resample training seeds.

    So every replicate has images of each diagnosis. Resampling S seeds has only (S - 1) / S of their variance, so their
    weights vary by as much more.
    """
    codes, member = np.unique(group, return_inverse=True)
    held = np.zeros((len(codes), label.max() + 1), bool)
    held[member, label] = True
    kind = np.unique(held, axis=0, return_inverse=True)[1].reshape(-1)
    often = np.zeros((count, len(codes)))
    for one in np.unique(kind):
        own = np.flatnonzero(kind == one)
        often[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), count)
    often[0] = 1
    images = often[:, member]
    for one in np.unique(label):
        images[:, label == one] /= images[:, label == one].sum(1, keepdims=True)
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), count) / seeds
    drawn[0] = 1 / seeds
    if seeds > 1:
        drawn = 1 / seeds + np.sqrt(seeds / (seeds - 1)) * (drawn - 1 / seeds)
    return Replicates(images, drawn)


def auc(predicted: np.ndarray, label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve (B,) for probabilities (M, K) and weights (B, M), which sum to 1 for each diagnosis.

    It is the mean over diagnoses of each against the rest; for two diagnoses the usual area. Ties count one half.
    """
    classes = predicted.shape[1]
    found = np.zeros(len(weights))
    for one in range(classes):
        order = np.argsort(predicted[:, one], kind="stable")
        own = label[order] == one
        ties = np.flatnonzero(np.diff(predicted[order, one], prepend=-np.inf) > 0)
        positive = np.add.reduceat(np.where(own, weights[:, order], 0), ties, axis=1)
        negative = np.add.reduceat(np.where(own, 0, weights[:, order]), ties, axis=1)
        found += (positive * (negative.cumsum(1) - negative / 2)).sum(1) / (classes - 1)
    return found / classes


def accuracy(predicted: np.ndarray, label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of right diagnoses (B,), with the most probable one as the answer."""
    return weights @ (predicted.argmax(1) == label) / predicted.shape[1]


def brier(predicted: np.ndarray, label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Brier score (B,): half the squared distance between probabilities and truth; for two diagnoses (p - y)^2."""
    truth = np.eye(predicted.shape[1])[label]
    return weights @ ((predicted - truth) ** 2).sum(1) / 2 / predicted.shape[1]


def slope(predicted: np.ndarray, label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Calibration slope (B,): the factor for the log odds that fits best (maximum likelihood).

    1 is right, below 1 means too sure, above 1 means not sure enough. It lies between 0 and 20, because no slope is
    steep enough if all answers are right.
    """
    logs = np.log(np.clip(predicted, SMALLEST, 1))
    logs -= logs[np.arange(len(label)), label][:, None]  # (M, K), 0 at the truth
    # An image's part of the gradient depends only on the slope, so it is computed once, on a fine grid.
    parts = np.stack([_mean_under(logs, one) for one in SLOPES], 1)
    gradient = (
        weights / weights.sum(1, keepdims=True)
    ) @ parts  # (B, grid), increasing, because the likelihood is concave
    after = np.clip((gradient < 0).sum(1), 1, len(SLOPES) - 1)
    rows = np.arange(len(weights))
    low, high = gradient[rows, after - 1], gradient[rows, after]
    share = np.clip(np.divide(-low, high - low, out=np.zeros_like(low), where=high > low), 0, 1)
    return SLOPES[after - 1] + share * (SLOPES[after] - SLOPES[after - 1])


def _mean_under(logs: np.ndarray, slope: float) -> np.ndarray:
    """(M,) the mean of each row under the probabilities that result from the slope."""
    powers = np.exp(slope * logs - (slope * logs).max(1, keepdims=True))
    return (powers * logs).sum(1) / powers.sum(1)


Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
MEASURES: dict[str, Measure] = {"auc": auc, "accuracy": accuracy, "brier": brier, "slope": slope}


def measured(predictions: Sequence[np.ndarray], label: np.ndarray, replicates: Replicates) -> dict[str, np.ndarray]:
    """Each of `MEASURES` (B, S) for the predictions (M, K) of S training seeds.

    Raises `GanError` if a prediction is not a finite number.
    """
    if not all(np.isfinite(one).all() for one in predictions):
        raise GanError("a classifier's predictions are not finite numbers; another --seed may help.")
    return {
        name: np.stack([measure(one, label, replicates.images) for one in predictions], 1)
        for name, measure in MEASURES.items()
    }


def summary(by_seed: np.ndarray, replicates: Replicates) -> dict[str, Any]:
    """The mean over seeds of a measure (B, S), its 95% interval, and the value of each seed."""
    drawn = (by_seed * replicates.seeds).sum(1)
    return {"estimate": float(drawn[0]), "ci95": _interval(by_seed, drawn), "by_seed": by_seed[0].tolist()}


def difference(by_seed: np.ndarray, other: np.ndarray, replicates: Replicates) -> dict[str, Any]:
    """The difference between the first measure (B, S) and the other, on the same lesions and seeds, with its p-value.

    The p-value is two-sided: twice the smaller share of replicates at or beyond no difference, with t's tails in place
    of the normal ones where seeds are few.
    """
    apart = by_seed - other
    drawn = (apart * replicates.seeds).sum(1)
    again = drawn[1:]
    beyond = min((again <= 0).sum(), (again >= 0).sum())
    p_value = min(1.0, 2 * (beyond + 1) / (len(again) + 1))
    p_value = 2 * t.sf(norm.isf(p_value / 2), _degrees_of_freedom(apart, drawn))
    return {"estimate": float(drawn[0]), "ci95": _interval(apart, drawn), "p_value": float(p_value)}


def _interval(by_seed: np.ndarray, drawn: np.ndarray) -> list[float]:
    """The replicates' percentiles, as much farther from the estimate as t's are than the normal ones."""
    wider = t.ppf(0.975, _degrees_of_freedom(by_seed, drawn)) / norm.ppf(0.975)
    return (drawn[0] + wider * (np.quantile(drawn[1:], (0.025, 0.975)) - drawn[0])).tolist()


def _degrees_of_freedom(by_seed: np.ndarray, drawn: np.ndarray) -> float:
    """Satterthwaite's (1946) degrees of freedom of the variance of a mean over S seeds.

    Seeds' part of it is known only as well as S values tell. So it is S - 1, divided by the square of that share. One
    seed says nothing about its part, which is then left out.
    """
    count, whole = by_seed.shape[1], drawn[1:].var()
    share = min(1.0, by_seed[0].var(ddof=1) / count / whole) if count > 1 and whole else 0.0
    return (count - 1) / share**2 if share else math.inf


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment of p-values, in their order."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return adjusted.tolist()
