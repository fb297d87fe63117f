"""The pools of images that a study may show."""

from collections import Counter
from collections.abc import Iterable
from math import ceil

from gan.models import GeneratedImage, Generator, LesionImage
from turing.models import Study, Truth
from turing.studies.phases import earlier_studies
from turing.studies.stimuli import CROPPED_TO

Source = LesionImage | GeneratedImage


def real_pool(study: Study, diagnosis: str):
    """Lesion images that the study may show: not rejected, and of lesions that none of its generators is known to know.

    If it follows another study, the images show no lesion of that study. In a study with the same images, these are the
    images beyond them.
    """
    pool = LesionImage.objects.usable().with_diagnosis(diagnosis).filter(is_phantom=study.uses_phantoms)
    # An image with fewer pixels than the generators draw would be enlarged, and no other would.
    least = least_side(study)
    pool = pool.of_type(study.image_type).filter(width__gte=least, height__gte=least)
    pool = pool.not_trained_on_by(study.generators.all())
    if before := earlier_studies(study):
        # Leave out lesions and patients that readers of the earlier study have seen.
        pool = pool.unrelated_to(LesionImage.objects.filter(stimuli__study__in=before))
    return pool.order_by("isic_id")


def generated_pool(study: Study, diagnosis: str):
    """Images of the generators under test that are not suspected to be copies."""
    return not_shown_before(study, pool_of_generators(study.tested_generators, diagnosis))


def not_shown_before(study: Study, pool):
    """The generated images that no earlier study has shown which this one follows."""
    before = earlier_studies(study)
    return pool.exclude(stimuli__study__in=before) if before else pool


def pool_of_generators(generators: Iterable[Generator], diagnosis: str):
    """Images of the generators that are not suspected to be copies."""
    pool = GeneratedImage.objects.not_copies().filter(diagnosis=diagnosis).of_generators(list(generators))
    pool = pool.exclude(sha256__in=LesionImage.objects.values("sha256")).select_related("generator")
    return pool.order_by("generator_id", "latent_seed", "pk")


def least_side(study: Study) -> int:
    """The pixels that a real image's shorter side needs, so that no real image is enlarged more than the others."""
    if not study.generators.all():
        return 0
    return min(study.drawn_size, ceil(study.stimulus_size / CROPPED_TO[0]))


def practice_counts(study: Study) -> Counter[tuple[str, str]]:
    """The number of practice images of each diagnosis and truth, as equal as possible.

    In a study of pairs, the design counts practice pairs, each with one image of both truths.
    """
    if study.forced_choice and study.diagnoses:
        names = [study.diagnoses[index % len(study.diagnoses)] for index in range(study.practice_images)]
        return Counter((name, truth) for truth in (Truth.REAL, Truth.GENERATED) for name in names)
    kinds = [(diagnosis, truth) for truth in (Truth.REAL, Truth.GENERATED) for diagnosis in study.diagnoses]
    return Counter(kinds[index % len(kinds)] for index in range(study.practice_images if kinds else 0))
