"""The difference between mean answers to real and to generated images, over readers and images.

The same readers answer about both kinds of images, so the two means are correlated. The images are different.

References:
    Zou, Donner (2008), Construction of confidence limits about effect measures: a general approach, Stat Med
        27:1693-1702 (MOVER: the limits of a difference from the limits of its two parts).
    Gallas, Pennello, Myers (2007), see `mrmc`.
    Schuirmann (1987), see `comparisons`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import brentq

from turing.statistics.intervals import LEVEL, Estimate, score_interval
from turing.statistics.mrmc import GroupMeans, group_means, mrmc_mean

FEWEST_READERS, FEWEST_IMAGES = 5, 10  # of images of either truth; coverage was not shown for fewer
READERS_OF_A_SHARE = 10  # for the interval of one truth's share
METHOD = (
    "the wider, on either side, of MOVER limits (Zou and Donner 2008) from MRMC score intervals of both means, and of "
    "Student's on the MRMC variance of the difference"
)
LEAST_P = 1e-9  # smaller p-values are not distinguished
REAL, GENERATED = 0, 1  # groups
Limits = Callable[[float], tuple[float, float]]  # limits of the interval at a given level


@dataclass(frozen=True)
class Contrast:
    """Two means and their difference, real minus generated. What cannot be computed is None, and `reason` says why."""

    real: Estimate
    generated: Estimate
    difference: float | None = None
    ci95: tuple[float, float] | None = None
    p_value: float | None = None
    limits: Limits | None = None
    reason: str = ""

    def equivalence(self, margin: float) -> dict[str, Any] | None:
        """Test whether the difference lies within +- `margin` (TOST).

        The p-value is the larger of two one-sided ones. It is the smallest level whose interval, leaving out that much
        on each side, lies within the margins.

        Returns:
            JSON values with `margin`, `p_value` and `equivalent`; None if there is no interval.
        """
        if self.limits is None or self.difference is None:
            return None
        sides = [_p_one_sided(self.limits, self.difference, edge) for edge in (-margin, margin)]
        p_value = 1.0 if abs(self.difference) >= margin else max(sides)
        return {"margin": margin, "p_value": p_value, "equivalent": p_value < 0.05}


def contrast(
    reader: ArrayLike, image: ArrayLike, is_real: ArrayLike, score: ArrayLike, *, needs_p_value: bool = True
) -> Contrast:
    """The mean score of real images minus that of generated ones, with interval and two-sided p-value.

    A share of answers, each 0 or 1, has an interval of its own from 10 readers on. `benchmarks/contrasts.py` simulates
    the coverage.

    Args:
        reader, image: labels (n,). Each pair occurs at most once. Any pattern of missing pairs is allowed.
        is_real: (n,) bool, with one value an image.
        score: (n,) from 0 to 1.
        needs_p_value: whether to compute the p-value, which takes ten times as long as the interval.

    Returns:
        The contrast. Interval and p-value are None with fewer than 5 readers, with fewer than 10 images of either
            truth, and if all answers to one kind of image were the same.
    """
    reader, image, y = np.asarray(reader), np.asarray(image), np.asarray(score, float)
    group = np.where(np.asarray(is_real, bool), REAL, GENERATED)
    parts = [group == one for one in (REAL, GENERATED)]
    real, generated = (mrmc_mean(reader[part], image[part], y[part]) for part in parts)
    means = real, generated
    for name, part in zip(("real", "generated"), parts, strict=True):
        if not part.any():
            return Contrast(*_bare(means), reason=f"no answers to {name} images")
    difference = float(y[parts[REAL]].mean() - y[parts[GENERATED]].mean())
    if why := few(reader, image, parts):
        return Contrast(*_bare(means), difference, reason=why)
    for name, mean in zip(("real", "generated"), means, strict=True):
        if mean.ci95 is None:
            return Contrast(real, generated, difference, reason=f"{name} images: {'; '.join(mean.warnings)}")
    both = group_means(reader, image, y, group)
    if ((y == 0) | (y == 1)).all() and len(np.unique(reader)) < READERS_OF_A_SHARE:
        real, generated = _share_alone(real), _share_alone(generated)
    if np.isnan(both.covariance).any():
        return Contrast(
            real, generated, difference, reason="no two answers differ in both reader and image: no interval"
        )

    limits = limits_of(both)
    p_value = min(1.0, 2 * _p_one_sided(limits, difference, 0.0)) if needs_p_value else None
    return Contrast(real, generated, difference, limits(LEVEL), p_value, limits)


def few(reader: np.ndarray, image: np.ndarray, parts: list[np.ndarray]) -> str:
    """Why there are too few readers or images for an interval; '' if there are enough."""
    readers = min(len(np.unique(reader[part])) for part in parts)
    images = min(len(np.unique(image[part])) for part in parts)
    if readers < FEWEST_READERS:
        return f"{readers} readers; an interval needs {FEWEST_READERS}"
    if images < FEWEST_IMAGES:
        return f"{images} images of one truth; an interval needs {FEWEST_IMAGES}"
    return ""


def _bare(means: tuple[Estimate, Estimate]) -> tuple[Estimate, Estimate]:
    """The contrast without intervals."""
    first, second = means
    return Estimate(first.estimate, method=first.method), Estimate(second.estimate, method=second.method)


def _share_alone(share: Estimate) -> Estimate:
    """A share without its interval if there are few readers.

    A few readers who differ much can all be nearly perfect by chance. With five readers, the interval of one such share
    covered 89%. The interval of the difference, which uses both kinds of images, does not suffer from this.
    """
    why = f"the interval of a share by itself needs {READERS_OF_A_SHARE} readers"
    return Estimate(share.estimate, method=share.method, warnings=(why,))


def limits_of(means: GroupMeans) -> Limits:
    """The wider of MOVER's limit and Student's limit, on either side.

    MOVER follows the skewness of means near an end of the scale, where Student's interval covered 87%. With five
    readers who differ in the difference itself, MOVER covered 92% where Student's interval covered 95%.
    """
    first, second = (float(one) for one in means.mean)
    spreads = [means.pair(one, one).contrast([1]) for one in (REAL, GENERATED)]
    shared = float(means.readers[REAL, GENERATED] + means.images[REAL, GENERATED])
    rho = float(np.clip(shared / np.sqrt(spreads[0].safe_variance * spreads[1].safe_variance), -1, 1))
    spread = means.contrast([1, -1])
    error = float(np.sqrt(max(spread.safe_variance, 0.0)))

    def reach(one: float, other: float) -> float:
        return float(np.sqrt(max(0.0, one**2 + other**2 - 2 * rho * one * other)))

    def limits(level: float) -> tuple[float, float]:
        (low_1, high_1), (low_2, high_2) = (
            score_interval(mean, part, level) for mean, part in zip((first, second), spreads, strict=True)
        )
        half = float(stats.t.ppf((1 + level) / 2, spread.df)) * error
        low = max(half, reach(first - low_1, high_2 - second))
        high = max(half, reach(high_1 - first, second - low_2))
        return max(-1.0, first - second - low), min(1.0, first - second + high)

    return limits


def _p_one_sided(limits: Limits, difference: float, value: float) -> float:
    """Half of one minus the level at which the interval just reaches `value`; at most one half."""
    side = 0 if value < difference else 1

    def beyond(p: float) -> float:
        limit = limits(1 - 2 * np.exp(p))[side]
        return limit - value if side == 0 else value - limit

    low, high = np.log(LEAST_P), np.log(0.5 - 1e-9)
    if beyond(low) > 0:
        return LEAST_P
    return 0.5 if beyond(high) <= 0 else float(np.exp(brentq(beyond, low, high, xtol=1e-5)))
