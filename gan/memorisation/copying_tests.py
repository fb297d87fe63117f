"""The field's tests for copies, computed from distances and scores."""

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist
from scipy.stats import norm, rankdata

HELD_OUT_PER_CELL = 20


def authenticity(distance: np.ndarray, nearest: np.ndarray, training: np.ndarray) -> float:
    """The share of images that are authentic (Alaa et al. 2022).

    An image is authentic if its nearest training image, at `distance` (N,), lies further from it than from the next
    training image. `nearest` (N,) indexes `training` features (M, D).
    """
    between = cdist(training, training)
    np.fill_diagonal(between, np.inf)
    return float((distance > between.min(1)[nearest]).mean())


def data_copying_z(
    samples: np.ndarray, held_out: np.ndarray, sample_cells: np.ndarray, held_out_cells: np.ndarray
) -> float:
    """The data-copying statistic C_T (Meehan, Chaudhuri, Dasgupta 2020). Far below 0, for example under -3, is copying.

    In each cell of feature space, it takes the Mann-Whitney U statistic of the distances to the training set, samples
    (N,) against held-out images (M,), as a z-score. The result is their mean, weighted by the held-out images in the
    cells. Cells with fewer than two images of either kind are left out. NaN if no cell is left.
    """
    scores, weights = [], []
    for cell in np.unique(held_out_cells):
        ours, theirs = samples[sample_cells == cell], held_out[held_out_cells == cell]
        if min(len(ours), len(theirs)) < 2:
            continue
        scores.append(rank_z(ours, theirs))
        weights.append(len(theirs))
    return float(np.average(scores, weights=weights)) if scores else float("nan")


def rank_z(one: np.ndarray, other: np.ndarray) -> float:
    """The Mann-Whitney U of `one` against `other` as a z-score, corrected for ties; below 0 if `one` is smaller."""
    n, m = len(one), len(other)
    u = rankdata(np.concatenate([one, other]))[:n].sum() - n * (n + 1) / 2
    _, counts = np.unique(np.concatenate([one, other]), return_counts=True)
    total = n + m
    variance = n * m / 12 * (total + 1 - (counts**3 - counts).sum() / (total * (total - 1)))
    return float((u - n * m / 2) / np.sqrt(variance)) if variance > 0 else 0.0


def cells_of(
    held_out: np.ndarray, held_out_diagnosis: np.ndarray, samples: np.ndarray, sample_diagnosis: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The cells of feature space in which held-out images (M,) and samples (N,) lie, by k-means on held-out images.

    A cell has about twenty held-out images, all of one diagnosis. A cell of two diagnoses would compare different mixes
    of them. Samples of a diagnosis without held-out images are in no cell (-1).

    Args:
        held_out: (M, D) features; `held_out_diagnosis` (M,) their diagnoses.
        samples: (N, D) features; `sample_diagnosis` (N,) their diagnoses.
    """
    theirs, ours, used = np.full(len(held_out), -1), np.full(len(samples), -1), 0
    for diagnosis in np.unique(held_out_diagnosis):
        of_theirs, of_ours = held_out_diagnosis == diagnosis, sample_diagnosis == diagnosis
        count = max(1, int(of_theirs.sum()) // HELD_OUT_PER_CELL)
        centres = kmeans2(held_out[of_theirs], count, minit="++", rng=np.random.default_rng(0))[0]
        theirs[of_theirs] = used + cdist(held_out[of_theirs], centres).argmin(1)
        ours[of_ours] = used + cdist(samples[of_ours], centres).argmin(1)
        used += count
    return theirs, ours


def membership_auc(
    members: np.ndarray, others: np.ndarray, member_group: np.ndarray, other_group: np.ndarray
) -> dict[str, float | list[float]]:
    """Membership inference by the discriminator's scores (Hayes et al. 2019): the AUC of members against others.

    At 0.5 the discriminator cannot tell what it was trained on. The groups code the lesion or patient of each image.
    The interval is over groups, whose images may be alike (Obuchowski 1997, Nonparametric analysis of clustered ROC
    curve data, Biometrics 53:567-578). If all scores of one kind are above the others, it is that of as many right
    answers as the smaller kind has groups (Clopper and Pearson).

    Args:
        members: (N,) scores of images that were trained on; `member_group` (N,) their groups.
        others: (M,) scores of images that were not; `other_group` (M,) their groups.
    """
    above = (members[:, None] > others) + 0.5 * (members[:, None] == others)
    auc = float(above.mean())
    variance = _variance_of_mean(above.mean(1), member_group) + _variance_of_mean(above.mean(0), other_group)
    if auc in (0, 1):
        least = 0.025 ** (1 / min(len(np.unique(member_group)), len(np.unique(other_group))))
        return {"auc": auc, "ci95": [least, 1.0] if auc else [0.0, 1 - least]}
    half = float(norm.ppf(0.975) * np.sqrt(variance))
    return {"auc": auc, "ci95": [max(auc - half, 0.0), min(auc + half, 1.0)]}


def _variance_of_mean(values: np.ndarray, group: np.ndarray) -> float:
    """The variance of the mean of values (N,), whose groups are independent and whose members of a group are not."""
    codes = np.unique(group, return_inverse=True)[1]
    sums = np.bincount(codes, values - values.mean())
    count = len(sums)
    return float(count / (count - 1) * (sums**2).sum() / len(values) ** 2) if count > 1 else 0.25
