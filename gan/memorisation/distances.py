"""How near an image comes to its nearest training image, in features and in pixels, under the eight turns."""

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
    """Per image (N,): distance to the nearest training image by each measure, and which one that is.

    `features` (N, D) are those of the turn in which it comes nearest by features.
    """

    distance: Mapping[str, np.ndarray]
    nearest: Mapping[str, np.ndarray]
    features: np.ndarray

    def over(self, limits: Mapping[str, float]) -> np.ndarray:
        """(N,) the smaller distance in units of its limit: below 1 is closer than held-out lesions come."""
        return np.min([self.distance[measure] / limits[measure] for measure in MEASURES], axis=0)

    def part(self, chosen: slice | np.ndarray) -> "Nearness":
        """The same of some of the images."""
        return Nearness(
            {measure: values[chosen] for measure, values in self.distance.items()},
            {measure: values[chosen] for measure, values in self.nearest.items()},
            self.features[chosen],
        )

    def nearest_by(self, limits: Mapping[str, float]) -> np.ndarray:
        """(N,) index of the training image that is nearest by the measure that says nearer."""
        ratios = np.stack([self.distance[measure] / limits[measure] for measure in MEASURES])
        return np.where(ratios[0] <= ratios[1], self.nearest["features"], self.nearest["pixels"])


@dataclass(frozen=True)
class Reference:
    """The training set as the audit sees it, and how near held-out lesions come to it.

    `features` (N, D) and `details` (N, 3072) of unit length, `names` of the images.
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

    `also`, images (S, S, 3) by name, are compared with, too, but measure nothing: where it is not certain what was
    trained on, a copy of any must be found. Raises `GanError` where fewer than 20 images are held out: there is nothing
    to compare with.
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
    """Of each image (N, S, S, 3) the distance to the nearest other one, over the eight flips and rotations."""
    features, details = _unit(extractor.features(images)), _details(images)
    return _nearness(images, features, details, extractor, progress, but_itself=True)


def limits_of(near: Nearness) -> dict[str, float]:
    """By measure, the distance that one in a hundred of such images comes closer than; never quite 0.

    Weibull's quantile, of which that holds on average also where the hundredth is nearly the smallest.
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
    """(N, 3072) what is finer than the outline in 32 x 32 pixels, of unit length: distances are sqrt(2 - 2 r).

    Plain grey values would call every blurred image a copy: nothing is near to so many as an average. The detail of
    two lesions does not agree by chance, and that of a copy does, whatever its contrast and colour.
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
    """Keep the reference; `key` says what it was made from."""
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
    """The reference kept at `path`, unless there is none or it was made from something else."""
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
