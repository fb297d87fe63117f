"""Augmentation: the eight flips and rotations for data, differentiable augmentation for discriminators.

Nothing here draws random numbers: they come in, so that a batch may be shared by processes and a step repeated.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def dihedral(images: Tensor, which: int) -> Tensor:
    """Images (..., S, S) turned by `which` of the eight flips and rotations, 0 leaving them as they are."""
    turned = torch.rot90(images, which % 4, (-2, -1))
    return turned.flip(-1) if which >= 4 else turned


def turn_each(images: Tensor, turns: Tensor) -> Tensor:
    """Each image of (N, C, S, S) under its own of the eight, (N,) in 0..7; a lesion has no upright side."""
    return torch.stack([dihedral(image, int(which)) for image, which in zip(images, turns, strict=True)])


def translate(images: Tensor, shift: Tensor) -> Tensor:
    """DiffAugment's translation (Zhao et al. 2020), for real and generated images (N, 3, S, S) alike.

    By up to an eighth of the side; uniform random numbers `shift` (2,) in [0, 1), one for the batch: a copy in one
    piece.
    """
    side = images.shape[-1]
    reach = side // 8
    down, right = (int(one * (2 * reach + 1)) for one in shift.tolist())
    # Mirrored at the border: a border of grey would find its way into the samples.
    padded = F.pad(images, (reach, reach, reach, reach), mode="reflect")
    return padded[:, :, down : down + side, right : right + side]
