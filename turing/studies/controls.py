"""Controls of a study: images whose answers count in no rate, and that show how far the rates can be trusted.

Real images made worse are a negative control. None of them is generated, so if readers call them generated, the reason
is their quality (Lipsitch, Tchetgen Tchetgen, Cohen 2010, Negative controls: a tool for detecting confounding and bias
in observational studies, Epidemiology 21:383-388). A generator known to be weaker is a positive control. If a study
finds no difference, that means something only if it could have found one (assay sensitivity, ICH E10, 2000, section
1.5).
"""

import random
from collections.abc import Iterable

from gan.models import Generator, LesionImage
from turing.errors import StudyError
from turing.models import Study, Truth
from turing.studies.pools import Source, not_shown_before, pool_of_generators, practice_counts, real_pool
from turing.studies.twins import origins_of, without_twins

DEGRADED = "degraded"  # the key of the control of real images; the others have generators' ids


def generators_of(study: Study) -> list[Generator]:
    """The study's generators that serve as a control."""
    return [one for one in study.generators.all() if one.pk in study.control_generators]


def problems(study: Study) -> list[str]:
    """What prevents the study's controls; empty if nothing does."""
    found = []
    if study.control_per_diagnosis and not study.controls:
        found.append("Controls: choose what serves as a control, or set their number of images to 0.")
    if study.controls and not study.control_per_diagnosis:
        found.append("Controls: say how many images of each there are per diagnosis.")
    wanted = study.control_per_diagnosis
    for diagnosis in study.diagnoses:
        if study.control_degradation and (lacking := _lacking_lesions(study, diagnosis)):
            found.append(lacking)
        for generator in generators_of(study):
            if (there := not_shown_before(study, pool_of_generators([generator], diagnosis)).count()) < wanted:
                found.append(
                    f"{diagnosis}: {wanted} images of the control {generator} are wanted, but only {there} are there."
                )
    return found


def _lacking_lesions(study: Study, diagnosis: str) -> str:
    """A message if the diagnosis has too few lesions that only the controls show; '' if it has enough."""
    others = study.real_per_diagnosis + practice_counts(study)[diagnosis, Truth.REAL]
    there = len(set(real_pool(study, diagnosis).group_names().values()))
    if there >= others + study.control_per_diagnosis:
        return ""
    return (
        f"{diagnosis}: {study.control_per_diagnosis} real images are wanted as a control. They must show other lesions "
        f"and patients than the other {others} real images, but there are only {there} lesions or patients in all."
    )


def choose_controls(study: Study, taken: Iterable[Source]) -> list[Source]:
    """The controls' images, in addition to those `taken` for test and practice.

    The same seed and pools give the same ones. Real ones show lesions and patients that no other real image of the
    study shows. Raises `StudyError` if there are too few. `problems` reports most such cases before, but not patients
    who have lesions of several diagnoses.
    """
    if not study.control_count:
        return []
    taken = list(taken)
    rng = random.Random(f"{study.seed} controls")
    found: list[Source] = []
    for diagnosis in study.diagnoses:
        pools: list[list[Source]] = []
        if study.control_degradation:
            real = [one.pk for one in [*taken, *found] if isinstance(one, LesionImage)]
            shown = LesionImage.objects.filter(pk__in=real)
            pools.append(_one_of_each_lesion(real_pool(study, diagnosis).unrelated_to(shown), rng))
        made = [not_shown_before(study, pool_of_generators([one], diagnosis)) for one in generators_of(study)]
        pools += [list(pool.order_by("pk")) for pool in made]
        for pool in pools:
            if len(pool) < study.control_per_diagnosis:
                raise StudyError(f"{diagnosis}: too few images for the controls.")
            # A real pool holds one image of each lesion, and none of a lesion that the study shows elsewhere.
            avoid = origins_of([*taken, *found], {})
            found += without_twins(rng, pool, study.control_per_diagnosis, avoid, {})
    return found


def _one_of_each_lesion(pool, rng: random.Random) -> list[Source]:
    groups: dict[str, list[Source]] = {}
    names = pool.group_names()
    for image in pool:
        groups.setdefault(names[image.pk], []).append(image)
    return [rng.choice(groups[name]) for name in sorted(groups)]


def degradation_of(study: Study, source: Source, *, is_control: bool) -> str:
    """How the encoder makes this image of the study worse; '' if it does not."""
    return study.control_degradation if is_control and isinstance(source, LesionImage) else ""


def names_of(study: Study) -> dict[str, str]:
    """The name of each control, by `DEGRADED` or the generator's id; empty without controls."""
    found = {}
    if study.control_degradation:
        found[DEGRADED] = f"real images {study.get_control_degradation_display()}"
    return found | {str(one.pk): f"images of {one}" for one in generators_of(study)}


def truth_of(key: str) -> str:
    """The truth of a control's images."""
    return Truth.REAL if key == DEGRADED else Truth.GENERATED


def controls_in_words(study: Study) -> str:
    """The controls in a sentence, for the study's page, its plan and its methods; '' without controls."""
    if not study.control_count:
        return ""
    each = " and ".join(f"{study.control_per_diagnosis} {name}" for name in names_of(study).values())
    return (
        f"As a control, {each} per diagnosis appeared among the other images. Answers to them count in no rate and are "
        "reported separately."
    )
