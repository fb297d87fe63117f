"""Distances between two sets of features: generated (N, D) and real (M, D), float64 arrays."""

import warnings
from dataclasses import asdict, dataclass

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

SUBSETS = 100
LARGEST_SUBSET = 1000
PRECISION_NEIGHBOURS, DENSITY_NEIGHBOURS = 3, 5  # as the papers suggest
FEWEST = 8  # images of a kind


class _Features(torch.nn.Identity):
    """Takes the place of a network in torchmetrics, but passes on features that were computed before."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.num_features = size


@dataclass(frozen=True)
class Figures:
    """Quality of generated against real features. `kid` is the squared MMD itself, which is often shown times 1000."""

    kid: float
    kid_std: float
    fid: float
    precision: float
    recall: float
    density: float
    coverage: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def compare(generated: np.ndarray, real: np.ndarray) -> Figures:
    """Compute every figure. Raises `ValueError` if either set has fewer than `FEWEST` images."""
    if min(len(generated), len(real)) < FEWEST:
        raise ValueError(
            f"{len(generated)} generated and {len(real)} real images; at least {FEWEST} of each are needed"
        )
    mean, deviation = kid(generated, real)
    precision, recall = precision_recall(generated, real)
    density, coverage = density_coverage(generated, real)
    return Figures(mean, deviation, fid(generated, real), precision, recall, density, coverage)


def kid(generated: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Kernel Inception distance (Binkowski et al. 2018) and its standard deviation over subsets.

    It is the unbiased squared MMD with the kernel (x . y / D + 1)^3, the mean over 100 random subsets of half the
    smaller set (torchmetrics). Because it is unbiased, it can be below 0.
    """
    size = min(len(generated), len(real), 2 * LARGEST_SUBSET) // 2
    with warnings.catch_warnings():
        # Hides torchmetrics' warning that it keeps all features in memory.
        warnings.simplefilter("ignore", UserWarning)
        metric = KernelInceptionDistance(feature=_Features(real.shape[1]), subsets=SUBSETS, subset_size=size)
    metric.set_dtype(torch.float64)
    metric.update(torch.from_numpy(real), real=True)
    metric.update(torch.from_numpy(generated), real=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def fid(generated: np.ndarray, real: np.ndarray) -> float:
    """Frechet distance of two Gaussians (Heusel et al. 2017, torchmetrics).

    It is unreliable at a few hundred images: the covariance of the features does not have full rank, which biases it
    upwards.
    """
    metric = FrechetInceptionDistance(feature=_Features(real.shape[1]), input_img_size=(3, 8, 8))
    metric.set_dtype(torch.float64)
    metric.update(torch.from_numpy(real), real=True)
    metric.update(torch.from_numpy(generated), real=False)
    return float(metric.compute())


def precision_recall(generated: np.ndarray, real: np.ndarray, k: int = PRECISION_NEIGHBOURS) -> tuple[float, float]:
    """Improved precision and recall (Kynkaanniemi et al. 2019).

    Precision is the share of generated images within the `k`-nearest-neighbour ball of any real one. Recall is the
    reverse.
    """
    between = cdist(generated, real)
    return (
        float((between <= _radii(real, k)).any(1).mean()),
        float((between <= _radii(generated, k)[:, None]).any(0).mean()),
    )


def density_coverage(generated: np.ndarray, real: np.ndarray, k: int = DENSITY_NEIGHBOURS) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020).

    Density is the number of real balls that contain a generated image, divided by `k`; 1 is expected if both sets are
    alike. Coverage is the share of real balls that contain a generated image.
    """
    within = cdist(generated, real) <= _radii(real, k)
    return float(within.sum(1).mean() / k), float(within.any(0).mean())


def _radii(features: np.ndarray, k: int) -> np.ndarray:
    """The distance (N,) of each point to its `k`-th nearest neighbour among the others."""
    distances = cdist(features, features)
    np.fill_diagonal(distances, np.inf)
    k = min(k, len(features) - 1)
    return np.partition(distances, k - 1, axis=1)[:, k - 1]
