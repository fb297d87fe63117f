"""Says what a draft lacks before it can open, and computes the hash that freezes its design."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import models

from turing.models import Stimulus, Study, Truth
from turing.models.looks import looks_problem
from turing.studies import controls
from turing.studies.left_out import why_generated_left_out, why_left_out
from turing.studies.pairs import conflicts
from turing.studies.phases import opening_problems
from turing.studies.pools import generated_pool, pool_of_generators, practice_counts, real_pool
from turing.studies.timed import timed_problems

# Everything that a reader's answer may depend on, except the stimuli.
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
# Fields that were added later enter the hash only if they differ from their default. So studies that opened before
# keep their hashes.
LATER_FIELDS = (
    "images_per_reader", "practice_images", "repeats", "break_every", "block_by_diagnosis", "by_invitation",
    "tell_share", "show_score", "allow_unaudited", "timed", "language", "image_type", "scaling", "generated_counts",
    "control_per_diagnosis", "control_degradation", "control_generators",
    "planned_readers", "looks", "zoom", "questions", "one_row", "corrections", "forced_choice",
    "purpose_blinded", "debriefing_text", "follows_id", "washout_days", "same_images", "feedback_after",
)  # fmt: skip


def problems(study: Study) -> list[str]:
    """What prevents the study from being opened; empty if nothing does."""
    generators = list(study.generators.all())
    tested = study.tested_generators
    found = []
    if not generators:
        found.append("Generators: choose at least one.")
    elif not tested:
        found.append("Generators: choose at least one that is not a control.")
    if len({one.uses_phantoms for one in generators}) > 1:
        found.append("Generators: some were trained on phantoms and some on real images; they cannot be mixed.")
    if not study.diagnoses:
        found.append("Diagnoses: choose at least one.")
    if study.images_per_reader > study.case_count:
        pairs = " pairs" if study.forced_choice else ""
        found.append(
            f"Images per reader: {study.images_per_reader}{pairs} are wanted, but the study shows only "
            f"{study.case_count}."
        )
    design = {name: getattr(study, name) for name in (*FROZEN_FIELDS, *LATER_FIELDS)}
    found += [f"{Study._meta.get_field(name).verbose_name.capitalize()}: {why}" for name, why in conflicts(design)]
    if study.repeats > study.form_length // 2:
        found.append("Repeated images: at most half of the images can be repeated.")
    found += [message for _, message in timed_problems(study)]
    if problem := counts_problem(counts_of(study), len(tested), study.generated_per_diagnosis):
        found.append(f"Unequal numbers of generated images: {problem}")
    if problem := looks_problem(study.looks, study.planned_readers):
        found.append(f"Looks at results: {problem}")
    if study.looks and any(one.primary for one in study.further_questions):
        found.append(
            "Questions: none of them can be primary if looks at results are planned. The error rate that looks "
            "spend is planned only for the rates."
        )
    found += opening_problems(study)
    practice = practice_counts(study)
    for diagnosis in study.diagnoses:
        found += [] if study.same_images else _lacking(study, diagnosis)
        of_test = 0 if study.same_images else study.real_per_diagnosis
        wanted = of_test + practice[diagnosis, Truth.REAL]
        if (available := real_pool(study, diagnosis).count()) < wanted:
            left_out = why_left_out(study, diagnosis)
            found.append(f"{diagnosis}: {wanted} real images are wanted, but only {available} are there{left_out}.")
        of_test = 0 if study.same_images else study.generated_per_diagnosis
        wanted = of_test + practice[diagnosis, Truth.GENERATED]
        if (available := generated_pool(study, diagnosis).count()) < wanted:
            left_out = why_generated_left_out(study, diagnosis)
            found.append(
                f"{diagnosis}: {wanted} generated images are wanted, but only {available} are there{left_out}."
            )
    found += controls.problems(study)
    if not study.allow_unaudited and (unaudited := unaudited_samples(study)):
        found.append(
            f"{unaudited} generated images were not compared with the training images and may be copies of them. Press "
            "Audit on their generator's page (or run audit_samples), or allow samples that were not audited."
        )
    return found


def counts_of(study: Study) -> dict[int, int]:
    """Images per diagnosis by generator id, for the study's generators for which the design sets a number."""
    own = {str(one.pk) for one in study.tested_generators}
    return {int(key): count for key, count in study.generated_counts.items() if key in own}


def advice(study: Study) -> list[str]:
    """What a researcher should know before opening the study. It does not prevent opening."""
    pools = [real_pool(study, name) for name in study.diagnoses]
    unseen = sum(pool.filter(verdict="", is_phantom=False).count() for pool in pools)
    found = [line for name in study.diagnoses for line in _uneven(study, name)]
    if not unseen:
        return found
    return [
        *found,
        f"Curation has not looked at {unseen} of the real images that the study may show. Round frames, rulers and "
        "duplicates can give the truth away. Curate these images first.",
    ]


def _uneven(study: Study, diagnosis: str) -> list[str]:
    """Messages about generators that have too few images for an equal share, so that the others supply the rest."""
    fixed = counts_of(study)
    sharing = [one for one in study.tested_generators if one.pk not in fixed]
    pool = generated_pool(study, diagnosis).order_by()
    there = {row["generator"]: row["count"] for row in pool.values("generator").annotate(count=models.Count("pk"))}
    if len(sharing) < 2 or sum(there.get(one.pk, 0) for one in sharing) < study.generated_per_diagnosis:
        return []
    share = (study.generated_per_diagnosis - sum(fixed.values())) // len(sharing)
    return [
        f"{diagnosis}: {one} has {there.get(one.pk, 0)} images that can be shown"
        f"{why_generated_left_out(study, diagnosis, one)}, fewer than its share of {share}. The other generators "
        "supply the rest."
        for one in sharing
        if there.get(one.pk, 0) < share
    ]


def _lacking(study: Study, diagnosis: str) -> list[str]:
    """Messages about generators that have fewer images of the diagnosis than the design takes from them."""
    fixed = counts_of(study)
    if not fixed:
        return []
    pool = generated_pool(study, diagnosis).order_by()
    available = {row["generator"]: row["count"] for row in pool.values("generator").annotate(count=models.Count("pk"))}
    found = []
    for generator in study.tested_generators:
        if (wanted := fixed.get(generator.pk, 0)) > (there := available.get(generator.pk, 0)):
            found.append(f"{diagnosis}: {wanted} images of {generator} are wanted, but only {there} are there.")
    sharing = sum(count for key, count in available.items() if key not in fixed)
    others = len(study.tested_generators) - len(fixed)
    if others and not found and study.generated_per_diagnosis - sum(fixed.values()) > sharing:
        wanted = study.generated_per_diagnosis - sum(fixed.values())
        found.append(f"{diagnosis}: {wanted} images of the other generators are wanted, but only {sharing} are there.")
    return found


def counts_problem(counts: Mapping[Any, int], generators: int, wanted: int) -> str:
    """What is wrong with the numbers of images per generator if a diagnosis shows `wanted`; '' if nothing is."""
    total = sum(counts.values())
    if total > wanted:
        return f"The numbers add up to {total} images per diagnosis, but the study shows {wanted} generated images."
    if counts and len(counts) == generators and total != wanted:
        return f"The numbers add up to {total} images per diagnosis, but the study shows {wanted} generated images."
    return ""


def unaudited_samples(study: Study) -> int:
    """How many generated images the study may show that were not compared with the training images."""
    generators = list(study.generators.all())
    return sum(pool_of_generators(generators, diagnosis).unaudited().count() for diagnosis in study.diagnoses)


def is_as_opened(study: Study, stimuli: Iterable[Stimulus]) -> bool:
    """Whether design and stimuli still have the hash that the study got when it opened."""
    return design_as_opened(study, stimuli) is not None


def design_as_opened(study: Study, stimuli: Iterable[Stimulus]) -> dict[str, Any] | None:
    """The design that, with the stimuli, has the hash that the study got when it opened; None if none does.

    The first version had no equivalence margin and did not hash one. Its studies have had the default since.
    """
    rows = _rows(stimuli)
    designs = [frozen_design(study)]
    if study.equivalence_margin == Study._meta.get_field("equivalence_margin").default:
        designs.append(frozen_design(study, unknown={"equivalence_margin"}))
    return next((design for design in designs if hash_of(design, rows) == study.design_hash), None)


def frozen_design(study: Study, unknown: Collection[str] = ()) -> dict[str, Any]:
    """What the hash covers besides the stimuli, as JSON values, without the fields `unknown` at that time."""
    design = {name: getattr(study, name) for name in FROZEN_FIELDS if name not in unknown}
    for name in LATER_FIELDS:
        if getattr(study, name) != Study._meta.get_field(name).get_default():
            design[name] = getattr(study, name)
    design["runs"] = sorted(one.pk for one in study.generators.all())
    return design


def stimulus_row(
    id: str,
    sha256: str,
    truth: str,
    diagnosis: str,
    is_practice: bool,
    is_control: bool = False,
    pair: int | str | None = None,
) -> list[str]:
    """What the hash covers of one stimulus; in a study of pairs this includes the pair."""
    kind = ["practice"] * is_practice + ["control"] * is_control
    return [id, sha256, truth, diagnosis, *kind, *([f"pair {pair}"] if pair else [])]


def hash_of(design: dict[str, Any], stimuli: Iterable[list[str]]) -> str:
    """SHA-256 of a `frozen_design` and its stimuli's rows. Anyone who has both can compute it again."""
    whole = design | {"stimuli": sorted(stimuli)}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def design_hash(study: Study, stimuli: Iterable[Stimulus]) -> str:
    """SHA-256 of the design and of every stimulus's id, bytes and truth."""
    return hash_of(frozen_design(study), _rows(stimuli))


def _rows(stimuli: Iterable[Stimulus]) -> list[list[str]]:
    return [
        stimulus_row(str(one.pk), one.sha256, one.truth, one.diagnosis, one.is_practice, one.is_control, one.pair)
        for one in stimuli
    ]
