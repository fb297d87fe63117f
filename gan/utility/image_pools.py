"""The images of a measurement: real ones for training and testing, and the generator's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from console import Progress
from gan.datasets.comparison_sets import as_run, only_collection
from gan.datasets.sources import Source, decode_pixels, groups_of, sources_of, split_all
from gan.datasets.training_sets import TrainingSet, training_set_of
from gan.foundation.errors import GanError
from gan.models import Generator, LesionImage
from gan.quality.extractors import Extractor, resize
from gan.runs.sampling import draw_samples
from gan.utility.small_network import SIDE

FEWEST_LESIONS = 10  # fewest lesions of a diagnosis among the test images; with fewer, no interval means anything
FEWEST_IMAGES = 10  # fewest images of a diagnosis to train on, real and generated
HELD_OUT = 0.3  # share of the real images, by lesion, if the generator's training images are unknown
AT_ONCE = 64


@dataclass(frozen=True)
class Pool:
    """N images in the form that both classifiers need, in the order of their diagnoses."""

    features: np.ndarray  # (N, D) float64
    small: np.ndarray  # (N, 3, SIDE, SIDE) uint8
    label: np.ndarray  # (N,) index of the diagnosis
    group: np.ndarray  # (N,) code of the lesion or patient; a generated image is a group of its own

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of images of each diagnosis."""
        return tuple(np.bincount(self.label).tolist())

    @property
    def group_counts(self) -> list[int]:
        """The number of groups of each diagnosis: for real images, of lesions or patients."""
        return [len(np.unique(self.group[self.label == one])) for one in range(len(self.counts))]

    def take(self, chosen: np.ndarray) -> "Pool":
        return Pool(self.features[chosen], self.small[chosen], self.label[chosen], self.group[chosen])


@dataclass(frozen=True)
class Images:
    """The images of one measurement. `left_out` says why a diagnosis is not among `diagnoses`."""

    diagnoses: list[str]
    left_out: dict[str, str]
    real: Pool
    generated: Pool
    test: Pool
    told: bool
    not_used: int = 0  # real training images beyond the limit

    def are_fresh(self, seeds: int) -> bool:
        """Whether there are enough generated images for each training seed to have others."""
        counts = zip(self.real.counts, self.generated.counts, strict=True)
        return all(generated >= seeds * real for real, generated in counts)


def load_images(
    generator: Generator, collection: str, limit: int, seeds: int, seed: int, extractor: Extractor, progress: Progress
) -> Images:
    """Real training images of the generator, its own images, and held-out lesions of `collection` ('' for all).

    At most `limit` real images of a diagnosis are used for training, and for each of the training seeds as many
    generated ones, as far as there are. Raises `GanError` if fewer than two diagnoses have
    enough images and lesions.
    """
    found = real_images_of(generator)
    if collection:
        found = only_collection(found, collection)
    seen = {source.sha256 for source in found.all}
    test = {
        name: [source for source in found.held_out.get(name, []) if source.sha256 not in seen]
        for name in generator.diagnoses
    }
    stored = {} if generator.is_run else {name: _stored(generator, name) for name in generator.diagnoses}
    left_out = _left_out(generator, found.sources, test, {name: len(images) for name, images in stored.items()})
    diagnoses = [name for name in generator.diagnoses if name not in left_out]
    if len(diagnoses) < 2:
        raise GanError(_refusal(generator, left_out))
    reader = Reader(generator.size, extractor, progress)
    rng = np.random.default_rng(seed)
    real = {name: _some(found.sources[name], limit, rng) for name in diagnoses}
    test = {name: test[name] for name in diagnoses}
    chunks = []
    for name in diagnoses:
        count = seeds * len(real[name])
        if generator.is_run:
            drawn = draw_samples(as_run(generator), name, count, seed)
            pixels = np.stack([sample.pixels for sample in progress(drawn, f"Sampling {name}", count, "image")])
            chunks.append(reader.read(pixels, f"generated {name}"))
        else:
            kept = _some(stored[name], count, rng)
            chunks.append(reader.read_each([image.square for image in kept], f"generated {name}"))
    not_used = sum(len(found.sources[name]) - len(real[name]) for name in diagnoses)
    training, tested = reader.pool(real, "training"), reader.pool(test, "test")
    return Images(diagnoses, left_out, training, joined(chunks), tested, found.told, not_used)


def real_images_of(generator: Generator) -> TrainingSet:
    """Real images that the generator was trained on, and those of lesions and patients that it did not see.

    If its training images are not known, all usable real images at hand are split by lesion and patient.
    """
    if generator.is_run:
        return training_set_of(as_run(generator))
    usable = LesionImage.objects.usable().filter(is_phantom=generator.uses_phantoms)
    if not generator.knows_training_images:
        split = split_all(_by_diagnosis(usable, generator), HELD_OUT, seed=0)
        return TrainingSet(
            {name: training for name, (training, _) in split.items()},
            {name: held_out for name, (_, held_out) in split.items()},
            told=False,
        )
    seen = LesionImage.objects.seen_by([generator])
    return TrainingSet(_by_diagnosis(seen, generator), _by_diagnosis(usable.not_trained_on_by([generator]), generator))


def _by_diagnosis(images: Any, generator: Generator) -> dict[str, list[Source]]:
    ordered = images.order_by("isic_id")
    return {name: sources_of(ordered.with_diagnosis(name)) for name in generator.diagnoses}


def _stored(generator: Generator, diagnosis: str) -> list[Any]:
    return list(generator.generated_images.filter(diagnosis=diagnosis).order_by("sha256"))


def _left_out(
    generator: Generator,
    training: Mapping[str, Sequence[Source]],
    test: Mapping[str, Sequence[Source]],
    stored: Mapping[str, int],
) -> dict[str, str]:
    lesions = dict(zip(test, (len(set(codes)) for codes in groups_of(test)), strict=True))
    reasons = {}
    for name in generator.diagnoses:
        real, generated = len(training.get(name, [])), stored.get(name, FEWEST_IMAGES)
        if lesions[name] < FEWEST_LESIONS:
            reasons[name] = f"{lesions[name]} lesions to test on, at least {FEWEST_LESIONS} are needed"
        elif real < FEWEST_IMAGES:
            reasons[name] = f"{real} real images to train on, at least {FEWEST_IMAGES} are needed"
        elif generated < FEWEST_IMAGES:
            reasons[name] = f"{generated} generated images, at least {FEWEST_IMAGES} are needed"
    return reasons


def _refusal(generator: Generator, left_out: Mapping[str, str]) -> str:
    if len(generator.diagnoses) < 2:
        return (
            f"{generator} draws one diagnosis, {', '.join(generator.diagnoses)}: a classifier needs at least two to "
            "tell apart."
        )
    listed = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    return f"{generator}: at least two diagnoses need enough images ({listed})."


def _some(items: Sequence[Any], count: int, rng: np.random.Generator) -> list[Any]:
    """At most `count` of the items, chosen at random, in their order."""
    return [items[index] for index in np.sort(rng.permutation(len(items))[:count])]


class Reader:
    """Converts images to the form that both classifiers need, a few at a time, so that their pixels fit in memory."""

    def __init__(self, size: int, extractor: Extractor, progress: Progress) -> None:
        self.size = size
        self.extractor = extractor
        self.progress = progress

    def pool(self, sources: Mapping[str, Sequence[Source]], what: str) -> Pool:
        """Real images by diagnosis, with lesions and patients as groups."""
        members = [source for found in sources.values() for source in found]
        codes = [code for found in groups_of(sources) for code in found]
        group = np.unique(["\0".join(code) for code in codes], return_inverse=True)[1]
        parts = [
            self._both(decode_pixels(members[start : start + AT_ONCE], self.size))
            for start in self.progress(range(0, len(members), AT_ONCE), f"Features of {what} images")
        ]
        label = np.repeat(np.arange(len(sources)), [len(found) for found in sources.values()])
        return Pool(*_stacked(parts), label, group)

    def read(self, pixels: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
        parts = [
            self._both(pixels[start : start + AT_ONCE])
            for start in self.progress(range(0, len(pixels), AT_ONCE), f"Features of {what}")
        ]
        return _stacked(parts)

    def read_each(self, squares: Sequence[Any], what: str) -> tuple[np.ndarray, np.ndarray]:
        """Read stored images with the function that gives each at a size."""
        parts = [
            self._both(np.stack([np.asarray(square(self.size)) for square in squares[start : start + AT_ONCE]]))
            for start in self.progress(range(0, len(squares), AT_ONCE), f"Features of {what}")
        ]
        return _stacked(parts)

    def _both(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
        small = resize(images, SIDE).round().clamp(0, 255).to(torch.uint8).numpy()
        return self.extractor.features(pixels), small


def _stacked(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([one for one, _ in parts]), np.concatenate([other for _, other in parts])


def joined(chunks: Sequence[tuple[np.ndarray, np.ndarray]]) -> Pool:
    """Generated images, one chunk for each diagnosis. Each image is a group of its own."""
    features, small = _stacked(chunks)
    label = np.repeat(np.arange(len(chunks)), [len(one) for one, _ in chunks])
    return Pool(features, small, label, np.arange(len(label)))
