"""Looks at results before all answers have come, without raising the promised error rate.

Each analysis spends a part of the error rate, given by a function of the share of the planned answers that have come.
Its boundary is such that it spends no more. The boundaries are those of a normal statistic with independent increments.

References:
    O'Brien, Fleming (1979), A multiple testing procedure for clinical trials, Biometrics 35:549-556.
    Lan, DeMets (1983), Discrete sequential boundaries for clinical trials, Biometrika 70:659-663.
    Jennison, Turnbull (1989), Interim analyses: the repeated confidence interval approach, J R Stat Soc B 51:305-361.
    Jennison, Turnbull (2000), Group sequential methods with applications to clinical trials, chapters 7, 9 and 19.
    Armitage, McPherson, Rowe (1969), Repeated significance tests on accumulating data, J R Stat Soc A 132:235-244.
    Slepian (1962), The one-sided barrier problem for Gaussian noise, Bell Syst Tech J 41:463-501.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from turing.statistics.comparisons import ALPHA
from turing.statistics.intervals import LEVEL

MOST = 6.0  # no study has enough answers to cross a boundary beyond this
REACH = 8.0  # the densities are followed down to this many standard deviations below zero
NODES, PANEL, MOST_PANELS = 16, 3.0, 120


def spending(fraction: float, alpha: float) -> float:
    """The one-sided error rate that may be spent once a fraction of the planned answers has come.

    It is 2 - 2 Phi(z / sqrt(fraction)) with Phi(z) = 1 - alpha / 2 (Lan and DeMets 1983). The boundaries are nearly
    those of O'Brien and Fleming, which are strict early on and leave nearly all of the error rate to the end.

    Args:
        fraction: above 0. Beyond 1 the result is `alpha`.
    """
    if not fraction > 0:
        return 0.0
    return float(2 * norm.sf(norm.isf(alpha / 2) / np.sqrt(min(fraction, 1.0))))


def boundaries(information: Sequence[float], spent: Sequence[float]) -> list[float]:
    """For each analysis, the z above which a one-sided test rejects.

    By each analysis, `spent` of the error rate has then been spent. The density of scores that have not crossed a
    boundary is followed from one analysis to the next by numerical integration (Armitage, McPherson, Rowe 1969).

    Args:
        information: (K,) growing, in any unit. The correlation of two analyses is the square root of the ratio of their
            information.
        spent: (K,) growing, the error rate spent up to each analysis.

    Returns:
        (K,) values of z. A boundary above `MOST` is given as `MOST`.
    """
    found = [min(MOST, float(norm.isf(spent[0])))]
    nodes, mass, before = np.empty(0), np.empty(0), np.inf  # `before` is the standard deviation of the last increment
    for index in range(1, len(information)):
        root, step = np.sqrt(information[index - 1]), np.sqrt(information[index] - information[index - 1])
        earlier = nodes
        low, high = -REACH * root, found[-1] * root
        nodes, weights = _gauss_legendre(low, high, min(step, before))
        if index == 1:
            mass = weights * norm.pdf(nodes / root) / root
        else:
            mass = weights * (norm.pdf((nodes[:, None] - earlier) / before) @ mass) / before
        found.append(_solve(nodes, mass, np.sqrt(information[index]), step, spent[index] - spent[index - 1]))
        before = step
    return found


def _gauss_legendre(low: float, high: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for a density that is smooth over `step`; a panel is `PANEL` steps wide."""
    panels = int(np.clip(np.ceil((high - low) / (PANEL * step)), 4, MOST_PANELS))
    own, weights = np.polynomial.legendre.leggauss(NODES)
    half = (high - low) / panels / 2
    middles = low + half * (2 * np.arange(panels) + 1)
    return (middles[:, None] + half * own).ravel(), np.tile(half * weights, panels)


def _solve(nodes: np.ndarray, mass: np.ndarray, root: float, step: float, target: float) -> float:
    """The z at which a score with standard deviation `root` first crosses with probability `target`."""

    def excess(z: float) -> float:
        return float(mass @ norm.sf((z * root - nodes) / step)) - target

    return MOST if excess(MOST) >= 0 else float(brentq(excess, 0.0, MOST, xtol=1e-10))


@dataclass(frozen=True)
class Boundary:
    """The levels of one analysis, such that all analyses of a study together keep the promised error rate."""

    fraction: float  # of the planned answers that had come
    z: float  # of each end of the 95% interval
    level: float  # level of the interval that makes it hold at all analyses together with 95%
    alpha: float  # the larger p-value of the two one-sided tests must be smaller than this


@dataclass(frozen=True)
class Looks:
    """The analyses of a study so far.

    `planned` is the number of answers planned in all. `answers` are the numbers counted at each analysis, growing; the
    last one is the present analysis.

    The share of the planned answers stands for information, both in the spending and in the correlation of two
    analyses. All looks share their images, and readers who have not finished. So two looks are more strongly correlated
    than assumed. By Slepian's inequality, the boundaries then spend slightly less than they may.
    """

    planned: int
    answers: tuple[int, ...]

    def __post_init__(self) -> None:
        growing = all(one < other for one, other in zip(self.answers, self.answers[1:], strict=False))
        if self.planned < 1 or not self.answers or self.answers[0] < 1 or not growing:
            raise ValueError("looks need planned answers, and numbers of answers that grow from one look to the next")

    @classmethod
    def with_now(cls, planned: int, looked_at: Sequence[int], now: int) -> "Looks":
        """The looks that were taken, plus the present analysis if more answers have come since."""
        return cls(planned, (*looked_at, now) if now > looked_at[-1] else tuple(looked_at))

    @property
    def now(self) -> Boundary:
        """The boundary of the present analysis."""
        return _boundary(self.planned, self.answers)


@lru_cache(maxsize=256)
def _boundary(planned: int, answers: tuple[int, ...]) -> Boundary:
    fractions = [one / planned for one in answers]

    def last(alpha: float) -> float:
        return boundaries(fractions, [spending(one, alpha) for one in fractions])[-1]

    z = last((1 - LEVEL) / 2)
    return Boundary(fractions[-1], z, float(1 - 2 * norm.sf(z)), float(norm.sf(last(ALPHA))))
