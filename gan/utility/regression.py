"""Logistic regression on frozen features, for two diagnoses or more.

References:
    Friedman, Hastie, Tibshirani (2010), Regularization paths for generalized linear models, J Stat Softw 33(1).
    Varma, Simon (2006), Bias in error estimation when using cross-validation for model selection, BMC Bioinformatics
        7:91: why the penalty is chosen inside the training images.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
FOLDS = 3
MOST_STEPS = 200


def probabilities_by_regression(
    features: np.ndarray, label: np.ndarray, group: np.ndarray, others: np.ndarray, seed: int
) -> np.ndarray:
    """Probabilities (M, K) of `others` (M, D) by a regression on `features` (N, D) with diagnoses `label` (N,).

    The ridge penalty is chosen by cross-validation within the training images. Images of one `group` (N,) stay
    together. Every diagnosis has the same weight, however many images it has.
    """
    fold = folds_of(label, group, np.random.default_rng(seed))
    penalty = PENALTIES[-1]  # with too few lesions to choose by, the strongest
    if fold is not None:
        losses = np.zeros(len(PENALTIES))
        for one in range(FOLDS):
            own = fold == one
            predicted = fit_and_predict(features[~own], label[~own], features[own], PENALTIES)
            right = predicted[:, np.arange(own.sum()), label[own]]
            losses -= np.log(np.maximum(right, 1e-12)) @ weights_of(label)[own]
        penalty = PENALTIES[int(np.argmin(losses))]
    return fit_and_predict(features, label, others, (penalty,))[0]


def folds_of(label: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """The fold (N,) of each image.

    Groups stay whole, and every diagnosis is in all folds; None if one has too few groups.
    """
    fold_of: dict[int, int] = {}
    for one in range(int(label.max()) + 1):
        codes = np.unique(group[label == one])
        if len(codes) < FOLDS:
            return None
        for position, code in enumerate(rng.permutation(codes).tolist()):
            fold_of.setdefault(code, position % FOLDS)
    fold = np.array([fold_of[code] for code in group.tolist()])
    spread = all(len(np.unique(label[fold == one])) == int(label.max()) + 1 for one in range(FOLDS))
    return fold if spread else None


def weights_of(label: np.ndarray) -> np.ndarray:
    """(N,) weights that sum to 1, with the same total for each diagnosis."""
    counts = np.bincount(label)
    return 1 / (counts[label] * (counts > 0).sum())


def fit_and_predict(
    features: np.ndarray, label: np.ndarray, others: np.ndarray, penalties: Sequence[float]
) -> np.ndarray:
    """Probabilities (penalties, M, K) by multinomial regressions with a ridge penalty on everything but the intercepts.

    Features are standardised by the training images and divided by the square root of their number. The penalised loss
    is convex. The strongest penalty is fitted first, and each next fit starts at the previous solution.
    """
    x, z = (torch.from_numpy(np.asarray(values, float)) for values in (features, others))
    mean, spread = x.mean(0), x.std(0, correction=0)
    scale = torch.where(spread > 1e-9, spread, torch.inf) * np.sqrt(x.shape[1])
    x, z = (x - mean) / scale, (z - mean) / scale
    truth, weight = torch.from_numpy(np.asarray(label)), torch.from_numpy(weights_of(np.asarray(label)))
    classes = int(truth.max()) + 1
    w = torch.zeros(x.shape[1], classes, dtype=x.dtype, requires_grad=True)
    b = torch.zeros(classes, dtype=x.dtype, requires_grad=True)
    found = {}
    for penalty in sorted(penalties, reverse=True):
        optimiser = torch.optim.LBFGS(
            [w, b], max_iter=MOST_STEPS, tolerance_grad=1e-7, tolerance_change=1e-11, line_search_fn="strong_wolfe"
        )

        def loss(penalty: float = penalty, optimiser: torch.optim.LBFGS = optimiser) -> torch.Tensor:
            optimiser.zero_grad()
            value = weight @ F.cross_entropy(x @ w + b, truth, reduction="none") + penalty * (w**2).sum() / 2
            value.backward()
            return value

        optimiser.step(loss)
        with torch.no_grad():
            found[penalty] = torch.softmax(z @ w + b, 1).numpy()
    return np.stack([found[penalty] for penalty in penalties])
