"""Augmentation: the eight flips and rotations for data, and differentiable augmentation for discriminators.

Nothing here draws random numbers. They are passed in, so that processes can share a batch and a step can be repeated.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from gan.networks import devices


def dihedral(images: Tensor, which: int) -> Tensor:
    """Images (..., S, S) turned by `which` of the eight flips and rotations; 0 leaves them unchanged."""
    turned = torch.rot90(images, which % 4, (-2, -1))
    return turned.flip(-1) if which >= 4 else turned


def turn_each(images: Tensor, turns: Tensor) -> Tensor:
    """Turn each image of (N, C, S, S) by its own flip or rotation, (N,) in 0..7. A lesion has no upright side."""
    if devices.on_gpu(images):
        return turn_at_once(images, turns)
    return torch.stack([dihedral(image, int(which)) for image, which in zip(images, turns, strict=True)])


def turn_at_once(images: Tensor, turns: Tensor) -> Tensor:
    """As `turn_each`, but looks up every pixel where it comes from, so that the host does not read `turns`."""
    side = images.shape[-1]
    places = torch.arange(side * side, device=images.device).view(side, side)
    origins = torch.stack([dihedral(places, which).flatten() for which in range(8)])  # (8, S * S)
    found = images.flatten(2).gather(2, origins[turns][:, None].expand(-1, images.shape[1], -1))
    return found.view(images.shape)


def translate(images: Tensor, shift: Tensor) -> Tensor:
    """DiffAugment's translation (Zhao et al. 2020), the same for real and generated images (N, 3, S, S).

    The shift is up to an eighth of the side. `shift` (2,) holds uniform random numbers in [0, 1), one pair for the
    batch, so that one copy is enough.
    """
    if devices.on_gpu(shift):
        return translate_by_lookup(images, shift)
    side = images.shape[-1]
    reach = side // 8
    down, right = (int(one * (2 * reach + 1)) for one in shift.tolist())
    # Mirrored at the border, because the generator would learn a grey border.
    padded = F.pad(images, (reach, reach, reach, reach), mode="reflect")
    return padded[:, :, down : down + side, right : right + side]


def translate_by_lookup(images: Tensor, shift: Tensor) -> Tensor:
    """As `translate`, but the host does not read `shift`."""
    side = images.shape[-1]
    reach = side // 8
    start = (shift * (2 * reach + 1)).long() - reach
    places = (start[:, None] + torch.arange(side, device=shift.device)).abs()
    down, right = side - 1 - (side - 1 - places).abs()
    return images.index_select(2, down).index_select(3, right)
