"""The distance of an image to its nearest training image, in features and in pixels, under the eight turns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

    `features` (N, D) are those of the turn in which features are closest. `group` (N,) is the code of the image's
    lesion or patient; without it, each image is a group of its own. `diagnosis` (N,) names what each image shows;
    without it, all show the same.
    """

    distance: Mapping[str, np.ndarray]
    nearest: Mapping[str, np.ndarray]
    features: np.ndarray
    group: np.ndarray | None = None
    diagnosis: np.ndarray | None = None

    @property
    def diagnoses(self) -> np.ndarray:
        """(N,) the diagnosis of each image; the same empty name, if they are not known."""
        return np.full(len(self.features), "") if self.diagnosis is None else self.diagnosis

    def one_of_each_group(self) -> "Nearness":
        """The same for one image of each lesion or patient."""
        return self if self.group is None else self.part(np.unique(self.group, return_index=True)[1])

    def over(self, limits: Mapping[str, float]) -> np.ndarray:
        """(N,) the smaller distance in units of its limit. Below 1 is closer than held-out lesions come."""
        return np.min([self.distance[measure] / limits[measure] for measure in MEASURES], axis=0)

    def part(self, chosen: slice | np.ndarray) -> "Nearness":
        """The same for some of the images."""
        return Nearness(
            {measure: values[chosen] for measure, values in self.distance.items()},
            {measure: values[chosen] for measure, values in self.nearest.items()},
            self.features[chosen],
            None if self.group is None else self.group[chosen],
            None if self.diagnosis is None else self.diagnosis[chosen],
        )

    def nearest_by(self, limits: Mapping[str, float]) -> np.ndarray:
        """(N,) index of the training image that is nearest by the measure with the smaller value."""
        ratios = np.stack([self.distance[measure] / limits[measure] for measure in MEASURES])
        return np.where(ratios[0] <= ratios[1], self.nearest["features"], self.nearest["pixels"])


@dataclass(frozen=True)
class Reference:
    """The training set as the audit uses it, and how close held-out lesions come to it.

    If it is not certain what was trained on, a copy of any other real image must be found, too. Such images follow the
    `trained` training images in `names`, `features` (N, D) and `details` (N, 3072), which have unit length. A larger
    set has closer neighbours. So the tests compare samples and held-out images with the training images alone, and
    `limits` are for those. The search for single copies compares with every image, and has `search_limits`. `held_out`
    are the held-out images' distances in the tests, and `searched` those in the search.
    """

    extractor: Extractor
    names: list[str]
    features: np.ndarray
    details: np.ndarray
    trained: int
    held_out: Nearness
    searched: Nearness

    @property
    def limits(self) -> dict[str, float]:
        return limits_of(self.held_out)

    @property
    def search_limits(self) -> dict[str, float]:
        return limits_of(self.searched)

    @property
    def training_features(self) -> np.ndarray:
        return self.features[: self.trained]

    def nearness(self, images: np.ndarray, progress: Progress) -> Nearness:
        """Distances of images (N, S, S, 3) uint8 to training images, the smallest over eight flips and rotations."""
        return _nearness(images, self.training_features, self.details[: self.trained], self.extractor, progress)

    def search(self, images: np.ndarray, progress: Progress) -> Nearness:
        """As `nearness`, to every image."""
        return _nearness(images, self.features, self.details, self.extractor, progress)


@dataclass(frozen=True)
class Others:
    """Real images (M, S, S, 3) that may have been trained on, too, with names and groups (M,)."""

    names: Sequence[str]
    images: np.ndarray
    group: np.ndarray


def reference_of(
    names: Sequence[str],
    training: np.ndarray,
    held_out: np.ndarray,
    extractor: Extractor,
    progress: Progress,
    group: np.ndarray | None = None,
    others: Others | None = None,
    diagnosis: np.ndarray | None = None,
) -> Reference:
    """Measure the training set and the held-out images' distances to it.

    `group` (N,) codes the lesions or patients of the held-out images, and `diagnosis` (N,) names what they show. In the
    search, a held-out image is compared with all images but those of its own group, because `others` may hold it.
    Raises `GanError` if fewer than 20 images are held out, because there is nothing to compare with.
    """
    if len(held_out) < FEWEST_HELD_OUT:
        raise GanError(
            f"{len(held_out)} held-out images; the audit compares with at least {FEWEST_HELD_OUT}. "
            "Train with a larger --held-out or import more images of these diagnoses."
        )
    features = _unit(extractor.features(training, lambda batches: progress(batches, "Training features")))
    details, trained = _details(training), len(training)
    near = searched = replace(
        _nearness(held_out, features, details, extractor, progress), group=group, diagnosis=diagnosis
    )
    if others is not None and len(others.names):
        what = "Features of other real images"
        seen = _unit(extractor.features(others.images, lambda batches: progress(batches, what)))
        features, details = np.concatenate([features, seen]), np.concatenate([details, _details(others.images)])
        own = np.zeros((len(held_out), len(features)), bool)
        codes = np.arange(len(held_out)) if group is None else group
        own[:, trained:] = codes[:, None] == others.group
        searched = replace(
            _nearness(held_out, features, details, extractor, progress, own), group=group, diagnosis=diagnosis
        )
        names = [*names, *others.names]
    return Reference(extractor, list(names), features, details, trained, near, searched)


def nearness_among(images: np.ndarray, extractor: Extractor, progress: Progress) -> Nearness:
    """The distance of each image (N, S, S, 3) to the nearest other one, over the eight flips and rotations."""
    features, details = _unit(extractor.features(images)), _details(images)
    return _nearness(images, features, details, extractor, progress, np.eye(len(images), dtype=bool))


def limits_of(near: Nearness) -> dict[str, float]:
    """By measure, the distance below which one in a hundred of such images comes; never quite 0."""
    return {measure: float(limit_of(near.distance[measure])) for measure in MEASURES}


def limit_of(distances: np.ndarray) -> np.ndarray:
    """(...) the limit of each row of distances (..., N).

    It is Weibull's quantile, below which one in a hundred comes on average even if the hundredth is nearly the
    smallest.
    """
    return np.maximum(np.quantile(distances, LIMIT_QUANTILE, axis=-1, method="weibull"), 1e-9)


def _nearness(
    images: np.ndarray,
    features: np.ndarray,
    details: np.ndarray,
    extractor: Extractor,
    progress: Progress,
    but: np.ndarray | None = None,
) -> Nearness:
    """`but` (N, M) bool marks pairs that are not compared."""
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
            if but is not None:
                matrix[but] = np.inf
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
    if reference.held_out.group is not None:
        tensors["group"] = torch.from_numpy(reference.held_out.group)
    kinds = {"held_out": reference.held_out}
    if reference.searched is not reference.held_out:
        kinds["searched"] = reference.searched
    for kind, near in kinds.items():
        tensors[f"{kind}.features"] = torch.from_numpy(near.features)
        for measure in MEASURES:
            tensors[f"{kind}.distance.{measure}"] = torch.from_numpy(near.distance[measure])
            tensors[f"{kind}.nearest.{measure}"] = torch.from_numpy(near.nearest[measure])
    named = reference.held_out.diagnosis
    state = {
        "key": key,
        "names": json.dumps(reference.names),
        "diagnosis": None if named is None else named.tolist(),
        "trained": reference.trained,
    }
    write_snapshot(path, tensors, state)


def load_reference(path: Path, key: str, extractor: Extractor) -> Reference | None:
    """The reference stored at `path`; None if there is none, or if it was made from something else."""
    if not path.exists():
        return None
    tensors, state = read_snapshot(path)
    if state.get("key") != key:
        return None
    held_out, *searched = (
        Nearness(
            {measure: tensors[f"{kind}.distance.{measure}"].numpy() for measure in MEASURES},
            {measure: tensors[f"{kind}.nearest.{measure}"].numpy() for measure in MEASURES},
            tensors[f"{kind}.features"].numpy(),
            tensors["group"].numpy() if "group" in tensors else None,
            None if state["diagnosis"] is None else np.array(state["diagnosis"]),
        )
        for kind in ("held_out", "searched")
        if f"{kind}.features" in tensors
    )
    features, details, names = tensors["features"].numpy(), tensors["details"].numpy(), json.loads(state["names"])
    return Reference(extractor, names, features, details, state["trained"], held_out, *(searched or [held_out]))
