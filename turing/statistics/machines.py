"""Figures of a machine reader. It is one fixed reader, so only the images are a sample.

References:
    DeLong, DeLong, Clarke-Pearson (1988), Comparing the areas under two or more correlated ROC curves, Biometrics
        44:837-845: the variance of one reader's AUC.
    Obuchowski (1997), Nonparametric analysis of clustered ROC curve data, Biometrics 53:567-578: the same for images
        that come in groups.
    LeDell, Petersen, van der Laan (2015), Computationally efficient confidence intervals for cross-validated AUC
        estimates, Electron J Stat 9:1583-1607: the mean of the folds' AUCs, and its variance by influence values.
    Korn, Graubard (1998), Confidence intervals for proportions with small expected number of positive counts estimated
        from survey data, Surv Methodol 24:193-201: Wilson's interval at the effective number of images.
    Newcombe (2006), Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2, Stat
        Med 25:559-573: the score interval (method 5), for scores that separate the truths perfectly.
    Bonett, Wright (2000), Sample size requirements for estimating Pearson, Kendall and Spearman correlations,
        Psychometrika 65:23-28.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import brentq

from turing.statistics.proportions import wilson

FEWEST_IMAGES = 10  # of a rank correlation's interval
AUC_METHOD = (
    "mean of the folds' AUCs; 95% logit interval over images in groups (DeLong 1988, Obuchowski 1997, LeDell 2015)"
)


def machine_auc(
    score: ArrayLike, is_generated: ArrayLike, fold: ArrayLike, group: ArrayLike, other_splits: ArrayLike = ()
) -> dict[str, Any]:
    """The AUC of one machine, with its interval over images.

    With a single fold and every image in a group of its own, the variance is DeLong's.

    Args:
        score: (n,) higher means more like generated. Ties count one half.
        is_generated: (n,) bool.
        fold: (n,) labels. Scores of different folds come from different fits and are not compared. All labels are alike
            for a machine that was not fitted here. Folds that hold only one truth have no AUC and are left out.
        group: (n,) labels of images that are not independent cases, such as two of one lesion.
        other_splits: AUCs of other random divisions into folds. Their variance is added.

    Returns:
        JSON values `estimate`, `variance`, `ci95`, `method` and `folds`; None for what is unknown.
    """
    y, truth, folds = np.asarray(score, float), np.asarray(is_generated, bool), np.asarray(fold)
    groups = np.unique(np.asarray(group), return_inverse=True)[1]
    usable = [one for one in np.unique(folds) if 0 < truth[folds == one].sum() < (folds == one).sum()]
    unknown: dict[str, Any] = {"estimate": None, "variance": None, "ci95": None, "method": AUC_METHOD, "folds": 0}
    if not usable:
        return unknown
    influence, areas, known = np.zeros(len(y)), [], True
    for one in usable:
        high, low = np.flatnonzero((folds == one) & truth), np.flatnonzero((folds == one) & ~truth)
        wins = np.sign(y[high][:, None] - y[low]) / 2 + 0.5
        areas.append(float(wins.mean()))
        known = known and min(len(high), len(low)) > 1
        for own, means in ((high, wins.mean(1)), (low, wins.mean(0))):
            correction = np.sqrt(len(own) / max(len(own) - 1, 1))
            influence[own] = correction * (means - areas[-1]) / (len(own) * len(usable))
    area = float(np.mean(areas))
    found = unknown | {"estimate": area, "folds": len(usable)}
    variance = float((np.bincount(groups, influence) ** 2).sum())
    splits = np.asarray(other_splits, float)
    if len(splits) > 1:
        variance += float(splits.var(ddof=1))
    if not known:
        return found
    if variance <= 0 or not 0 < area < 1:
        return found | {"ci95": _separated(area, *(len(np.unique(groups[truth == one])) for one in (True, False)))}
    half = stats.norm.ppf(0.975) * np.sqrt(variance) / (area * (1 - area))
    middle = np.log(area / (1 - area))
    interval = (1 / (1 + np.exp(-(middle + np.array([-half, half]))))).tolist()
    return found | {"variance": variance, "ci95": interval}


def _separated(area: float, generated: int, real: int) -> list[float]:
    """Newcombe's interval if nothing varies, such as at an area of 1. The arguments are numbers of groups."""

    def beyond(theta: float) -> float:
        more = (generated + real) / 2 - 1
        spread = 1 + more * (1 - theta) / (2 - theta) + more * theta / (1 + theta)
        return (area - theta) ** 2 - stats.norm.ppf(0.975) ** 2 * theta * (1 - theta) * spread / (generated * real)

    low = 0.0 if area <= 0 else brentq(beyond, 1e-12, min(area, 1 - 1e-9))
    high = 1.0 if area >= 1 else brentq(beyond, max(area, 1e-9), 1 - 1e-12)
    return [float(low), float(high)]


def machine_rate(success: ArrayLike, group: ArrayLike) -> dict[str, Any]:
    """A share of n images, with Wilson's interval at the effective number of images.

    Args:
        success: (n,) bool.
        group: (n,) labels of images that are not independent cases. They make the effective number smaller, never
            larger.

    Returns:
        JSON values.
    """
    y = np.asarray(success, float)
    if not len(y):
        return {"estimate": None, "ci95": None, "images": 0}
    share, n = float(y.mean()), len(y)
    groups = np.unique(np.asarray(group), return_inverse=True)[1]
    binomial = share * (1 - share) / n
    clusters = int(groups.max()) + 1
    clustered = (np.bincount(groups, y - share) ** 2).sum() / n**2 * clusters / max(clusters - 1, 1)
    effective = n * min(1.0, binomial / clustered) if clustered > 0 else float(clusters)
    low, high = wilson(np.array([share * effective]), np.array([effective]))
    return {"estimate": share, "ci95": [float(low[0]), float(high[0])], "images": n}


def rank_correlation(x: ArrayLike, y: ArrayLike) -> dict[str, Any]:
    """Spearman's rank correlation over images, with Bonett and Wright's interval.

    Returns:
        JSON values. `estimate` is None if one of the two does not vary. `ci95` is None then, and for fewer than ten
            images.
    """
    first, second = np.asarray(x, float), np.asarray(y, float)
    n = len(first)
    if n < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return {"estimate": None, "ci95": None, "images": n}
    rho = float(np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1])
    if n < FEWEST_IMAGES or abs(rho) >= 1 - 1e-12:
        return {"estimate": rho, "ci95": None, "images": n}
    half = stats.norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    return {"estimate": rho, "ci95": np.tanh(np.arctanh(rho) + np.array([-half, half])).tolist(), "images": n}
