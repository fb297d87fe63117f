"""Intervals and tests from a variance that has a readers' part, an images' part and a residual part.

References:
    Graybill, Wang (1980), Confidence intervals on nonnegative linear combinations of variances, JASA 75:869-873.
    Hillis (2007), A comparison of denominator degrees of freedom methods for multiple observer ROC analysis, Stat Med
        26:596-619.
    Satterthwaite (1946), An approximate distribution of estimates of variance components, Biometrics 2:110-114.
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22:209-212.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq

LEVEL = 0.95
METHOD = (
    "95% score interval; towards one half Student's on the mean square of the factor with fewer units (Hillis 2007), "
    "away from it modified large-sample (Graybill and Wang 1980)"
)
# The smallest mean square of readers (or images), as a share of its value if they were alike. By chance a mean square
# can be nearly zero, and the interval would have no width.
LEAST_MEAN_SQUARE = 0.2
# A smaller variance of a share is a rounding error: a single different answer among 1e5 already gives 1e-10.
NEGLIGIBLE = 1e-12
Half = tuple[float, float]  # squared half-widths of an interval: from noise, and from the effects of readers and images


@dataclass(frozen=True)
class Spread:
    """The variance of an estimate in parts that add up, with the degrees of freedom of readers and images."""

    readers: float
    images: float
    residual: float
    df_readers: float
    df_images: float
    least: float  # the variance if all readers and all images were alike; the true variance is at least this

    @property
    def variance(self) -> float:
        """The unbiased variance. By chance it can fall to zero or below."""
        return self.readers + self.images + self.residual

    @property
    def safe_variance(self) -> float:
        """The variance, but not less than that of independent responses."""
        return max(self.variance, self.least)

    @property
    def is_empty(self) -> bool:
        """Whether nothing varies: all answers in each stratum are alike, or the parts that vary cancel.

        The variance is then zero by construction. It says nothing about how far the estimate is from the truth.
        """
        return max(self.readers, 0) + max(self.images, 0) + max(self.least, 0) <= NEGLIGIBLE

    @property
    def df(self) -> float:
        """Satterthwaite's degrees of freedom; in a crossed design those of MS_reader + MS_image - MS_residual."""
        reader, image = self.readers + self.residual, self.images + self.residual
        noise = (
            reader**2 / self.df_readers
            + image**2 / self.df_images
            + self.residual**2 / (self.df_readers * self.df_images)
        )
        return max(1.0, self.safe_variance**2 / noise) if noise > NEGLIGIBLE**2 else 1.0

    def in_parts(self, level: float = LEVEL) -> Half:
        """Squared half-widths with separate parts (Graybill and Wang 1980).

        The noise is normal; each effect that is positive has Student's t.
        """
        quantiles = stats.t.ppf((1 + level) / 2, [self.df_readers, self.df_images])
        noise = stats.norm.ppf((1 + level) / 2) ** 2 * max(self.least, 0)
        return float(noise), float(quantiles**2 @ np.maximum([self.readers, self.images], 0))

    def as_mean_square(self, level: float = LEVEL) -> Half:
        """Squared half-widths by Student's t on one variance, as in Hillis (2007).

        The noise comes from the mean square of the factor with fewer units. If only that factor varies, this is the
        exact t interval over the means of its units.
        """
        df = np.array([self.df_readers, self.df_images])
        parts = np.maximum([self.readers, self.images], 0.0)
        few = 0 if self.df_readers <= self.df_images * (1 + 1e-9) else 1  # rounding must not decide if both are equal
        parts[few] = max((self.readers, self.images)[few] + self.residual, LEAST_MEAN_SQUARE * self.residual, 0)
        total = parts.sum()
        if not total > NEGLIGIBLE:  # rounding must not make an interval of width zero
            return self.in_parts(level)
        square = stats.t.ppf((1 + level) / 2, max(1.0, 1 / ((parts / total) ** 2 / df).sum())) ** 2
        noise = min(max(self.least, 0), total)
        return float(square * noise), float(square * (total - noise))


@dataclass(frozen=True)
class Estimate:
    """A share between 0 and 1 with its MRMC variance. What cannot be computed is None, and `warnings` says why."""

    estimate: float | None
    variance: float | None = None
    df: float | None = None
    ci95: tuple[float, float] | None = None
    spread: Spread | None = None
    method: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A difference between -1 and 1, with Student's interval and two-sided p-value on the MRMC variance."""

    estimate: float
    variance: float
    df: float
    ci95: tuple[float, float]
    p_value: float


def score_interval(estimate: float, spread: Spread, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a rate or an area, strictly between 0 and 1.

    A rate mu belongs to the interval if, with q = mu (1 - mu) / (estimate (1 - estimate)),

        (estimate - mu)^2 <= noise q + effects q^p.

    The variance of independent responses is proportional to mu (1 - mu), so that p = 1, as in Wilson's interval.
    Effects of readers and images that are constant on a logit or probit scale change with mu by powers of 1.4 to 2.
    Larger effects have smaller powers.

    A high rate far from one half comes, by chance, with a variance that is too small, because readers and images have a
    long tail towards one half. So the limit on that side uses the spread `as_mean_square` and p = 2. The limit on the
    other side uses the spread `in_parts` and p = 1.5. Between rates of 0.25 and 0.75 both change steadily to the mean
    square and p = 1.75. These choices come from simulated coverage, which `benchmarks/coverage.py` prints.

    Args:
        estimate: strictly between 0 and 1.

    Returns:
        The lower and the upper limit.
    """
    parts, square = np.array(spread.in_parts(level)), np.array(spread.as_mean_square(level))
    skewness = min(1.0, 2 * abs(2 * estimate - 1))
    inner_end, outer_end = (0.0, 1.0) if estimate > 0.5 else (1.0, 0.0)
    inner = _limit(estimate, inner_end, square, 1.75 + 0.25 * skewness)
    outer = _limit(estimate, outer_end, skewness * parts + (1 - skewness) * square, 1.75 - 0.25 * skewness)
    return min(inner, outer), max(inner, outer)


def _limit(estimate: float, end: float, half: np.ndarray, power: float) -> float:
    """The point between the estimate and `end` (0 or 1) beyond which `score_interval`'s inequality no longer holds."""
    noise, effects = half
    own = estimate * (1 - estimate)

    def excess(mu: float) -> float:
        q = mu * (1 - mu) / own
        return (estimate - mu) ** 2 - noise * q - effects * q**power

    if excess(estimate) >= 0:  # no spread at all
        return estimate
    return float(brentq(excess, *sorted((estimate, end)), xtol=1e-12))


def difference_with_interval(estimate: float, spread: Spread) -> Difference | None:
    """A difference with Student's interval, cut at -1 and 1, and a two-sided p-value.

    Interval and p-value are None if the data hold no variance.
    """
    if spread.is_empty:
        return None
    variance, df = spread.safe_variance, spread.df
    half = float(stats.t.ppf((1 + LEVEL) / 2, df) * np.sqrt(variance))
    p_value = 2 * stats.t.sf(abs(estimate) / np.sqrt(variance), df)
    return Difference(estimate, variance, df, (max(-1.0, estimate - half), min(1.0, estimate + half)), float(p_value))
