"""Compares a generator's images with images that it may have copied, and stores the findings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from django.utils import timezone

from console import Progress
from gan.datasets.comparison_sets import as_run
from gan.datasets.sources import Source, decode_pixels, fingerprint, labels_of
from gan.datasets.training_sets import TrainingSet
from gan.foundation.errors import GanError
from gan.memorisation.distances import Others, Reference, load_reference, reference_of, save_reference
from gan.models import GeneratedImage, Generator
from gan.quality.extractors import Extractor, lite2
from gan.runs.sampling import Sample, draw_samples

REFERENCE = "audit-reference.safetensors"
AT_ONCE = 64
OTHERS = "others"  # as the key of real images of other diagnoses


@dataclass(frozen=True)
class Finding:
    """A sample and its nearest training image. `distance` is in units of the limit; below 1 it is a suspected copy."""

    distance: float
    nearest: Source

    @property
    def suspected(self) -> bool:
        return self.distance < 1


class CopyDetector:
    """Finds images that are closer to a training image of the generator than held-out lesions are.

    If the training images are not known, it finds images that are closer to any real image at hand than real images are
    to each other.
    """

    def __init__(
        self, run: Generator, training_set: TrainingSet, progress: Progress, extractor: Extractor | None = None
    ):
        """Measure the training set, or use stored measurements. Raises `GanError` if too few images are held out."""
        self.run = run
        self.progress = progress
        self.training = training_set.all
        held_out = [source for sources in training_set.held_out.values() for source in sources]
        # A run's training images are certain. What people say about other generators may be wrong.
        also = [] if run.is_run else [*held_out, *training_set.others]
        extractor = extractor or lite2()
        key = f"diagnoses {fingerprint(self.training)} {fingerprint(held_out)} {run.size} {extractor.name}"
        key += f" {fingerprint(also)}" if also else ""
        by_diagnosis = {**training_set.held_out, OTHERS: training_set.others}
        codes, diagnoses = labels_of(by_diagnosis)
        path = run.folder / REFERENCE
        kept = load_reference(path, key, extractor)
        self.reference: Reference = kept or reference_of(
            [source.name for source in self.training],
            decode_pixels(self.training, run.size),
            decode_pixels(held_out, run.size),
            extractor,
            progress,
            codes[: len(held_out)],
            Others([source.name for source in also], decode_pixels(also, run.size), codes) if also else None,
            diagnoses[: len(held_out)],
        )
        self.training = [*self.training, *also]
        if kept is None:
            save_reference(self.reference, path, key)

    def find(self, images: Sequence[np.ndarray]) -> list[Finding]:
        """The nearest image of each image (size, size, 3)."""
        near = self.reference.search(np.stack(images), self.progress)
        limits = self.reference.search_limits
        return [
            Finding(float(distance), self.training[index])
            for distance, index in zip(near.over(limits), near.nearest_by(limits), strict=True)
        ]


def keep_finding(image: GeneratedImage, finding: Finding) -> None:
    """Store the finding with the generated image."""
    image.audited_at = timezone.now()
    image.suspected_copy = finding.suspected
    image.nearest_id = finding.nearest.lesion_image_id
    image.nearest_name = finding.nearest.name
    image.nearest_distance = finding.distance
    image.save(update_fields=["audited_at", "suspected_copy", "nearest", "nearest_name", "nearest_distance"])


def audit_generated(
    detector: CopyDetector, images: Sequence[GeneratedImage]
) -> Iterator[tuple[GeneratedImage, Finding]]:
    """Compare generated images that are already stored."""
    remaining = iter(images)
    while part := list(islice(remaining, AT_ONCE)):
        findings = detector.find([np.asarray(image.square(detector.run.size)) for image in part])
        for image, finding in zip(part, findings, strict=True):
            keep_finding(image, finding)
            yield image, finding


def draw_and_compare(detector: CopyDetector | None, drawn: Iterator[Sample]) -> Iterator[tuple[Sample, Finding | None]]:
    """The drawn samples, each with its finding, or with None if there is no detector."""
    while part := list(islice(drawn, AT_ONCE)):
        findings = detector.find([sample.pixels for sample in part]) if detector else [None] * len(part)
        yield from zip(part, findings, strict=True)


def draw_originals(
    detector: CopyDetector, diagnosis: str, count: int, seed: int, truncation: float
) -> Iterator[tuple[Sample, Finding | None]]:
    """Draw `count` samples that are not suspected copies.

    Also return findings of those that are, in the order of seeds. Raises `GanError` if more than `count` (and more than
    64) are dropped. Such a run has memorised its training images.
    """
    kept = dropped = 0
    drawn = draw_samples(as_run(detector.run), diagnosis, None, seed, truncation)
    while kept < count:
        part = list(islice(drawn, min(AT_ONCE, count - kept)))
        for sample, finding in zip(part, detector.find([sample.pixels for sample in part]), strict=True):
            dropped += finding.suspected
            kept += not finding.suspected
            yield sample, finding
        if dropped > max(count, AT_ONCE):
            raise GanError(f"{diagnosis}: {dropped} samples are suspected copies of training images, {kept} are not.")
