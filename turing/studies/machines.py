"""Adds machine readers to a study: a detector cross-validated on its images, or predictions from anywhere."""

import csv
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from console import UserError
from files import shown
from gan.models import LesionImage
from tables import parse_table, read_text
from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, MachineReader, MachineScore, Stimulus, Study, Truth

DETECTOR_NAME = "Detector on EfficientNet-Lite2"
THRESHOLD = 0.5
MOST_CONFIDENT = 1_000_000
LARGEST_SCORE = 1e9  # far more than any logit; an axis to 1e308 cannot be drawn

# A function of the path of a table of images and a path for scores; it returns how the scores were made.
Detect = Callable[[Path, Path], dict[str, Any]]


@dataclass(frozen=True)
class Judged:
    """A machine's judgement of one stimulus."""

    stimulus: UUID
    score: float
    answer: str
    confidence: float | None = None
    fold: int | None = None
    group: str = ""


def groups_of(stimuli: list[Stimulus]) -> dict[UUID, str]:
    """A group name for each stimulus, shared by all images of one lesion or patient.

    Each generated image has its own.
    """
    lesions = LesionImage.objects.filter(pk__in=[one.lesion_image_id for one in stimuli if one.lesion_image_id])
    names = lesions.group_names()
    return {one.pk: names.get(one.lesion_image_id, f"image {one.pk}") for one in stimuli}


def judge_by_detector(study: Study, detect: Detect) -> tuple[list[Judged], dict[str, Any]]:
    """Score every stimulus of the test by a detector fitted to the others, and describe how that was done.

    `detect` reads a table with the columns file, truth and group, and writes one with file, score, fold and group.
    Raises `StudyError` for a draft.
    """
    stimuli = _stimuli_of(study)
    groups = groups_of(stimuli)
    with tempfile.TemporaryDirectory() as folder:
        table, scores = Path(folder, "table.csv"), Path(folder, "scores.csv")
        with table.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["file", "truth", "group"])
            for one in stimuli:
                Path(folder, f"{one.pk}.png").write_bytes(one.read_unchanged())
                writer.writerow([f"{one.pk}.png", one.truth, groups[one.pk]])
        settings = detect(table, scores)
        with scores.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    judged = [
        Judged(
            UUID(row["file"].removesuffix(".png")), float(row["score"]), _answer(float(row["score"]), THRESHOLD),
            fold=int(row["fold"]), group=row["group"],
        )
        for row in rows
    ]  # fmt: skip
    return judged, settings | {"threshold": THRESHOLD}


def read_predictions(study: Study, path: Path, threshold: float | None = None) -> tuple[list[Judged], dict[str, Any]]:
    """Read scores or answers from a CSV with the columns image and score, or image and response[, confidence].

    `image` is the stimulus's id, as in exports, with or without `.png`. A higher `score` means more like generated.
    From `threshold` on, the answer is 'generated'. Without a threshold, scores must be probabilities and the threshold
    is one half. If both columns exist, `response` is the answer. Practice images and controls are skipped. Raises
    `StudyError` with file and line of the first mistake.
    """
    if threshold is not None and abs(threshold) > LARGEST_SCORE:
        raise StudyError(f"--threshold must lie between {-LARGEST_SCORE:,.0f} and {LARGEST_SCORE:,.0f}, as scores do.")
    stimuli = {one.pk: one for one in _stimuli_of(study, practice=True)}
    groups = groups_of(list(stimuli.values()))
    place = shown(path)
    try:
        table = parse_table(read_text(path), place, needed=["image"])
    except UserError as error:
        raise StudyError(str(error)) from None
    if not {"score", "response"} & set(table.columns):
        raise StudyError(f"{place}: there is no column score or response (found: {', '.join(table.columns[:30])}).")
    found: dict[UUID, Judged] = {}
    lines: dict[UUID, int] = {}
    for line, fields in zip(table.lines, table.rows, strict=True):
        row = dict(zip(table.columns, map(str.strip, fields), strict=True))
        try:
            stimulus = _stimulus(row["image"], stimuli)
            if stimulus.pk in lines:
                raise ValueError(f"image {row['image']!r} is already in line {lines[stimulus.pk]}")
            lines[stimulus.pk] = line
            score, answer, confidence = _prediction(row, threshold)
        except ValueError as error:
            raise StudyError(f"{place}, line {line}: {error}.") from None
        if stimulus.is_of_test:
            found[stimulus.pk] = Judged(stimulus.pk, score, answer, confidence, group=groups[stimulus.pk])
    if not found:
        raise StudyError(f"{place}: the file holds no predictions.")
    used = THRESHOLD if threshold is None and "score" in table.columns else threshold
    missing = sum(one.is_of_test for one in stimuli.values()) - len(found)
    return list(found.values()), {"file": path.name[:120], "threshold": used, "images_without": missing}


@transaction.atomic
def add_machine(
    study: Study,
    name: str,
    kind: str,
    judged: list[Judged],
    settings: dict[str, Any],
    source: str = "",
    actor: Actor = COMMAND_LINE,
) -> MachineReader:
    """Store a machine's scores. Raises `StudyError` if the name is empty, too long or taken."""
    study = Study.objects.select_for_update().get(pk=study.pk)
    name = check_name(study, name)
    machine = MachineReader.objects.create(study=study, name=name, kind=kind, source=source[:300], settings=settings)
    MachineScore.objects.bulk_create(
        MachineScore(
            machine=machine, stimulus_id=one.stimulus, score=one.score, answer=one.answer, confidence=one.confidence,
            fold=one.fold, group=one.group[:40],
        )
        for one in judged
    )  # fmt: skip
    AuditLine.objects.record(AuditLine.What.MACHINE, actor, study, added=machine.pk, kind=kind, images=len(judged))
    return machine


def check_name(study: Study, name: str) -> str:
    """The name as it is stored.

    Raises `StudyError` if it is empty, too long or taken, and if the study cannot have machine readers.
    """
    if study.forced_choice:
        raise StudyError(f"{study.slug} shows pairs (forced_choice); machine readers judge single images.")
    name = " ".join(name.split())
    if not 0 < len(name) <= 80:
        raise StudyError("A machine reader needs a name of at most 80 characters.")
    if not study.asks_judgement:
        raise StudyError(
            f"{study.slug} does not ask readers to judge images, so there is nothing to compare a machine with."
        )
    if study.machines.filter(name=name).exists():
        raise StudyError(f"{study.slug} already has a machine reader {name!r}. Remove it, or choose another name.")
    return name


@transaction.atomic
def remove_machine(study: Study, name: str, actor: Actor = COMMAND_LINE) -> None:
    """Remove a machine reader. Raises `StudyError` if the study has none with this name."""
    machine = study.machines.filter(name=name).first()
    if machine is None:
        known = ", ".join(study.machines.values_list("name", flat=True)) or "none"
        raise StudyError(f"{study.slug} has no machine reader {name!r} (machine readers: {known}).")
    AuditLine.objects.record(AuditLine.What.MACHINE, actor, study, removed=machine.pk)
    machine.delete()


def _stimuli_of(study: Study, practice: bool = False) -> list[Stimulus]:
    if study.is_draft:
        raise StudyError(f"{study.slug} is a draft. Its images are drawn when it opens.")
    stimuli = study.stimuli.all() if practice else study.stimuli.of_test()
    return list(stimuli.order_by("pk"))


def _answer(score: float, threshold: float) -> str:
    return Truth.GENERATED if score >= threshold else Truth.REAL


def _stimulus(text: str, stimuli: dict[UUID, Stimulus]) -> Stimulus:
    try:
        return stimuli[UUID(text.removesuffix(".png"))]
    except (ValueError, KeyError):
        raise ValueError(f"image {text[:60]!r} is not an image of this study") from None


def _prediction(row: dict[str, str], threshold: float | None) -> tuple[float, str, float | None]:
    """Score, answer and confidence of one row. Raises `ValueError` with the reason."""
    answer = row.get("response", "").lower()
    if "response" in row and answer not in Truth.values:
        raise ValueError(f"response is {row['response'][:20]!r}; it must be real or generated")
    confidence = _number(row["confidence"], "confidence") if row.get("confidence") else None
    if confidence is not None and not 0 < confidence <= MOST_CONFIDENT:
        raise ValueError(f"confidence is {row['confidence'][:20]!r}; it must be above 0")
    if "score" not in row:
        sign = 1 if answer == Truth.GENERATED else -1
        return sign * (1 if confidence is None else confidence), answer, confidence
    score = _number(row["score"], "score")
    if abs(score) > LARGEST_SCORE:
        raise ValueError(f"score is {row['score'][:20]!r}; it must lie between {-LARGEST_SCORE:,.0f} and "
                         f"{LARGEST_SCORE:,.0f}")  # fmt: skip
    if threshold is None and not answer and not 0 <= score <= 1:
        raise ValueError(f"score is {row['score'][:20]!r}, which is not a probability. Use --threshold to "
                         "say from which score on an image is generated")  # fmt: skip
    return score, answer or _answer(score, THRESHOLD if threshold is None else threshold), confidence


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text[:20]!r}; it must be a number")
    return value
