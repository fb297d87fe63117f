"""A detector of generated images: a classifier on frozen features, cross-validated by lesion.

References:
    Friedman, Hastie, Tibshirani (2010), Regularization paths for generalized linear models, J Stat Softw 33(1): the
        penalised logistic regression, here with a ridge penalty.
    Varma, Simon (2006), Bias in error estimation when using cross-validation for model selection, BMC Bioinformatics
        7:91: why the penalty is chosen inside each training part.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from console import Progress, no_progress
from gan.foundation.errors import GanError
from gan.foundation.patients import Groups
from gan.imaging.duplicates import Looks, look_of

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
INNER_FOLDS, FEWEST_FOLDS = 3, 2
TURNS = 8
MOST_STEPS = 50
TRIES = 20  # random orders in which groups are given to folds
OTHER_SPLITS = 10  # repeated splits show how much the AUC depends on which images share a fold


@dataclass(frozen=True)
class Detection:
    """Scores of n images, each from a fit that saw neither the image nor another of its group."""

    score: np.ndarray  # (n,) probability of being generated
    fold: np.ndarray  # (n,) fold, from 0
    group: np.ndarray  # (n,) codes
    other_aucs: list[float]  # AUCs of other random splits into folds


def near_copies(images: Sequence[np.ndarray]) -> Iterator[tuple[int, int]]:
    """Pairs of images (H, W, 3) uint8 that show the same picture, also turned or mirrored, as curation finds them."""
    pictures = [Image.fromarray(image) for image in images]
    plain = Looks([look_of(picture) for picture in pictures])
    for index, picture in enumerate(pictures):
        for turn in range(TURNS):
            turned = picture.rotate(90 * (turn % 4), expand=True)
            if turn >= 4:
                turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            for other in plain.alike(look_of(turned), among=index):
                yield int(other), index


def linked(names: Sequence[str], pairs: Iterator[tuple[int, int]]) -> np.ndarray:
    """Codes (n,) of groups: images with one name, and images linked by `pairs` of indices, share a group."""
    groups = Groups()
    for index, name in enumerate(names):
        groups.link(("group", name), ("image", str(index)))
    for one, other in pairs:
        groups.link(("image", str(one)), ("image", str(other)))
    roots = [str(groups.root(("image", str(index)))) for index in range(len(names))]
    return np.unique(roots, return_inverse=True)[1]


def split(group: np.ndarray, generated: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """The fold (n,) of each image. A group stays in one fold, and both truths are spread as evenly as possible.

    Raises `GanError` if a truth has fewer groups than folds, or if no order of the groups gives each fold both truths.
    """
    groups = int(group.max()) + 1
    counts = np.stack([np.bincount(group, mask, groups) for mask in (~generated, generated)], 1)  # (groups, 2)
    if (counts > 0).sum(0).min() < folds:
        raise GanError(
            f"{int((counts > 0).sum(0).min())} different lesions or pictures of one truth are too few for {folds} folds"
        )
    wanted = counts.sum(0) / folds
    for _ in range(TRIES):
        order = rng.permutation(groups)
        order = order[np.argsort(-counts[order].sum(1), kind="stable")]
        filled, of_group = np.zeros((folds, 2)), np.empty(groups, int)
        for one in order:
            # The fold with the fewest images of the group's truths; ties are broken at random.
            lack = ((filled / wanted) * (counts[one] > 0)).sum(1) + 1e-9 * rng.random(folds)
            of_group[one] = int(np.argmin(lack))
            filled[of_group[one]] += counts[one]
        if filled.all():
            return of_group[group]
    raise GanError(f"the lesions and pictures could not be given to {folds} folds that all have both truths")


def detect(
    features: np.ndarray,
    generated: np.ndarray,
    group: np.ndarray,
    folds: int,
    seed: int,
    progress: Progress = no_progress,
    other_splits: int = OTHER_SPLITS,
) -> Detection:
    """Cross-validated scores of a ridge logistic regression.

    The penalty is chosen in each training part, by the log loss of a cross-validation within it.

    Args:
        features: (n, D), frozen: no image of the study influenced them.
        generated: (n,) bool.
        group: (n,) codes. Images of one group are never on both sides of a split.
        folds: 2 or more.

    Raises:
        GanError: if a truth has fewer groups than folds.
    """
    rng = np.random.default_rng(seed)
    others = []
    with one_thread():
        fold = split(group, generated, folds, rng)
        score = _scores(features, generated, group, fold, rng)
        for _ in progress(range(other_splits), "Other splits", other_splits):
            other = split(group, generated, folds, rng)
            others.append(auc_of_folds(_scores(features, generated, group, other, rng), generated, other))
    return Detection(score, fold, group, others)


def auc_of_folds(score: np.ndarray, generated: np.ndarray, fold: np.ndarray) -> float:
    """The mean of the folds' AUCs; ties count one half."""
    found = []
    for one in np.unique(fold):
        own = fold == one
        high, low = score[own & generated], score[own & ~generated]
        found.append(((high[:, None] > low).mean() + (high[:, None] >= low).mean()) / 2)
    return float(np.mean(found))


def _scores(
    features: np.ndarray, generated: np.ndarray, group: np.ndarray, fold: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    score = np.empty(len(features))
    for one in np.unique(fold):
        held_out = fold == one
        penalty = _penalty(features[~held_out], generated[~held_out], group[~held_out], rng)
        score[held_out] = fit_and_predict(features[~held_out], generated[~held_out], features[held_out], (penalty,))[0]
    return score


def _penalty(features: np.ndarray, generated: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> float:
    codes = np.unique(group, return_inverse=True)[1]
    of_truth = [len(np.unique(codes[mask])) for mask in (generated, ~generated)]
    folds = min(INNER_FOLDS, *of_truth)
    if folds < FEWEST_FOLDS:
        return PENALTIES[-1]
    fold, losses = split(codes, generated, folds, rng), np.zeros(len(PENALTIES))
    for one in range(folds):
        held_out = fold == one
        predicted = fit_and_predict(features[~held_out], generated[~held_out], features[held_out], PENALTIES)
        right = np.where(generated[held_out], predicted, 1 - predicted)
        losses -= np.log(np.maximum(right, 1e-12)).sum(1)
    return PENALTIES[int(np.argmin(losses))]


def fit_and_predict(
    features: np.ndarray, generated: np.ndarray, others: np.ndarray, penalties: Sequence[float]
) -> np.ndarray:
    """Probabilities (penalties, m) that `others` (m, D) are generated, by logistic regressions on `features` (n, D).

    Features are standardised by the training part. The fit runs in the space spanned by the n images, which contains
    the penalised optimum (the representer theorem).
    """
    x, z = (torch.from_numpy(np.asarray(values, float)) for values in (features, others))
    mean, spread = x.mean(0), x.std(0, correction=0)
    scale = torch.where(spread > 1e-9, spread, torch.inf) * np.sqrt(features.shape[1])
    x, z = (x - mean) / scale, (z - mean) / scale
    values, vectors = torch.linalg.eigh(x @ x.T)
    kept = values > 1e-9 * values[-1].clamp(min=1e-300)
    root = values[kept].sqrt()
    inner, outer = vectors[:, kept] * root, z @ x.T @ vectors[:, kept] / root
    truth = torch.from_numpy(np.asarray(generated, float))
    return np.stack([_predict(_with_one(inner), truth, _with_one(outer), penalty) for penalty in penalties])


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], 1)


def _predict(x: Tensor, truth: Tensor, others: Tensor, penalty: float) -> np.ndarray:
    """Newton's method. The loss is convex, and the ridge keeps every step finite."""
    sign = 2 * truth - 1
    ridge = torch.full((x.shape[1],), penalty, dtype=x.dtype)
    ridge[0] = 0

    def loss(w: Tensor) -> float:
        return float(-F.logsigmoid(sign * (x @ w)).mean() + ridge @ w**2 / 2)

    w, now = torch.zeros(x.shape[1], dtype=x.dtype), float(np.log(2))
    for _ in range(MOST_STEPS):
        chance = torch.sigmoid(x @ w)
        gradient = x.T @ (chance - truth) / len(x) + ridge * w
        curvature = (x * (chance * (1 - chance) / len(x))[:, None]).T @ x + torch.diag(ridge + 1e-12)
        step = torch.linalg.solve(curvature, gradient)
        length = 1.0
        while (later := loss(w - length * step)) > now and length > 1e-6:
            length /= 2
        w, before, now = w - length * step, now, later
        if before - now < 1e-10:
            break
    return torch.sigmoid(others @ w).numpy()


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread within the block.

    The matrices are small, and threads that wait for each other cost more than they gain.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
