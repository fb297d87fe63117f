"""Sliced Wasserstein distance of small patches: a judge without any network, so no feature can flatter a generator.

The measure is that of Karras et al. 2018, Progressive Growing of GANs (section 5), with one difference. They scale each
set of patches by its own mean and deviation, so a wrong tone or contrast does not count. Here the mean and deviation of
the real images scale both sets, so it counts.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

SMALLEST_SIDE = 16  # pixels, the coarsest level of the pyramid
PATCH = 7  # pixels
PATCHES_PER_IMAGE = 128
PROJECTIONS = 512
PROJECTED_AT_ONCE = 64
SEED = 0
BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16


def sliced_wasserstein(generated: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Distances of the patches of two sets of images, (N, S, S, 3) and (M, S, S, 3) uint8, from fine to coarse.

    The keys are the sides in pixels of the levels of a Laplacian pyramid, S, S/2, ... down to 16 at least. The finest
    levels hold grain and hair, the coarsest one tone and layout. A value is the mean, over 512 random directions, of
    the Wasserstein-1 distance of the projected patches, in standard deviations of real patches. Both sets give equal
    numbers of patches, because the distance of two samples of one distribution shrinks with their number. It never
    reaches 0: compare it with that of real against real images.
    """
    number = PATCHES_PER_IMAGE * min(len(generated), len(real))
    found = {}
    for level, (ours, theirs) in enumerate(zip(_pyramid(generated), _pyramid(real), strict=True)):
        rng = torch.Generator().manual_seed(SEED + level)
        a, b = _patches(ours, number, rng), _patches(theirs, number, rng)
        mean, deviation = b.mean((0, 2), keepdim=True), b.std((0, 2), keepdim=True).clamp_min(1e-8)
        a, b = ((a - mean) / deviation).flatten(1), ((b - mean) / deviation).flatten(1)
        found[str(ours.shape[-1])] = _distance(a, b, rng)
    return found


def _pyramid(images: np.ndarray) -> list[Tensor]:
    """Laplacian pyramid (Burt and Adelson 1983) of images (N, S, S, 3): float32 (N, 3, s, s) for each level."""
    level = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    levels = []
    while level.shape[-1] % 2 == 0 and level.shape[-1] // 2 >= SMALLEST_SIDE:
        smaller = _blurred(level)[..., ::2, ::2]
        levels.append(level - _enlarged(smaller))
        level = smaller
    return [*levels, level]


def _blurred(images: Tensor, gain: float = 1.0) -> Tensor:
    channels = images.shape[1]
    kernel = (BINOMIAL[:, None] * BINOMIAL[None] * gain).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def _enlarged(images: Tensor) -> Tensor:
    spread = images.new_zeros((*images.shape[:2], 2 * images.shape[2], 2 * images.shape[3]))
    spread[..., ::2, ::2] = images
    return _blurred(spread, gain=4.0)


def _patches(images: Tensor, number: int, rng: torch.Generator) -> Tensor:
    """Patches (number, 3, PATCH * PATCH) at random places, from each image equally often as far as that divides."""
    side = images.shape[-1] - PATCH + 1
    which = torch.randperm(len(images), generator=rng).repeat(-(-number // len(images)))[:number]
    top, left = (torch.randint(side, (number,), generator=rng) for _ in range(2))
    offset = torch.arange(PATCH)
    rows = (top[:, None] + offset)[:, :, None]
    columns = (left[:, None] + offset)[:, None, :]
    return images[which[:, None, None], :, rows, columns].permute(0, 3, 1, 2).flatten(2)


def _distance(a: Tensor, b: Tensor, rng: torch.Generator) -> float:
    """Mean over random directions of the Wasserstein-1 distance of the projections of a and b, each (N, D)."""
    directions = F.normalize(torch.randn((a.shape[1], PROJECTIONS), generator=rng), dim=0)
    parts = [
        (torch.sort(a @ some, dim=0).values - torch.sort(b @ some, dim=0).values).abs().mean(0)
        for some in directions.split(PROJECTED_AT_ONCE, dim=1)
    ]
    return float(torch.cat(parts).mean())
