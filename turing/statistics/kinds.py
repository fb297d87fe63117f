"""Tests whether there are two kinds of readers, and gives an interval of a rate that allows for two kinds.

References:
    McLachlan (1987), On bootstrapping the likelihood ratio test statistic for the number of components in a normal
        mixture, Appl Stat 36:318-324.
    Dempster, Laird, Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm, J R Stat Soc B 39:1-38.
    Owen (1988), Empirical likelihood ratio confidence intervals for a single functional, Biometrika 75:237-249.
    Zou, Donner (2008), Construction of confidence limits about effect measures: a general approach, Stat Med
        27:1693-1702 (limits of two parts put together).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit

from turing.statistics.intervals import LEVEL, NEGLIGIBLE, Estimate

LEAST_READERS = 8  # with fewer, simulated studies could not tell two kinds from one
LEAST_ANSWERS = 5  # of a reader, on average
# The likelihood ratio (twice the logarithm) that is exceeded by chance in at most 5% of simulated studies whose
# readers are of one kind: `benchmarks/coverage.py` prints how often.
THRESHOLD = 8.0
LOGITS = np.linspace(-6, 6, 97)  # of a reader's own rate
LEAST_SD, STEPS = 0.1, 150
SHARES = np.array([0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9])  # shares of readers below the border, as starting values
SPREADS = np.array([0.2, 0.6])
METHOD = (
    "likelihood ratio of two logit-normal kinds of readers against one; interval: empirical likelihood over readers "
    "(Owen 1988) with the images' part (Zou and Donner 2008), not narrower than the headline's"
)


def reader_kinds(reader: np.ndarray, score: np.ndarray, rate: Estimate, level: float = LEVEL) -> dict[str, Any] | None:
    """Whether the readers' rates form two kinds, and the interval that allows for two kinds.

    Args:
        reader: codes (n,).
        score: (n,) 0 or 1.
        rate: the MRMC estimate from the same responses, with an interval at `level`.

    Returns:
        JSON values; None if the rate has no interval. `two_kinds`: None if it cannot be tested, with `reason`.
            `statistic` and `threshold`: of the likelihood ratio. `share`: the share of readers of the kind with the
            lower rate. `rates`: the rates of both kinds. `ci95`: of the rate. `unseen_share`: the largest share of all
            readers that a kind can have and still be missing from one study in twenty of this size.
    """
    if rate.ci95 is None or rate.spread is None:
        return None
    _, code = np.unique(reader, return_inverse=True)
    answers, hits = np.bincount(code).astype(float), np.bincount(code, np.asarray(score, float))
    readers = len(answers)
    found: dict[str, Any] = {
        "two_kinds": None,
        "reason": None,
        "statistic": None,
        "threshold": THRESHOLD,
        "share": None,
        "rates": None,
        "ci95": list(kinds_interval(answers, hits, rate, level)),
        "unseen_share": float(1 - 0.05 ** (1 / readers)),
        "method": METHOD,
    }
    if readers < LEAST_READERS or answers.mean() < LEAST_ANSWERS:
        few = f"{LEAST_READERS} readers with {LEAST_ANSWERS} answers each are needed to tell two kinds from one"
        return found | {"reason": few}
    statistic, share, rates = two_kinds(answers, hits)
    return found | {
        "two_kinds": statistic > THRESHOLD,
        "statistic": statistic,
        "share": share,
        "rates": list(rates),
    }


def two_kinds(answers: np.ndarray, hits: np.ndarray) -> tuple[float, float, tuple[float, float]]:
    """Fit one kind and two kinds of readers, and compare the fits.

    A reader's rate is logit-normal, with one mean, or with one of two means and a common standard deviation. Both
    models are fitted by EM on a grid of logits from several starts. The number of steps is fixed, so that the figures
    are the same on every machine.

    Args:
        answers, hits: (R,) numbers of each reader's answers and of 1s among them.

    Returns:
        Twice the logarithm of the likelihood ratio, the share of the lower kind, and the rates of both kinds.
    """
    likelihood = _likelihood(answers, hits)
    share_of = (hits + 0.5) / (answers + 1)
    logit = np.log(share_of / (1 - share_of))
    one = _fit(likelihood, np.full((len(SPREADS), 1), logit.mean()), np.ones((len(SPREADS), 1)), SPREADS)
    borders = np.quantile(logit, SHARES)
    below = logit <= borders[:, None]  # (7, R)
    below[:, logit.argmin()], below[:, logit.argmax()] = True, False
    means = np.stack([(below @ logit) / below.sum(1), (~below @ logit) / (~below).sum(1)], 1)
    shares = np.stack([below.mean(1), (~below).mean(1)], 1)
    two = _fit(
        likelihood,
        np.repeat(means, len(SPREADS), 0),
        np.repeat(shares, len(SPREADS), 0),
        np.tile(SPREADS, len(SHARES)),
    )
    best, alone = int(two[0].argmax()), float(one[0].max())
    prior, share = two[1][best], two[2][best]
    rates = prior @ expit(LOGITS)
    order = np.argsort(rates)
    low, high = (float(rates[kind]) for kind in order)
    return max(0.0, 2 * (float(two[0][best]) - alone)), float(share[order[0]]), (low, high)


def _likelihood(answers: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """The likelihood (R, grid) of each reader's answers at each logit, scaled so that a reader's largest value is 1."""
    # log(1 + exp(logit)) does not overflow within the grid.
    log = hits[:, None] * LOGITS - answers[:, None] * np.log1p(np.exp(LOGITS))
    return np.exp(log - log.max(1, keepdims=True))


def _fit(
    likelihood: np.ndarray, means: np.ndarray, shares: np.ndarray, sd: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run EM from S starts at once.

    Returns log likelihoods (S,), priors of the kinds (S, K, grid) and their shares (S, K).

    `means`, `shares`: (S, K). `sd`: (S,), common to the kinds of a start and not below `LEAST_SD`.
    """
    starts, kinds = means.shape
    readers = len(likelihood)
    for step in range(STEPS + 1):
        prior = np.exp(-0.5 * ((LOGITS - means[:, :, None]) / sd[:, None, None]) ** 2)
        prior /= prior.sum(2, keepdims=True)
        of_kind = (prior.reshape(-1, len(LOGITS)) @ likelihood.T).reshape(starts, kinds, readers) * shares[:, :, None]
        whole = of_kind.sum(1)  # (S, R)
        if step == STEPS:
            break
        # Posterior weights of kind and logit, summed over readers: (S, K, grid).
        weight = ((shares[:, :, None] / whole[:, None, :]).reshape(-1, readers) @ likelihood).reshape(prior.shape)
        weight = weight * prior
        of_each = weight.sum(2)
        shares = of_each / readers
        means = (weight @ LOGITS) / np.maximum(of_each, NEGLIGIBLE)
        square = (weight * (LOGITS - means[:, :, None]) ** 2).sum((1, 2)) / readers
        sd = np.maximum(np.sqrt(square), LEAST_SD)
    return np.log(whole).sum(1), prior, shares


def kinds_interval(answers: np.ndarray, hits: np.ndarray, rate: Estimate, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the rate at `level` by empirical likelihood over readers.

    It is at least as wide as the rate's own interval. Empirical likelihood assumes no shape of the distribution. If a
    few readers differ much from the others, the limit on their side lies further away, as in an interval of a share.
    Each reader's weight is the number of their answers, and the number of readers is the effective one. The images'
    part of the variance is added to the squared distance of each limit (Zou and Donner 2008).

    Args:
        answers: (R,) numbers of each reader's answers.
        rate: the MRMC estimate, which must have an interval.
    """
    assert rate.ci95 is not None
    assert rate.spread is not None
    assert rate.estimate is not None
    weight = answers / answers.sum()
    size = 1 / (weight**2).sum()
    if size <= 1 + 1e-9 or np.ptp(hits / answers) < NEGLIGIBLE:
        return rate.ci95
    most = stats.t.ppf((1 + level) / 2, max(1.0, size - 1)) ** 2
    low, high = empirical_limits(hits / answers, weight, most / size)
    images = max(rate.spread.images, 0) * stats.t.ppf((1 + level) / 2, rate.spread.df_images) ** 2
    below = np.sqrt((rate.estimate - low) ** 2 + images)
    above = np.sqrt((high - rate.estimate) ** 2 + images)
    return (
        float(min(rate.ci95[0], max(0.0, rate.estimate - below))),
        float(max(rate.ci95[1], min(1.0, rate.estimate + above))),
    )


def empirical_limits(value: np.ndarray, weight: np.ndarray, most: float) -> tuple[float, float]:
    """The means mu for which twice the weighted empirical log likelihood ratio is at most `most`.

    The ratio at mu is the sum of 2 weight log(1 + lambda (value - mu)), where lambda solves: sum of weight (value - mu)
    / (1 + lambda (value - mu)) = 0 (Owen 1988, equation 2.4). The limits lie between the lowest and the highest value.

    Args:
        value: (R,) not all alike.
        weight: (R,) adding up to 1.
    """
    mean = float(weight @ value)

    def excess(mu: float) -> float:
        off = value - mu

        def slope(at: float) -> float:
            return float((weight * off / (1 + at * off)).sum())

        inside = 1 - 1e-12
        at = brentq(slope, -inside / off.max(), -inside / off.min(), xtol=1e-13, rtol=1e-14)
        return float(2 * weight @ np.log1p(at * off)) - most

    return _crossing(excess, float(value.min()), mean), _crossing(excess, float(value.max()), mean)


def _crossing(excess: Callable[[float], float], end: float, mean: float) -> float:
    edge = end + 1e-9 * (mean - end)  # at the end itself the ratio is infinite
    if excess(edge) <= 0:
        return end
    return float(brentq(excess, *sorted((edge, mean)), xtol=1e-13, rtol=1e-14))
