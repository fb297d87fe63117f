"""Verdicts in the database: curation gives them, a researcher may overrule them."""

from collections.abc import Callable, Iterable

from django.db import transaction

from gan.curation.verdicts import Appearance, Verdict, judge, measure
from gan.models import LesionImage


def curate_database(progress: Callable[[Iterable, int], Iterable]) -> list[Verdict]:
    """Judge every lesion image that is no phantom and keep the verdicts; those of researchers stay as they are."""
    images = list(LesionImage.objects.filter(is_phantom=False).order_by("isic_id"))
    seen: list[Appearance | str] = list(progress(measure(image.read for image in images), len(images)))
    verdicts = judge([image.isic_id for image in images], seen)
    changed = []
    for image, verdict in zip(images, verdicts, strict=True):
        image.reasons, image.scores, image.repeats = list(verdict.reasons), verdict.scores, verdict.repeats
        if not image.overruled:
            image.verdict = LesionImage.Verdict.ACCEPTED if verdict.accepted else LesionImage.Verdict.REJECTED
        changed.append(image)
    with transaction.atomic():
        LesionImage.objects.bulk_update(changed, ["verdict", "reasons", "scores", "repeats"], batch_size=500)
    return verdicts
