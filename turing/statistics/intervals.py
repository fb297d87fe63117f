"""Intervals and tests from a variance that is made of readers, images and the rest.

References:
    Graybill, Wang (1980), Confidence intervals on nonnegative linear combinations of variances, JASA 75:869-873.
    Satterthwaite (1946), An approximate distribution of estimates of variance components, Biometrics 2:110-114.
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22:209-212.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit, logit

LEVEL = 0.95
PARTS = (
    "modified large-sample (Graybill and Wang 1980): t for the readers' and for the images' part of the variance with "
    "the degrees of freedom of each, normal for the rest"
)


@dataclass(frozen=True)
class Spread:
    """The variance of an estimate in parts that add up, and the degrees of freedom of two of them."""

    readers: float
    images: float
    residual: float
    df_readers: float
    df_images: float
    least: float  # the variance if readers were alike and images were alike; the true one is at least this

    @property
    def variance(self) -> float:
        """Unbiased; by chance it can fall to zero or below."""
        return self.readers + self.images + self.residual

    @property
    def safe_variance(self) -> float:
        """The variance, not below what independent responses would have."""
        return max(self.variance, self.least)

    @property
    def df(self) -> float:
        """Satterthwaite's degrees of freedom; for a crossed design those of MS_reader + MS_image - MS_residual."""
        reader, image = self.readers + self.residual, self.images + self.residual
        noise = (
            reader**2 / self.df_readers
            + image**2 / self.df_images
            + self.residual**2 / (self.df_readers * self.df_images)
        )
        return max(1.0, self.safe_variance**2 / noise) if noise > 0 else 1.0

    def effects(self, level: float = LEVEL) -> float:
        """Squared half-width from readers and images: each part, where positive, times its squared t quantile."""
        quantiles = stats.t.ppf((1 + level) / 2, [self.df_readers, self.df_images])
        return float(quantiles**2 @ np.maximum([self.readers, self.images], 0))

    def noise(self, level: float = LEVEL) -> float:
        """Squared half-width from what is left when readers are alike and images are alike."""
        return float(stats.norm.ppf((1 + level) / 2) ** 2 * max(self.least, 0))


@dataclass(frozen=True)
class Estimate:
    """A share between 0 and 1 with its MRMC variance; what cannot be computed is None, and `warnings` says why."""

    estimate: float | None
    variance: float | None = None
    df: float | None = None
    ci95: tuple[float, float] | None = None
    spread: Spread | None = None
    method: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """An estimate that may be negative, with Student's interval and two-sided p-value on the MRMC variance."""

    estimate: float
    variance: float
    df: float
    ci95: tuple[float, float]
    p_value: float


def score_interval(estimate: float, spread: Spread, level: float = LEVEL) -> tuple[float, float]:
    """The rates mu in (0, 1) that are not too far from the estimate, `estimate` strictly between 0 and 1.

    mu belongs to the interval where, with q = mu (1 - mu) / (estimate (1 - estimate)),

        (estimate - mu)^2 <= noise q + effects q^2.

    Independent responses have a variance in proportion to mu (1 - mu), as in Wilson's interval; effects of readers
    and images that are constant on the logit scale move a rate in proportion to mu (1 - mu), hence q^2. For one
    reader-free, image-free sample this is Wilson's interval.
    """
    noise, effects = spread.noise(level), spread.effects(level)
    own = estimate * (1 - estimate)

    def excess(mu: float) -> float:
        q = mu * (1 - mu) / own
        return (estimate - mu) ** 2 - noise * q - effects * q**2

    if excess(estimate) >= 0:  # no spread at all
        return estimate, estimate
    return float(brentq(excess, 0, estimate, xtol=1e-12)), float(brentq(excess, estimate, 1, xtol=1e-12))


def logit_interval(estimate: float, spread: Spread, level: float = LEVEL) -> tuple[float, float]:
    """The same squared half-width around the logit of the estimate, `estimate` strictly between 0 and 1."""
    half = np.sqrt(spread.noise(level) + spread.effects(level)) / (estimate * (1 - estimate))
    return float(expit(logit(estimate) - half)), float(expit(logit(estimate) + half))


def difference_with_interval(estimate: float, spread: Spread) -> Difference | None:
    """Student's interval, cut at -1 and 1, and two-sided p-value; None where the data hold no variance."""
    variance, df = spread.safe_variance, spread.df
    if not variance > 0:
        return None
    half = float(stats.t.ppf((1 + LEVEL) / 2, df) * np.sqrt(variance))
    p_value = 2 * stats.t.sf(abs(estimate) / np.sqrt(variance), df)
    return Difference(estimate, variance, df, (max(-1.0, estimate - half), min(1.0, estimate + half)), float(p_value))
