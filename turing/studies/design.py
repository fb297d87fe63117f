"""Which images a study shows, chosen by its seed, and the hash that freezes its design."""

import hashlib
import json
import random
from collections.abc import Iterable

from gan.models import GeneratedImage, LesionImage
from turing.errors import StudyError
from turing.models import Stimulus, Study

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


def real_pool(study: Study, diagnosis: str):
    """Lesion images the study may show: of lesions that none of its runs trained on."""
    pool = LesionImage.objects.with_diagnosis(diagnosis).filter(is_phantom=study.uses_phantoms)
    return pool.not_trained_on_by(study.runs.all()).order_by("isic_id")


def generated_pool(study: Study, diagnosis: str):
    """Samples of the study's runs."""
    pool = GeneratedImage.objects.filter(diagnosis=diagnosis).of_runs(study.runs.all())
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
    for diagnosis in study.diagnoses:
        for kind, pool, wanted in (
            ("real images held out from training", real_pool(study, diagnosis), study.real_per_diagnosis),
            ("generated images", generated_pool(study, diagnosis), study.generated_per_diagnosis),
        ):
            available = pool.count()
            if available < wanted:
                found.append(f"{diagnosis}: {wanted} {kind} are wanted, {available} are there.")
    return found


def choose_images(study: Study) -> list[LesionImage | GeneratedImage]:
    """The study's images, stratified by diagnosis and truth, in an order that tells neither.

    The same study seed and the same pools give the same images. Raises `StudyError` naming what is missing.
    """
    if found := problems(study):
        raise StudyError(" ".join(found))
    rng = random.Random(study.seed)
    chosen: list[LesionImage | GeneratedImage] = []
    for diagnosis in study.diagnoses:
        chosen += rng.sample(list(real_pool(study, diagnosis)), study.real_per_diagnosis)
        chosen += rng.sample(list(generated_pool(study, diagnosis)), study.generated_per_diagnosis)
    rng.shuffle(chosen)
    return chosen


def design_hash(study: Study, stimuli: Iterable[Stimulus]) -> str:
    """SHA-256 of the design and of every stimulus's id, bytes and truth."""
    design = {name: getattr(study, name) for name in FROZEN_FIELDS}
    design["runs"] = sorted(run.pk for run in study.runs.all())
    design["stimuli"] = sorted([str(item.pk), item.sha256, item.truth, item.diagnosis] for item in stimuli)
    text = json.dumps(design, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
