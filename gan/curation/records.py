"""Verdicts in the database: curation gives them, and a researcher may overrule them."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
from django.db import transaction

from console import UserError
from gan.curation.verdicts import DUPLICATE, LOW_QUALITY, Appearance, Verdict, measure, reasons_of
from gan.imaging.duplicates import THUMBNAIL, duplicate_of, thumbnail_of
from gan.imaging.image_files import open_rgb
from gan.models import LesionImage

BATCH = 256  # images whose verdicts are saved at once
CHANGED = ["verdict", "reasons", "scores", "repeats", "looks"]


def curate_database(progress: Callable[[Iterable, int], Iterable], again: bool = False) -> list[Verdict]:
    """Judge lesion images that are not phantoms, and store the verdicts. Researchers' verdicts stay as they are.

    Measurements are saved on the way, so that interrupted work continues where it stopped. Only images that were never
    measured are read, or all with `again`. Then every image is compared with all others to find duplicates.
    """
    images = LesionImage.objects.filter(is_phantom=False)
    _measure(images if again else images.filter(looks=""), progress)
    _find_duplicates(images.exclude(looks=""))
    judged = images.order_by("isic_id").values_list("isic_id", "reasons", "scores", "repeats")
    return [Verdict(name, tuple(reasons), scores, repeats) for name, reasons, scores, repeats in judged.iterator()]


def _measure(images, progress: Callable[[Iterable, int], Iterable]) -> None:
    files = list(images.order_by("isic_id").values_list("pk", "file"))
    seen = progress(measure(LesionImage(file=file).read for _, file in files), len(files))
    pairs = zip((pk for pk, _ in files), seen, strict=False)
    while batch := dict(islice(pairs, BATCH)):
        with transaction.atomic():
            found = _locked(list(batch))
            for image in found:
                _give(image, batch[image.pk])
                image.save(update_fields=CHANGED)  # takes half the time of `bulk_update`, which compares all with each


def _locked(keys: Sequence[int]) -> list[LesionImage]:
    """The images with these keys, locked until the end of the transaction.

    A researcher who overrules a verdict waits. Otherwise curation would write its own verdict over the researcher's.
    """
    return list(LesionImage.objects.select_for_update().filter(pk__in=keys).order_by("pk").defer("metadata"))


def _give(image: LesionImage, seen: Appearance | str) -> None:
    """Store the verdict from one image by itself. An unreadable image is rejected and tried again next time."""
    image.repeats = ""
    if isinstance(seen, Appearance):
        image.scores, image.looks, image.reasons = seen.scores, f"{seen.hash:016x}", reasons_of(seen.scores)
    else:
        image.scores, image.looks, image.reasons = {}, "", [LOW_QUALITY]
    _decide(image)


def _decide(image: LesionImage) -> None:
    if not image.overruled:
        image.verdict = LesionImage.Verdict.REJECTED if image.reasons else LesionImage.Verdict.ACCEPTED


def _find_duplicates(images) -> None:
    """Keep the largest of pictures that repeat each other (the first of equal ones), and report new duplicates."""
    listed = images.order_by("isic_id").values_list("pk", "isic_id", "looks", "width", "height", "repeats", "file")
    rows = sorted(listed.iterator(), key=lambda row: -row[3] * row[4])  # a stable sort
    original = duplicate_of([int(row[2], 16) for row in rows], lambda index: _thumbnail(rows[index][6]))
    repeats = ["" if one is None else rows[one][1] for one in original]
    changed = {row[0]: now for row, now in zip(rows, repeats, strict=True) if row[5] != now}
    for start in range(0, len(changed), BATCH):
        with transaction.atomic():
            found = _locked(list(changed)[start : start + BATCH])
            for image in found:
                image.repeats = changed[image.pk]
                image.reasons = reasons_of(image.scores) + ([DUPLICATE] if image.repeats else [])
                _decide(image)
                image.save(update_fields=CHANGED)


def _thumbnail(file: str) -> np.ndarray:
    """The thumbnail; for a file that was lost or damaged after it was measured, one that is like no other."""
    try:
        return thumbnail_of(open_rgb(LesionImage(file=file).read()))
    except (UserError, OSError):
        return np.zeros((THUMBNAIL, THUMBNAIL, 3), np.uint8)
