"""The design and the stimuli, so that a stranger can compute the design's hash and see where each image came from."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from tables import as_text_cell
from turing.models import Stimulus, Study
from turing.results.counting import Population
from turing.results.looks import with_looks
from turing.studies.design import FROZEN_FIELDS, LATER_FIELDS, design_as_opened, frozen_design, is_as_opened

COLUMNS = (
    "id", "truth", "diagnosis", "practice", "control", "source", "generator", "latent_seed", "truncation", "phantom",
    "licence", "attribution", "sha256", "redistributable", "file",
)  # fmt: skip
HOW = (
    "Take the object under 'hashed'. Add the key 'stimuli': a list with one list for each row of stimuli.csv, holding "
    "id, sha256, truth, diagnosis, then the word 'practice' or 'control' where that column says yes, and last, where "
    "there is a column pair, 'pair' with its number, such as 'pair 7'; sort these lists. "
    "Write the whole as JSON with sorted keys, without spaces after commas and colons, with characters beyond ASCII as "
    "they are, in UTF-8. The hash is the SHA-256 of those bytes. reproduce.py does it in five lines."
)
OWN = "the researchers' own"  # for generated images, because the platform knows of nobody else who holds rights


def design_document(study: Study, population: Population) -> dict[str, Any]:
    """Every field of the design, its hash, and how to compute the hash."""
    return {
        "study": {
            "title": study.title,
            "slug": study.slug,
            "state": study.state,
            "opened_at": study.opened_at.isoformat() if study.opened_at else None,
            "closed_at": study.closed_at.isoformat() if study.closed_at else None,
            "readers": population.name,
            "uses_phantoms": study.uses_phantoms,
        },
        "design": {name: getattr(study, name) for name in (*FROZEN_FIELDS, *LATER_FIELDS)},
        "generators": [
            {
                "id": one.pk,
                "kind": one.kind,
                "name": one.name,
                "version": one.version,
                "source": one.source,
                "licence": one.licence,
                "made_by": one.made_by,
                "model": one.model,
                "diagnoses": one.diagnoses,
                "size": one.size,
                "seed": one.seed if one.is_run else None,
                "settings": one.settings,
                "software": one.software,
                "trained_on": one.trained_on,
                "training_images": one.data_count if one.knows_training_images else None,
                "training_images_sha256": one.data_fingerprint,
                "trained_on_phantoms": one.uses_phantoms,
                "snapshot_of": one.snapshot_of_id,
                "step": one.snapshot_step if one.is_snapshot else None,
            }
            for one in study.generators.order_by("pk")
        ],
        "hashed": design_as_opened(study, study.stimuli.all()) or frozen_design(study),
        "design_hash": study.design_hash,
        "how_to_compute_the_hash": HOW,
    }


def looks_document(study: Study, population: Population) -> dict[str, Any]:
    """The looks that the design plans, and the looks that were taken, with the numbers seen."""
    return {
        "planned": study.looks,
        "planned_readers": study.planned_readers,
        "planned_answers": study.planned_answers,
        "taken": with_looks(study, population, {})["look_history"],
    }


def still_gives_its_hash(study: Study) -> bool:
    """Whether design and stimuli in the database still have the hash with which the study was opened."""
    return is_as_opened(study, study.stimuli.all())


def stimulus_rows(study: Study, with_images: bool) -> Iterator[dict[str, Any]]:
    """One row of stimuli.csv for each stimulus, including practice images.

    What came with an image is written as text for spreadsheets. The diagnosis stays as it is, because the design's hash
    is computed from it.
    """
    for stimulus in study.stimuli.select_related("lesion_image", "generated_image__generator").order_by("pk"):
        lesion, generated = stimulus.lesion_image, stimulus.generated_image
        licence = _licence(stimulus)
        may = may_redistribute(stimulus)
        yield {
            "id": str(stimulus.pk),
            "truth": stimulus.truth,
            "diagnosis": stimulus.diagnosis,
            "practice": "yes" if stimulus.is_practice else "no",
            "control": "yes" if stimulus.is_control else "no",
            "source": as_text_cell(lesion.isic_id if lesion else str(generated)),
            "generator": generated.generator_id if generated else None,
            "latent_seed": generated.latent_seed if generated else None,
            "truncation": generated.truncation if generated else None,
            "phantom": "yes" if lesion and lesion.is_phantom else "no",
            "licence": as_text_cell(licence),
            "attribution": as_text_cell(lesion.attribution if lesion else ""),
            "sha256": stimulus.sha256,
            "redistributable": "yes" if may else "no",
            "file": image_path(stimulus) if with_images and may else "",
            **({"pair": stimulus.pair} if study.forced_choice else {}),
        }


def stimuli_csv(study: Study, with_images: bool) -> bytes:
    buffer = io.StringIO()
    columns = [*COLUMNS, "pair"] if study.forced_choice else COLUMNS
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(stimulus_rows(study, with_images))
    return buffer.getvalue().encode()


def image_path(stimulus: Stimulus) -> str:
    return f"images/{stimulus.pk}.png"


def _licence(stimulus: Stimulus) -> str:
    if stimulus.lesion_image:
        return stimulus.lesion_image.licence
    generator = stimulus.generated_image.generator
    return OWN if generator.is_run else generator.licence or "unknown"


def may_redistribute(stimulus: Stimulus) -> bool:
    """Whether an archive that anyone can download may contain the stimulus.

    Images that a training run drew, and phantoms, belong to the researchers. A stimulus made from a real image, or from
    an image of somebody else's generator, is a cropped and resampled adaptation of it.
    """
    licence = _licence(stimulus)
    is_phantom = stimulus.lesion_image is not None and stimulus.lesion_image.is_phantom
    return licence == OWN or is_phantom or allows_adaptations(licence)


def allows_adaptations(licence: str) -> bool:
    """Whether the licence allows adaptations.

    CC0, CC BY, CC BY-SA, CC BY-NC and CC BY-NC-SA of any version do. ND, other and unknown licences do not.
    """
    words = licence.upper().replace("_", "-").replace(" ", "-").replace("CC0", "CC-0").split("-")
    words = [word for word in words if word and not word.replace(".", "").isdecimal()] + ["0"] * ("0" in words)
    return words[0:1] == ["CC"] and words[1:] in (["0"], ["BY"], ["BY", "SA"], ["BY", "NC"], ["BY", "NC", "SA"])
