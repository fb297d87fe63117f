"""Which images a study shows, chosen by its seed, and the hash that freezes its design."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from gan.models import GeneratedImage, LesionImage
from turing.errors import StudyError
from turing.models import Stimulus, Study, Truth

Source = LesionImage | GeneratedImage

# Everything a reader's answer may depend on, besides the stimuli.
FROZEN_FIELDS = (
    "title",
    "diagnoses",
    "real_per_diagnosis",
    "generated_per_diagnosis",
    "images_per_page",
    "confidence_levels",
    "stimulus_size",
    "equivalence_margin",
    "instructions",
    "consent_text",
    "seed",
)
# Fields that came later belong to the hash where they are not at their default, so that the hashes of studies that
# opened before they came still hold.
LATER_FIELDS = (
    "images_per_reader", "practice_images", "repeats", "break_every", "block_by_diagnosis", "by_invitation",
    "tell_share", "show_score", "allow_unaudited", "timed", "language",
)  # fmt: skip


def real_pool(study: Study, diagnosis: str):
    """Lesion images the study may show: not rejected by curation, of lesions that none of its runs trained on."""
    pool = LesionImage.objects.usable().with_diagnosis(diagnosis).filter(is_phantom=study.uses_phantoms)
    return pool.not_trained_on_by(study.runs.all()).order_by("isic_id")


def generated_pool(study: Study, diagnosis: str):
    """Samples of the study's runs that are not suspected copies of training images."""
    pool = GeneratedImage.objects.not_copies().filter(diagnosis=diagnosis).of_runs(study.runs.all())
    return pool.order_by("run_id", "latent_seed")


def problems(study: Study) -> list[str]:
    """What stands in the way of opening the study; empty where nothing does."""
    runs = list(study.runs.all())
    found = []
    if not runs:
        found.append("Training runs: choose at least one.")
    if len({run.uses_phantoms for run in runs}) > 1:
        found.append("Training runs: some were trained on phantoms and some on real images; they cannot be mixed.")
    if not study.diagnoses:
        found.append("Diagnoses: choose at least one.")
    if study.images_per_reader > study.stimulus_count:
        found.append(
            f"Images per reader: {study.images_per_reader} are wanted, the study shows {study.stimulus_count}."
        )
    if study.repeats > study.form_length // 2:
        found.append("Repeated images: at most half of the images can be repeated.")
    if study.timed and study.images_per_page > 1:
        found.append("Images per page: images shown for a moment come one at a time.")
    if study.timed and study.repeats:
        found.append("Repeated images: not where images are shown for a moment, since a repeat has another exposure.")
    practice = practice_counts(study)
    for diagnosis in study.diagnoses:
        for kind, pool, wanted in (
            (
                "real images held out from training",
                real_pool(study, diagnosis),
                study.real_per_diagnosis + practice[diagnosis, Truth.REAL],
            ),
            (
                "generated images",
                generated_pool(study, diagnosis),
                study.generated_per_diagnosis + practice[diagnosis, Truth.GENERATED],
            ),
        ):
            available = pool.count()
            if available < wanted:
                found.append(f"{diagnosis}: {wanted} {kind} are wanted, {available} are there.")
    if not study.allow_unaudited and (unaudited := unaudited_samples(study)):
        found.append(
            f"{unaudited} generated images were not compared with the training images and may be copies of them: run "
            "audit_samples for their run, or allow samples that were not audited."
        )
    return found


def unaudited_samples(study: Study) -> int:
    """How many of the generated images that the study may show nobody compared with the training images."""
    return sum(generated_pool(study, diagnosis).unaudited().count() for diagnosis in study.diagnoses)


def practice_counts(study: Study) -> Counter[tuple[str, str]]:
    """Practice images of each diagnosis and truth: as equal in number as can be."""
    kinds = [(diagnosis, truth) for truth in (Truth.REAL, Truth.GENERATED) for diagnosis in study.diagnoses]
    return Counter(kinds[index % len(kinds)] for index in range(study.practice_images if kinds else 0))


def choose_images(study: Study) -> tuple[list[Source], list[Source]]:
    """The test's images, stratified by diagnosis and truth, and the practice's; each in an order that tells neither.

    Of several runs each gives as many of a diagnosis as the others, as far as it has them: runs are a factor of the
    design, and compared in the analysis. The same study seed and the same pools give the same images. Raises
    `StudyError` naming what is missing.
    """
    if found := problems(study):
        raise StudyError(" ".join(found))
    rng = random.Random(study.seed)
    test: list[Source] = []
    left: dict[tuple[str, str], list[Source]] = {}
    for diagnosis in study.diagnoses:
        for truth, pool, count in (
            (Truth.REAL, real_pool(study, diagnosis), study.real_per_diagnosis),
            (Truth.GENERATED, generated_pool(study, diagnosis), study.generated_per_diagnosis),
        ):
            images = list(pool)
            chosen = _sample(rng, images, count)
            test += chosen
            taken = {image.pk for image in chosen}
            left[diagnosis, truth] = [image for image in images if image.pk not in taken]
    rng.shuffle(test)
    practice = [image for kind, count in practice_counts(study).items() for image in rng.sample(left[kind], count)]
    rng.shuffle(practice)
    return test, practice


def _sample(rng: random.Random, images: list[Source], count: int) -> list[Source]:
    by_run: dict[int | None, list[Source]] = {}
    for image in images:
        by_run.setdefault(getattr(image, "run_id", None), []).append(image)
    quota = dict.fromkeys(by_run, 0)
    for _ in range(count):
        least = min((run for run in by_run if quota[run] < len(by_run[run])), key=quota.__getitem__)
        quota[least] += 1
    return [image for run, members in by_run.items() for image in rng.sample(members, quota[run])]


def is_as_opened(study: Study, stimuli: Iterable[Stimulus]) -> bool:
    """Whether design and stimuli still have the hash that the study got when it opened."""
    return design_as_opened(study, stimuli) is not None


def design_as_opened(study: Study, stimuli: Iterable[Stimulus]) -> dict[str, Any] | None:
    """The design that has, with the stimuli, the hash that the study got when it opened; None where none has.

    The first version knew no equivalence margin and hashed none; its studies have had the default since.
    """
    rows = _rows(stimuli)
    designs = [frozen_design(study)]
    if study.equivalence_margin == Study._meta.get_field("equivalence_margin").default:
        designs.append(frozen_design(study, unknown={"equivalence_margin"}))
    return next((design for design in designs if hash_of(design, rows) == study.design_hash), None)


def frozen_design(study: Study, unknown: Collection[str] = ()) -> dict[str, Any]:
    """What the hash covers besides the stimuli, as JSON values; without the fields `unknown` at the time."""
    design = {name: getattr(study, name) for name in FROZEN_FIELDS if name not in unknown}
    for name in LATER_FIELDS:
        if getattr(study, name) != Study._meta.get_field(name).default:
            design[name] = getattr(study, name)
    design["runs"] = sorted(run.pk for run in study.runs.all())
    return design


def stimulus_row(id: str, sha256: str, truth: str, diagnosis: str, is_practice: bool) -> list[str]:
    """What the hash covers of one stimulus."""
    return [id, sha256, truth, diagnosis] + ["practice"] * is_practice


def hash_of(design: dict[str, Any], stimuli: Iterable[list[str]]) -> str:
    """SHA-256 of a `frozen_design` and its stimuli's rows; anyone who has both can compute it again."""
    whole = design | {"stimuli": sorted(stimuli)}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def design_hash(study: Study, stimuli: Iterable[Stimulus]) -> str:
    """SHA-256 of the design and of every stimulus's id, bytes and truth."""
    return hash_of(frozen_design(study), _rows(stimuli))


def _rows(stimuli: Iterable[Stimulus]) -> list[list[str]]:
    return [stimulus_row(str(one.pk), one.sha256, one.truth, one.diagnosis, one.is_practice) for one in stimuli]
