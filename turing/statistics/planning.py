"""How many readers and images a study needs for an interval of a wanted width, or for the power to show equivalence.

References:
    Roe, Metz (1997), Dorfman-Berbaum-Metz method for statistical analysis of multireader, multimodality ROC data:
        validation with computer simulation, Acad Radiol 4:298-303 (the latent random-effects model).
    Owen (1956), Tables for computing bivariate normal probabilities, Ann Math Stat 27:1075-1090.
    Schuirmann (1987), see `comparisons`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.special import owens_t

from turing.statistics.comparisons import equivalence
from turing.statistics.intervals import Spread, score_interval
from turing.statistics.mrmc import mrmc_rate

RAREST = (
    0.001  # the rate and its complement are at least this; a rarer answer would never be seen in the numbers searched
)
MOST = 10_000  # readers or images searched
LEAST_SHARE = 1e-12  # smallest share of the latent variance that differs from none


@dataclass(frozen=True)
class Population:
    """A rate, and how much readers and images differ, as shares of the latent variance in [0, 1).

    A response is 1 if a latent normal variable exceeds a threshold. The variable is the sum of the effects of the
    reader, the image and the response, with a total variance of 1.
    """

    rate: float
    reader_share: float
    image_share: float

    def __post_init__(self) -> None:
        if not RAREST <= self.rate <= 1 - RAREST:
            raise ValueError(f"the rate must lie between {RAREST} and {1 - RAREST}")
        if min(self.reader_share, self.image_share) < 0 or self.reader_share + self.image_share >= 1:
            raise ValueError("the shares of readers and images must be 0 or more and add up to less than 1")

    @classmethod
    def from_components(cls, rate: float, reader: float, image: float) -> "Population":
        """A population with the variance components (0 to 1 scale) of a pilot study; negative components count as 0."""
        return cls(rate, _share(rate, reader), _share(rate, image))

    @property
    def reader(self) -> float:
        """The variance component of readers on the 0 to 1 scale."""
        return _component(self.rate, self.reader_share)

    @property
    def image(self) -> float:
        return _component(self.rate, self.image_share)

    def spread(self, readers: int, images: int) -> Spread:
        """The expected spread of the rate in a fully crossed study."""
        total = self.rate * (1 - self.rate)
        return Spread(
            readers=self.reader / readers,
            images=self.image / images,
            residual=max(total - self.reader - self.image, 0) / (readers * images),
            df_readers=readers - 1,
            df_images=images - 1,
            least=total / (readers * images),
        )

    def simulate(self, readers: int, images: int, rng: np.random.Generator) -> np.ndarray:
        """Simulated responses (readers, images) of one study."""
        own = np.sqrt(1 - self.reader_share - self.image_share)
        latent = rng.normal(0, np.sqrt(self.reader_share), (readers, 1)) + own * rng.normal(0, 1, (readers, images))
        return latent + rng.normal(0, np.sqrt(self.image_share), (1, images)) < stats.norm.ppf(self.rate)


# Shares of the latent variance of readers and of images.
STRUCTURES = {
    # Roe and Metz (1997), structure HH, the default of the FDA's iMRMC simulator: readers 0.03 + 0.03, cases
    # 0.3 + 0.3, the rest 0.4. Images that differ much require many images.
    "roe-metz": (0.06 / 1.06, 0.6 / 1.06),
    # Standard deviations of 0.5 (readers) and 0.7 (images) on the logit scale, where the rest has pi^2 / 3.
    "moderate": (0.25 / (0.74 + np.pi**2 / 3), 0.49 / (0.74 + np.pi**2 / 3)),
}


def _component(rate: float, share: float) -> float:
    """The exact covariance of two responses whose latent variables have the correlation `share`."""
    threshold = stats.norm.ppf(rate)
    both = rate - 2 * owens_t(threshold, np.sqrt((1 - share) / (1 + share)))
    return float(max(both - rate**2, 0.0)) if share > 0 else 0.0


def _share(rate: float, component: float) -> float:
    if component <= _component(rate, LEAST_SHARE):  # zero except for rounding
        return 0.0
    most = _component(rate, 1 - 1e-9)
    if component >= most:
        raise ValueError(f"a variance component of {component:.3g} is impossible at a rate of {rate:.3g}")
    return float(brentq(lambda share: _component(rate, share) - component, LEAST_SHARE, 1 - 1e-9))


def expected_width(population: Population, readers: int, images: int) -> float:
    """The width of the 95% interval at the expected variance."""
    low, high = score_interval(population.rate, population.spread(readers, images))
    return high - low


def expected_power(population: Population, margin: float, readers: int, images: int) -> float:
    """The approximate probability that two one-sided tests show the rate within 0.5 +- margin (0 to 1)."""
    spread = population.spread(readers, images)
    error, reach = np.sqrt(spread.variance), stats.t.ppf(0.95, spread.df)
    low, high = (0.5 - margin - population.rate) / error + reach, (0.5 + margin - population.rate) / error - reach
    return float(max(0.0, stats.t.cdf(high, spread.df) - stats.t.cdf(low, spread.df)))


@dataclass(frozen=True)
class Goal:
    """What a study should reach.

    This is a 95% interval no wider than `width`, or `power` to show the rate within 0.5 +- `margin`.
    """

    width: float | None = None
    margin: float | None = None
    power: float = 0.8

    def __post_init__(self) -> None:
        if (self.width is None) == (self.margin is None):
            raise ValueError("give either a width or a margin")
        for name, most in (("width", 1), ("margin", 0.5), ("power", 1)):
            value = getattr(self, name)
            if value is not None and not 0 < value < most:
                raise ValueError(f"the {name} must lie between 0 and {most}")

    def reached(self, population: Population, readers: int, images: int) -> bool:
        if self.width is not None:
            return expected_width(population, readers, images) <= self.width
        assert self.margin is not None
        return expected_power(population, self.margin, readers, images) >= self.power


def images_needed(population: Population, goal: Goal, readers: int) -> int | None:
    """The fewest images (from 5 on) with which a number of readers reaches the goal; None if no number is enough."""
    if not goal.reached(population, readers, MOST):
        return None
    low, high = 4, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if goal.reached(population, readers, middle) else (middle, high)
    return high


def plan(population: Population, goal: Goal, readers: list[int]) -> list[dict[str, Any]]:
    """For each number of readers, the images needed and what to expect; `images` is None if no number is enough."""
    rows: list[dict[str, Any]] = []
    for count in readers:
        images = images_needed(population, goal, count)
        row: dict[str, Any] = {"readers": count, "images": images, "width": None, "power": None}
        if images is not None:
            row["width"] = expected_width(population, count, images)
            row["power"] = expected_power(population, goal.margin, count, images) if goal.margin else None
        rows.append(row)
    return rows


def check_by_simulation(
    population: Population, goal: Goal, readers: int, images: int, studies: int, seed: int = 0
) -> dict[str, float]:
    """Analyse simulated studies like real ones; returns `coverage`, mean `width` and, with a margin, `power`."""
    rng = np.random.default_rng(seed)
    reader, image = (axis.ravel() for axis in np.indices((readers, images)))
    covered, widths, shown = [], [], []
    for _ in range(studies):
        found = mrmc_rate(reader, image, population.simulate(readers, images, rng).ravel())
        low, high = found.ci95 or (0.0, 1.0)
        covered.append(low <= population.rate <= high)
        widths.append(high - low)
        if goal.margin is not None:
            test = equivalence(found, goal.margin)
            shown.append(test is not None and test["equivalent"])
    result = {"studies": studies, "coverage": float(np.mean(covered)), "width": float(np.mean(widths))}
    return result | ({"power": float(np.mean(shown))} if shown else {})
