"""Images as tensors: drawn into batches, scaled for networks and back to pixels."""

import numpy as np
import torch
from torch import Tensor

from gan.foundation.seeds import derive_seed


def batch_indices(count: int, batch_size: int, step: int, seed: int) -> Tensor:
    """Indices (batch_size,) of the batch at `step`: a part of an endless sequence of seeded permutations.

    It depends only on its arguments, so a resumed run sees the same batches as one that was never interrupted.
    """
    position = step * batch_size
    epochs = range(position // count, (position + batch_size - 1) // count + 1)
    orders = [
        torch.randperm(count, generator=torch.Generator().manual_seed(derive_seed(seed, epoch))) for epoch in epochs
    ]
    start = position - epochs[0] * count
    return torch.cat(orders)[start : start + batch_size]


def to_unit_range(images: Tensor) -> Tensor:
    """uint8 images to float32 in [-1, 1]."""
    return images.float().div_(127.5).sub_(1)


def to_pixels(images: Tensor) -> np.ndarray:
    """Images (N, 3, H, W) in [-1, 1] to uint8 arrays (N, H, W, 3)."""
    scaled = images.float().add(1).mul(127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
