"""Runs the whole audit of one study."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Avg

from turing.errors import StudyError
from turing.models import Stimulus, Study, Trial
from turing.studies.blinding.checks import Check, Verdict, trace_check
from turing.studies.blinding.classifier import check_classifier
from turing.studies.blinding.files import check_files
from turing.studies.blinding.pages import check_pages
from turing.studies.blinding.pairs import check_pairs
from turing.studies.blinding.pixels import check_pixels
from turing.studies.blinding.purpose import check_purpose


def audit_blinding(study: Study, step: Callable[[str], None] = lambda name: None) -> list[Check]:
    """Look for anything but an image's look that goes with the truth. Raises `StudyError` for a draft.

    `step` is called with the name of each part before it begins.
    """
    if study.is_draft:
        raise StudyError(f"{study.slug} is a draft; its stimuli are built when it opens.")
    stimuli = list(study.stimuli.select_related("lesion_image", "generated_image").order_by("pk"))
    generated = np.array([item.generated_image_id is not None for item in stimuli])
    step("files")
    contents = {str(item.pk): _read(item) for item in stimuli}
    checks = check_files(study, stimuli, contents)
    step("orders")
    checks += _orders(study, stimuli, generated)
    step("pages")
    of_pages, times = check_pages(study, stimuli)
    checks += of_pages
    if study.forced_choice:
        step("pairs")
        ids = np.array([_fraction(item.pk) for item in stimuli])
        lengths = np.array([len(contents[str(item.pk)]) for item in stimuli])
        checks += check_pairs(study, stimuli, {"ids": ids, "lengths": lengths, "times": times})
    if study.purpose_blinded:
        step("purpose")
        checks += check_purpose(study)
    step("pixels")
    # Controls are left out here, because their pixels differ on purpose.
    of_test = np.array([not item.is_control for item in stimuli])
    shown = [contents[str(item.pk)] for item in stimuli if not item.is_control]
    of_pixels, hints = check_pixels(shown, generated[of_test])
    step("classifiers")
    traces = np.column_stack([_numbers(item, contents[str(item.pk)]) for item in stimuli]).T
    checks.append(check_classifier("everything but pixels", np.column_stack([traces, times]), generated, Verdict.LEAK))
    return [*checks, *of_pixels, check_classifier("pixels: all hints", hints, generated[of_test], Verdict.WARNING)]


def as_json(checks: list[Check]) -> dict[str, Any]:
    """The lines of `leaks` and `warnings`, and every check."""
    return {
        f"{verdict.value}s": [f"{check.name}: {check.detail}" for check in checks if check.verdict == verdict]
        for verdict in (Verdict.LEAK, Verdict.WARNING)
    } | {"checks": [check.as_json() for check in checks]}


def _read(stimulus: Stimulus) -> bytes:
    try:
        return stimulus.read()
    except OSError as error:
        raise StudyError(f"stimulus {stimulus.pk}: its file cannot be read ({error.strerror or error}).") from None


def _orders(study: Study, stimuli: list[Stimulus], generated: np.ndarray) -> list[Check]:
    """Check ids, and positions in readers' forms, against the truth."""
    random_ids = all(item.pk.version == 4 for item in stimuli)
    ids = trace_check("order of ids", [_fraction(item.pk) for item in stimuli], generated, "ids as numbers")
    if not random_ids:
        ids = Check("order of ids", Verdict.LEAK, "an id is not a random (version 4) UUID")
    if study.forced_choice:  # both images of a pair have the pair's position
        return [ids]
    shown = Trial.objects.filter(reading__study=study).values("stimulus").annotate(mean=Avg("position"))
    means = {row["stimulus"]: row["mean"] for row in shown}
    positions = [float(means.get(item.pk, 0)) for item in stimuli]
    return [ids, trace_check("order of forms", positions, generated, "mean position over readers' forms")]


def _fraction(number: UUID) -> float:
    return number.int / 2**128


def _numbers(item: Stimulus, content: bytes) -> list[float]:
    """Every number that belongs to a stimulus and is not a pixel: id, name and length."""
    halves = [int.from_bytes(item.pk.bytes[at : at + 2], "big") for at in range(0, 16, 2)]
    return [*halves, len(item.file), len(content)]
