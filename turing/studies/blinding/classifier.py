"""A classifier that uses everything but what the images show.

References:
    Ojala, Garriga (2010), Permutation tests for studying classifier performance, J Mach Learn Res 11:1833-1863.
"""

import numpy as np
from scipy import stats

from turing.studies.blinding.checks import LEVEL, Check, Verdict, p_with_limit

FOLDS, PERMUTATIONS = 5, 999
RIDGE = 0.1


def cross_validated_auc(features: np.ndarray, generated: np.ndarray, folds: np.ndarray) -> float:
    """AUC of a ridge-regularised linear discriminant. Each stimulus is scored by a fit that did not see it.

    Args:
        features: (n, k), standardised.
        generated: (n,) bool.
        folds: (n,) the fold of each stimulus.
    """
    scores = np.empty(len(generated))
    for fold in np.unique(folds):
        held_out = folds == fold
        x, y = features[~held_out], generated[~held_out]
        difference = x[y].mean(0) - x[~y].mean(0)
        within = sum(((part - part.mean(0)).T @ (part - part.mean(0))) for part in (x[y], x[~y])) / len(x)
        weights = np.linalg.solve(within + RIDGE * np.eye(x.shape[1]), difference)
        scores[held_out] = features[held_out] @ weights
        # Scores of different fits are compared, so each fold is centred separately.
        scores[held_out] -= scores[held_out].mean()
    ranks = stats.rankdata(scores)
    n, m = generated.sum(), (~generated).sum()
    return float((ranks[generated].sum() - n * (n + 1) / 2) / (n * m))


def check_classifier(name: str, features: np.ndarray, generated: np.ndarray, found: Verdict, seed: int = 0) -> Check:
    """Check whether all features together predict the truth: the AUC against its distribution under permuted truths.

    `features` (n, k) may have any scale. Columns without variation are left out.
    """
    spread = features.std(0)
    features = features[:, spread > 0]
    what = f"{features.shape[1]} traces together"
    if not features.shape[1] or min(generated.sum(), (~generated).sum()) < FOLDS:
        return Check(
            name, Verdict.PASSED, "no trace varies" if not features.shape[1] else "too few stimuli to train on"
        )
    features = (features - features.mean(0)) / features.std(0)
    rng = np.random.default_rng(seed)
    folds = np.empty(len(generated), int)
    for mask in (generated, ~generated):  # every fold has the same share of both truths
        folds[rng.permutation(np.flatnonzero(mask))] = np.arange(mask.sum()) % FOLDS
    auc = cross_validated_auc(features, generated, folds)
    by_chance = []
    for _ in range(PERMUTATIONS):
        permuted = np.empty_like(generated)
        for fold in range(FOLDS):
            own = np.flatnonzero(folds == fold)
            permuted[own] = generated[rng.permutation(own)]
        by_chance.append(cross_validated_auc(features, permuted, folds))
    # The tail of the permutation distribution comes from its mean and spread. Counting cannot show such small p-values.
    p_value = stats.norm.sf((auc - np.mean(by_chance)) / np.std(by_chance))
    chance = np.quantile(by_chance, 0.95)
    told = f"{what}: AUC {auc:.3f}, {p_with_limit(p_value)}; 95% of permuted truths stay below {chance:.3f}"
    return Check(name, found if p_value < LEVEL else Verdict.PASSED, told, auc)
