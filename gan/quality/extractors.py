"""Feature networks for evaluation: they turn images into feature vectors. Every figure carries the network's name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from files import is_file, shown
from gan.foundation.errors import GanError
from gan.networks.features import JUDGING_SIDE, LiteFeatures

BATCH = 32
INCEPTION_SIDE = 299


@dataclass(frozen=True)
class Extractor:
    """A feature network: its name, and a function from uint8 images (N, 3, H, W) to features (N, D)."""

    name: str
    extract: Callable[[Tensor], Tensor]

    def features(self, images: np.ndarray, progress: Callable[[Iterable[int]], Iterable[int]] = iter) -> np.ndarray:
        """Images (N, H, W, 3) uint8 to float64 features (N, D)."""
        found = []
        for start in progress(range(0, len(images), BATCH)):
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH])).permute(0, 3, 1, 2)
            with torch.inference_mode():
                found.append(self.extract(batch).double().cpu().numpy())
        return np.concatenate(found)


@cache
def lite2() -> Extractor:
    """EfficientNet-Lite2 with images at 224 pixels. It is not the network that the projected discriminator uses."""
    network = LiteFeatures(2)

    def extract(images: Tensor) -> Tensor:
        scaled = resize(images, JUDGING_SIDE) / 127.5 - 1
        return network.pooled(scaled.contiguous(memory_format=torch.channels_last))

    return Extractor(f"EfficientNet-Lite2, ImageNet, pooled, {JUDGING_SIDE} px", extract)


def inception(path: Path) -> Extractor:
    """Inception-v3 as a TorchScript file, such as `inception-2015-12-05.pt` of StyleGAN's metrics.

    Its figures can be compared with the literature. Raises `GanError` if the file is missing or is another network's.
    """
    if not is_file(path):
        raise GanError(f"{shown(path)}: not a TorchScript Inception-v3 (no such file).")
    try:
        network = torch.jit.load(str(path), map_location="cpu").eval()
        with torch.inference_mode():
            shape = network(
                torch.zeros((1, 3, INCEPTION_SIDE, INCEPTION_SIDE), dtype=torch.uint8), return_features=True
            ).shape
    except (RuntimeError, ValueError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise GanError(f"{path}: not a TorchScript Inception-v3 ({reason}).") from None
    if len(shape) != 2:
        raise GanError(f"{path}: gave {tuple(shape)} for one image, not a feature vector.")

    def extract(images: Tensor) -> Tensor:
        scaled = resize(images, INCEPTION_SIDE).round().clamp(0, 255).to(torch.uint8)
        return network(scaled, return_features=True)

    return Extractor(f"Inception-v3 ({path.name}), pooled, {INCEPTION_SIDE} px", extract)


def resize(images: Tensor, side: int) -> Tensor:
    """Images (N, C, H, W) of any type to float32 (N, C, side, side), smoothed if they become smaller."""
    return F.interpolate(images.float(), size=(side, side), mode="bilinear", antialias=True, align_corners=False)
