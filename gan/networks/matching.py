"""How far generated images as a whole lie from real ones in the space of pooled features.

A discriminator judges images one by one; what all of them together lack, such as hair or dermoscopy's rims, it notices
late. The energy distance (Szekely and Rizzo 2013) compares two distributions: it is zero only where they are the same,
falls as generated images come near real ones and rises as they come near each other.
"""

import torch
from torch import Tensor

GUARD = 1e-6  # under the square root, whose slope at 0 is infinite


def pooled_statistics(features: Tensor) -> Tensor:
    """(N, 2C): mean and standard deviation of each channel over maps (N, C, H, W)."""
    maps = features.float()
    return torch.cat([maps.mean((2, 3)), (maps.var((2, 3), correction=0) + GUARD).sqrt()], 1)


def distances(one: Tensor, other: Tensor) -> Tensor:
    """(N, M) Euclidean distances of features (N, D) and (M, D)."""
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")


def mean_distance(features: Tensor) -> Tensor:
    """Between two different ones of features (M, D)."""
    count = len(features)
    return distances(features, features).sum() / (count * max(count - 1, 1))


def energy_distance(generated: Tensor, group: Tensor, real: list[Tensor], kind: Tensor, scale: Tensor) -> Tensor:
    """The energy distance of generated features (N, D) from real ones of their kind, without bias.

    Args:
        group: (N,) generated images are compared with each other within groups, all of one kind.
        real: for each kind, features (M, D) of real images.
        kind: (N,) of each generated image, such as its diagnosis.
        scale: (kinds,) the mean distance between two real images, the unit.

    What does not depend on the generated images, the distance of real ones from each other, is taken off as 1: about 0
    where both are alike.
    """
    loss = generated.new_zeros(())
    for index in kind.unique().tolist():
        own = generated[kind == index]
        loss = loss + 2 * distances(own, real[index]).mean(1).sum() / scale[index]
    same = (group[:, None] == group[None]) & ~torch.eye(len(group), dtype=torch.bool, device=group.device)
    apart = (generated[:, None] - generated[None]).square().sum(2).add(GUARD).sqrt() * same
    loss = loss - (apart.sum(1) / same.sum(1).clamp(min=1) / scale[kind]).sum()
    return loss / len(generated) - 1
