"""Explains why a study cannot show images that are in the record."""

from gan.models import GeneratedImage, Generator, LesionImage
from turing.models import Study
from turing.studies.phases import earlier_studies
from turing.studies.pools import least_side, not_shown_before


def why_left_out(study: Study, diagnosis: str) -> str:
    """How many real images of the diagnosis the study cannot show, by the first reason that applies; '' if none."""
    images = LesionImage.objects.with_diagnosis(diagnosis)
    if not study.generators.all():
        return ""
    other = (
        "real, and the generators know phantoms"
        if study.uses_phantoms
        else "phantoms, and the generators know real images"
    )
    least = least_side(study)
    kind = images.filter(is_phantom=study.uses_phantoms)
    typed = kind.of_type(study.image_type)
    usable = typed.usable()
    fair = usable.not_trained_on_by(study.generators.all())
    left = [
        (images.count() - kind.count(), f"are {other}"),
        (kind.count() - typed.count(), f"are not {study.image_type}"),
        (typed.count() - usable.count(), "were rejected by curation"),
        (usable.count() - fair.count(), "are of lesions or patients that a generator was trained on"),
        (fair.exclude(width__gte=least, height__gte=least).count(), f"have fewer than {least} pixels on a side"),
        (_seen_before(study, fair.filter(width__gte=least, height__gte=least)), "belong to what earlier parts show"),
    ]
    return _told(left)


def why_generated_left_out(study: Study, diagnosis: str, generator: Generator | None = None) -> str:
    """How many images of the study's generators, or of one, it cannot show, by the first reason that applies."""
    generators = [generator] if generator else study.tested_generators
    images = GeneratedImage.objects.of_generators(generators).filter(diagnosis=diagnosis)
    new = images.not_copies()
    apart = new.exclude(sha256__in=LesionImage.objects.values("sha256"))
    copies = new.filter(sha256__in=LesionImage.objects.values("sha256"))
    left = [
        (images.count() - new.count(), "are suspected copies of training images"),
        (copies.count(), "have the bytes of a real image"),
        (apart.count() - not_shown_before(study, apart).count(), "were shown in earlier parts"),
    ]
    return _told(left)


def _seen_before(study: Study, pool) -> int:
    """How many of the images show lesions or patients that are also in an earlier study which this one follows."""
    before = earlier_studies(study)
    shown = LesionImage.objects.filter(stimuli__study__in=before)
    return pool.count() - pool.unrelated_to(shown).count() if before else 0


def _told(left: list[tuple[int, str]]) -> str:
    told = "; ".join(f"{count} {reason}" for count, reason in left if count)
    return f" (left out: {told})" if told else ""
