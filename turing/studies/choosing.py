"""Chooses the images that a study shows, by its seed."""

import random
from collections.abc import Collection, Mapping

from gan.models import GeneratedImage, LesionImage
from turing.errors import StudyError
from turing.models import Study, Truth
from turing.studies.design import counts_of, problems
from turing.studies.phases import earlier_studies
from turing.studies.pools import Source, generated_pool, practice_counts, real_pool
from turing.studies.twins import Origin, origins_of, without_twins


def choose_images(study: Study) -> tuple[list[Source], list[Source]]:
    """The images of the test, stratified by diagnosis and truth, and those of practice, in orders that reveal neither.

    If there are several generators, each supplies the same number of images of a diagnosis, as far as it has them, or
    the number in the design. Generators are a factor of the design and are compared in the analysis. As few as possible
    are twins of each other. The same study seed and the same pools give the same images. Raises `StudyError` that names
    what is missing.
    """
    if found := problems(study):
        raise StudyError(" ".join(found))
    rng = random.Random(study.seed)
    before = GeneratedImage.objects.filter(stimuli__study__in=earlier_studies(study)).select_related("generator")
    lesions = LesionImage.objects.filter(is_phantom=study.uses_phantoms, diagnosis__in=study.diagnoses).group_names()
    seen = [] if study.same_images else origins_of(before, lesions)
    test: list[Source] = []
    left: dict[tuple[str, str], list[Source]] = {}
    for diagnosis in study.diagnoses:
        for truth, pool, count in (
            (Truth.REAL, real_pool(study, diagnosis), study.real_per_diagnosis),
            (Truth.GENERATED, generated_pool(study, diagnosis), study.generated_per_diagnosis),
        ):
            images = list(pool)
            if study.same_images:
                chosen = images_of_earlier(study, diagnosis, truth)
            else:
                fixed = counts_of(study) if truth == Truth.GENERATED else {}
                chosen = _sample(rng, images, count, fixed, seen + origins_of(test, lesions), lesions)
            test += chosen
            taken = {image.pk for image in chosen}
            left[diagnosis, truth] = [image for image in images if image.pk not in taken]
    rng.shuffle(test)
    practice: list[Source] = []
    for kind, count in practice_counts(study).items():
        practice += without_twins(rng, left[kind], count, seen + origins_of(test + practice, lesions), lesions)
    rng.shuffle(practice)
    return test, practice


def images_of_earlier(study: Study, diagnosis: str, truth: str) -> list[Source]:
    """The sources of the test's images in the earlier study, in an order that reveals nothing about them."""
    assert study.follows is not None
    stimuli = study.follows.stimuli.of_test().filter(diagnosis=diagnosis, truth=truth)
    stimuli = stimuli.select_related("lesion_image", "generated_image__generator").order_by(
        "lesion_image_id", "generated_image_id"
    )
    return [one.lesion_image or one.generated_image for one in stimuli]


def _sample(
    rng: random.Random,
    images: list[Source],
    count: int,
    fixed: dict[int, int],
    avoid: Collection[Origin],
    lesions: Mapping[int, str],
) -> list[Source]:
    """Choose `count` of the images: the given number of each generator in `fixed`, and equal numbers of the others.

    As few as possible have an origin in `avoid`.
    """
    by_maker: dict[int | None, list[Source]] = {}
    for image in images:
        by_maker.setdefault(getattr(image, "generator_id", None), []).append(image)
    quota = {maker: fixed.get(maker, 0) if maker else 0 for maker in by_maker}
    sharing = [maker for maker in by_maker if maker not in fixed]
    for _ in range(count - sum(quota.values())):
        least = min((maker for maker in sharing if quota[maker] < len(by_maker[maker])), key=quota.__getitem__)
        quota[least] += 1
    chosen: list[Source] = []
    for maker, members in by_maker.items():
        chosen += without_twins(rng, members, quota[maker], [*avoid, *origins_of(chosen, lesions)], lesions)
    return chosen
