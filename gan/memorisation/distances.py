"""The distance of an image to its nearest training image, in features and in pixels, under the eight turns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from torch import Tensor

from console import Progress
from gan.foundation.errors import GanError
from gan.quality.extractors import Extractor
from gan.runs.snapshots import read_snapshot, write_snapshot

THUMBNAIL = 32
OUTLINE = 4.0  # pixels of the thumbnail
TURNS = 8
LIMIT_QUANTILE = 0.01
MEASURES = ("features", "pixels")
FEWEST_HELD_OUT = 20


@dataclass(frozen=True)
class Nearness:
    """For each image (N,): the distance to the nearest training image by each measure, and which image that is.

    `features` (N, D) are those of the turn in which features are closest.
    """

    distance: Mapping[str, np.ndarray]
    nearest: Mapping[str, np.ndarray]
    features: np.ndarray

    def over(self, limits: Mapping[str, float]) -> np.ndarray:
        """(N,) the smaller distance in units of its limit. Below 1 is closer than held-out lesions come."""
        return np.min([self.distance[measure] / limits[measure] for measure in MEASURES], axis=0)

    def part(self, chosen: slice | np.ndarray) -> "Nearness":
        """The same for some of the images."""
        return Nearness(
            {measure: values[chosen] for measure, values in self.distance.items()},
            {measure: values[chosen] for measure, values in self.nearest.items()},
            self.features[chosen],
        )

    def nearest_by(self, limits: Mapping[str, float]) -> np.ndarray:
        """(N,) index of the training image that is nearest by the measure with the smaller value."""
        ratios = np.stack([self.distance[measure] / limits[measure] for measure in MEASURES])
        return np.where(ratios[0] <= ratios[1], self.nearest["features"], self.nearest["pixels"])


@dataclass(frozen=True)
class Reference:
    """The training set as the audit uses it, and how close held-out lesions come to it.

    `features` (N, D) and `details` (N, 3072) have unit length; `names` are those of the images.
    """

    extractor: Extractor
    names: list[str]
    features: np.ndarray
    details: np.ndarray
    held_out: Nearness
    limits: dict[str, float]

    def nearness(self, images: np.ndarray, progress: Progress) -> Nearness:
        """Distances of images (N, S, S, 3) uint8, the smallest over the eight flips and rotations."""
        return _nearness(images, self.features, self.details, self.extractor, progress)


def reference_of(
    names: Sequence[str],
    training: np.ndarray,
    held_out: np.ndarray,
    extractor: Extractor,
    progress: Progress,
    also: Mapping[str, np.ndarray] | None = None,
) -> Reference:
    """Measure the training set and the limits: the first percentile of the held-out images' distances.

    Images in `also` (S, S, 3), by name, are compared with, but do not enter the limits. If it is not certain what was
    trained on, a copy of any of them must be found. Raises `GanError` if fewer than 20 images are held out, because
    there is nothing to compare with.
    """
    if len(held_out) < FEWEST_HELD_OUT:
        raise GanError(
            f"{len(held_out)} held-out images; the audit compares with at least {FEWEST_HELD_OUT}. "
            "Train with a larger --held-out or import more images of these diagnoses."
        )
    features = _unit(extractor.features(training, lambda batches: progress(batches, "Training features")))
    details = _details(training)
    near = _nearness(held_out, features, details, extractor, progress)
    limits = limits_of(near)
    if also:
        others = np.stack(list(also.values()))
        seen = _unit(extractor.features(others, lambda batches: progress(batches, "Features of other real images")))
        features, details = np.concatenate([features, seen]), np.concatenate([details, _details(others)])
    return Reference(extractor, [*names, *(also or ())], features, details, near, limits)


def nearness_among(images: np.ndarray, extractor: Extractor, progress: Progress) -> Nearness:
    """The distance of each image (N, S, S, 3) to the nearest other one, over the eight flips and rotations."""
    features, details = _unit(extractor.features(images)), _details(images)
    return _nearness(images, features, details, extractor, progress, but_itself=True)


def limits_of(near: Nearness) -> dict[str, float]:
    """By measure, the distance below which one in a hundred of such images comes; never quite 0.

    It uses Weibull's quantile, for which that holds on average even if the hundredth is nearly the smallest.
    """
    return {
        measure: max(float(np.quantile(near.distance[measure], LIMIT_QUANTILE, method="weibull")), 1e-9)
        for measure in MEASURES
    }


def limit_rank(held_out: int) -> float:
    """How many of the held-out images' distances, by one measure, are at or below the limit; at least the smallest."""
    return max(1.0, LIMIT_QUANTILE * (held_out + 1))


def _nearness(
    images: np.ndarray,
    features: np.ndarray,
    details: np.ndarray,
    extractor: Extractor,
    progress: Progress,
    but_itself: bool = False,
) -> Nearness:
    distances: dict[str, list[np.ndarray]] = {measure: [] for measure in MEASURES}
    nearest: dict[str, list[np.ndarray]] = {measure: [] for measure in MEASURES}
    seen = []
    for turn in progress(range(TURNS), "Comparing, eight ways round"):
        turned = np.rot90(images, turn % 4, (1, 2))
        turned = np.ascontiguousarray(turned[:, :, ::-1] if turn >= 4 else turned)
        seen.append(_unit(extractor.features(turned)))
        between = {
            "features": cdist(seen[-1], features),
            "pixels": cdist(_details(turned), details),
        }
        for measure, matrix in between.items():
            if but_itself:
                np.fill_diagonal(matrix, np.inf)
            distances[measure].append(matrix.min(1))
            nearest[measure].append(matrix.argmin(1))
    best = {measure: np.argmin(distances[measure], axis=0) for measure in MEASURES}
    pick = np.arange(len(images))
    return Nearness(
        {measure: np.stack(distances[measure])[best[measure], pick] for measure in MEASURES},
        {measure: np.stack(nearest[measure])[best[measure], pick] for measure in MEASURES},
        np.stack(seen)[best["features"], pick],
    )


def _details(images: np.ndarray) -> np.ndarray:
    """(N, 3072) details finer than the outline in 32 x 32 pixels, of unit length. Distances are sqrt(2 - 2 r).

    Plain grey values would call every blurred image a copy, because an average is close to very many images. The
    details of two lesions do not agree by chance. Those of a copy do, whatever its contrast and colour.
    """
    small = np.stack(
        [
            np.asarray(Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX), dtype=float)
            for image in images
        ]
    )
    return _unit((small - gaussian_filter(small, (0, OUTLINE, OUTLINE, 0), mode="nearest")).reshape(len(small), -1))


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def save_reference(reference: Reference, path: Path, key: str) -> None:
    """Store the reference; `key` says what it was made from."""
    tensors: dict[str, Tensor] = {
        "features": torch.from_numpy(reference.features),
        "details": torch.from_numpy(reference.details),
    }
    tensors["held_out"] = torch.from_numpy(reference.held_out.features)
    for measure in MEASURES:
        tensors[f"distance.{measure}"] = torch.from_numpy(reference.held_out.distance[measure])
        tensors[f"nearest.{measure}"] = torch.from_numpy(reference.held_out.nearest[measure])
    write_snapshot(path, tensors, {"key": key, "names": json.dumps(reference.names)})


def load_reference(path: Path, key: str, extractor: Extractor) -> Reference | None:
    """The reference stored at `path`; None if there is none, or if it was made from something else."""
    if not path.exists():
        return None
    tensors, state = read_snapshot(path)
    if state.get("key") != key:
        return None
    near = Nearness(
        {measure: tensors[f"distance.{measure}"].numpy() for measure in MEASURES},
        {measure: tensors[f"nearest.{measure}"].numpy() for measure in MEASURES},
        tensors["held_out"].numpy(),
    )
    features, details = tensors["features"].numpy(), tensors["details"].numpy()
    return Reference(extractor, json.loads(state["names"]), features, details, near, limits_of(near))
