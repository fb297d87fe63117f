"""The quality of a run's samples by diagnosis, against held-out lesions, with real against real for comparison."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from console import Progress, no_progress
from gan.datasets.sources import Source, decode_pixels
from gan.quality.extractors import Extractor, lite2
from gan.quality.metrics import FEWEST, compare
from gan.quality.patches import sliced_wasserstein

QUICK_SAMPLES = 128  # while training
FID_WARNING = "FID is unreliable at this sample size; compare KID."


def evaluate_pixels(
    pixels: np.ndarray, held_out: Sequence[Source], extractor: Extractor | None = None
) -> dict[str, Any] | None:
    """Figures of samples (N, S, S, 3) against held-out images; None if too few are held out."""
    if len(held_out) < FEWEST:
        return None
    extractor = extractor or lite2()
    real = extractor.features(decode_pixels(held_out, pixels.shape[1]))
    return _figures(extractor.features(pixels), real, extractor)


def evaluate(
    pixels: np.ndarray,
    training: Sequence[Source],
    held_out: Sequence[Source],
    extractor: Extractor,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Figures of samples against held-out images, and of training images against held-out ones as the floor.

    Two judges give them: the feature network, and `swd`, which compares patches without any network. The floor is None
    with fewer than eight training images.
    """
    size = pixels.shape[1]
    held_out_pixels = decode_pixels(held_out, size)
    real = extractor.features(held_out_pixels, lambda batches: progress(batches, "Held-out features"))

    def judged(images: np.ndarray, what: str) -> dict[str, Any]:
        features = extractor.features(images, lambda batches: progress(batches, what))
        return _figures(features, real, extractor) | {"swd": sliced_wasserstein(images, held_out_pixels)}

    figures = judged(pixels, "Sample features")
    if len(training) < FEWEST:
        return figures | {"floor": None}
    chosen = np.random.default_rng(0).permutation(len(training))[: len(pixels)]
    seen = decode_pixels([training[index] for index in chosen], size)
    return figures | {"floor": judged(seen, "Training features")}


def _figures(generated: np.ndarray, real: np.ndarray, extractor: Extractor) -> dict[str, Any]:
    return compare(generated, real).as_json() | {
        "feature_extractor": extractor.name,
        "samples": len(generated),
        "held_out": len(real),
        "warnings": [FID_WARNING],
    }
