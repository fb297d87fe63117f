"""The distance between generated and real images as distributions, in the space of pooled features.

A discriminator judges images one by one. It notices late what all of them together lack, such as hair or dermoscopy's
rims. The energy distance (Szekely and Rizzo 2013) compares two distributions. It is zero only if they are the same. It
falls as generated images come closer to real ones, and rises as they come closer to each other.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

FIELDS = 4  # along each side
GUARD = 1e-6  # added under the square root, whose slope at 0 is infinite


def pooled_statistics(features: Tensor) -> Tensor:
    """(N, 2C): mean and standard deviation of each channel over maps (N, C, H, W)."""
    # In a channels-last map, sums over one dimension are much faster than `var` over two.
    pixels = features.float().permute(0, 2, 3, 1).flatten(1, 2)
    mean = pixels.mean(1, keepdim=True)
    deviation = ((pixels - mean).square().mean(1) + GUARD).sqrt()
    return torch.cat([mean[:, 0], deviation], 1)


def layout(features: Tensor) -> Tensor:
    """(N, 16C): mean of each channel in 4 x 4 fields of maps (N, C, H, W).

    It tells where in the image something is, which means over the whole image do not.
    """
    return F.adaptive_avg_pool2d(features.float(), FIELDS).flatten(1)


def mean_distance(features: Tensor) -> Tensor:
    """The mean distance between two different features of (M, D)."""
    count = len(features)
    return torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").sum() / (
        count * max(count - 1, 1)
    )


def energy_distance(
    generated: Tensor,
    group: Tensor,
    real: Tensor,
    real_kind: Tensor,
    kind: Tensor,
    scale: Tensor,
    repulsion: float = 1.0,
) -> Tensor:
    """The unbiased energy distance between generated features (N, D) and real ones (M, D) of the same kind.

    Args:
        group: (N,) generated images are compared with each other within groups; a group has one kind.
        real_kind: (M,) the kind of each real image, such as its diagnosis.
        kind: (N,) the kind of each generated image.
        scale: (kinds,) the mean distance between two real images, which is the unit.
        repulsion: the weight of the generated images' distances from each other, below sqrt(2). Above 1, the value is
            no longer a distance: the generated images that are best lie further apart than the real ones. If both are
            normal, they do by the factor repulsion / sqrt(2 - repulsion^2).

    The distance of real images from each other does not depend on the generated images. It is subtracted as 1, so the
    result is about 0 if both are alike.

    It is the mean over all pairs of images, with weight 0 for pairs that are not compared, so no value is read on the
    host. Distances come from inner products after the real images' mean is subtracted; otherwise most digits of float32
    would be lost. `torch.cdist` without products took 3% of a training step.
    """
    centre = real.mean(0)
    generated, real = generated - centre, real - centre
    counts = (real_kind == torch.arange(len(scale), device=real.device)[:, None]).sum(1)
    across = (kind[:, None] == real_kind).to(real.dtype) / (counts * scale)[kind][:, None]
    eye = torch.eye(len(group), dtype=torch.bool, device=group.device)
    same = ((group[:, None] == group) & ~eye).to(real.dtype)
    within = same / (same.sum(1).clamp(min=1) * scale[kind])[:, None]
    apart = (within * _by_products(generated, generated)).sum()
    pairs = 2 * (across * _by_products(generated, real)).sum() - repulsion * apart
    return pairs / len(generated) - 1


def _by_products(one: Tensor, other: Tensor) -> Tensor:
    """(N, M) Euclidean distances of features (N, D) and (M, D)."""
    squares = one.square().sum(1)[:, None] + other.square().sum(1) - 2 * one @ other.T
    return (squares.clamp(min=0) + GUARD).sqrt()
