"""Simulated readers, for demonstrations, planning and tests of the statistics. They never count as people."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone

from turing.accounts import Profession, Specialty
from turing.errors import StudyError
from turing.models import (
    Debriefing,
    FurtherAnswer,
    Invitation,
    Reader,
    Reading,
    Response,
    Stimulus,
    Study,
    Trial,
    Truth,
    User,
)
from turing.models.questions import CONFIDENCE_LEVELS, NO, YES, Kind, Question
from turing.reading.passage import start_reading
from turing.reading.questions import Further
from turing.statistics.staircase import next_exposure
from turing.studies.phases import earlier_studies

RIGHT_BELOW = 1.0  # with more evidence than this, a simulated reader gets the diagnosis wrong
SUSPECTING = (
    0.4  # share of simulated readers who suspect generated images by themselves: 41%, as in Tordjman et al. (2026)
)
EFFECTS, BIAS, PROFILE, NOTICED, LOOK = range(5)  # what random numbers are for
EXPOSURE_MS = 300  # time in which a simulated reader sees 63% of what there is to see


@dataclass(frozen=True)
class Observer:
    """Equal-variance signal detection with readers and images that differ.

    Evidence for 'generated' is +-dprime / 2 by truth, plus the effects of the image and the reader, plus noise of unit
    variance. The reader says 'generated' if the evidence exceeds the criterion. Effects are given as standard
    deviations in units of the noise.
    """

    dprime: float = 0.4
    criterion: float = 0.1
    reader_sd: float = 0.3
    image_sd: float = 0.4


def simulate_readers(study: Study, count: int, observer: Observer, seed: int) -> Iterator[None]:
    """Add complete readings of `count` new simulated readers; yields once a reader.

    The seed decides what each of them says about each image. Neither the order of a reader's form nor the random ids of
    the images matter, so the same seed gives the same answers again. What else a form has at random still matters:
    which images it repeats, which images it shows if each reader sees a part, the times of a study that shows images
    for a set time, and the sides of pairs.
    Further readers continue the series: five and then five more are the same as ten at once. With one seed, a reader
    has the same bias in a study and in one that follows it, and the same images look alike in both.
    Raises `StudyError` unless the study is open.
    """
    if not study.is_open:
        raise StudyError(f"{study.slug} is {study.get_state_display()}; only an open study can be read.")
    images = _Images(study, observer, seed)
    ready = iter(_readers_of_earlier(study, count) if study.follows else ())
    for _ in range(count):
        with transaction.atomic():
            locked = Study.objects.select_for_update().get(pk=study.pk)
            number = locked.readings.filter(reader__is_simulated=True).count() + 1
            reader = next(ready) if study.follows else _new_reader(_chance(seed, PROFILE, number))
            code = Invitation.objects.create(study=study).code if study.by_invitation else ""
            bias = _chance(seed, BIAS, number).normal(0, observer.reader_sd)
            _answer(start_reading(study, reader, code), observer, images, number, bias)
        yield


def _chance(seed: int, *place: int) -> np.random.Generator:
    """A source of random numbers for one thing, independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


class _Images:
    """The study's images as simulated readers see them.

    Images are numbered by what they are and in the order in which their originals were stored.
    """

    def __init__(self, study: Study, observer: Observer, seed: int) -> None:
        self.seed = seed
        self.part = len(earlier_studies(study))
        shown_first = study  # where the images come from
        while shown_first.same_images and shown_first.follows:
            shown_first = shown_first.follows
        stimuli = sorted(
            study.stimuli.all(),
            key=lambda one: (
                one.is_practice,
                one.is_control,
                one.diagnosis,
                one.truth,
                one.lesion_image_id or one.generated_image_id,
            ),
        )
        rng = _chance(seed, EFFECTS, len(earlier_studies(shown_first)))
        self.number = {stimulus.pk: number for number, stimulus in enumerate(stimuli)}
        self.effect = {stimulus.pk: rng.normal(0, observer.image_sd) for stimulus in stimuli}

    def chance(self, reader: int, stimulus: Stimulus, phase: str) -> np.random.Generator:
        """The source of all random numbers of one reader's trial with this image."""
        place = self.part, reader, self.number[stimulus.pk], Trial.Phase.values.index(phase)
        return _chance(self.seed, LOOK, *place)

    def look(self, stimulus: Stimulus, dprime: float, rng: np.random.Generator) -> float:
        """How much one image looks like a generated one to one reader."""
        signal = dprime / 2 if stimulus.truth == Truth.GENERATED else -dprime / 2
        return signal + self.effect[stimulus.pk] + rng.normal()


def _readers_of_earlier(study: Study, count: int) -> list[Reader]:
    """Simulated readers who completed the study that this one follows. They do not wait for a washout."""
    assert study.follows is not None
    done = Reading.objects.filter(study=study.follows, reader__is_simulated=True).exclude(completed_at=None)
    ready = list(Reader.objects.filter(readings__in=done).exclude(readings__study=study).order_by("pk")[:count])
    if len(ready) < count:
        raise StudyError(
            f"{study.slug} follows {study.follows.slug}, which {len(ready)} simulated readers have completed who did "
            f"not read this one; {count} are wanted. Simulate readers of that one first."
        )
    return ready


def _new_reader(rng: np.random.Generator) -> Reader:
    user = User.objects.create_user(f"{secrets.token_hex(6)}@simulated.invalid", name="Simulated reader")
    return Reader.objects.create(
        user=user,
        profession=rng.choice(Profession.values),
        specialty=rng.choice(Specialty.values),
        years_experience=int(rng.integers(0, 31)),
        country="TR",
        is_simulated=True,
    )


def _answer(reading: Reading, observer: Observer, images: _Images, number: int, bias: float) -> None:
    """Store the answers of the simulated reader with this number in the series."""
    levels = reading.study.confidence_levels if reading.study.asks_confidence else None
    now = timezone.now()
    timed = reading.study.timed
    correct: list[bool] = []
    responses: list[Response] = []
    further: list[FurtherAnswer] = []
    for trial in Trial.objects.filter(reading=reading).select_related("stimulus", "partner").order_by("position"):
        exposure = next_exposure(correct) if timed else None
        dprime = observer.dprime * (1 - np.exp(-exposure / EXPOSURE_MS) if exposure else 1)
        rng = images.chance(number, trial.stimulus, trial.phase)
        evidence = images.look(trial.stimulus, dprime, rng) + bias
        if (
            trial.partner
        ):  # chooses the image that looks more like a generated one; the reader's bias is a bias to a side
            other = images.look(trial.partner, dprime, images.chance(number, trial.partner, trial.phase))
            evidence = (evidence - other) / np.sqrt(2)
        distance = abs(evidence - observer.criterion)
        answer = Truth.GENERATED if evidence > observer.criterion else Truth.REAL
        if trial.phase == Trial.Phase.TEST:
            correct.append(answer == trial.stimulus.truth)
        responses.append(
            Response(
                trial=trial,
                answer=answer if reading.study.asks_judgement else "",
                confidence=min(levels, 1 + int(distance / 1.8 * levels)) if levels else None,
                response_time_ms=int(rng.lognormal(8.0 - 0.2 * min(distance, 2), 0.4)),
                exposure_ms=exposure,
                shown_ms=exposure,
                dropped_frames=0 if timed else None,
                answered_at=now,
            )
        )
        for question in reading.study.further_questions:
            if one := _further(question, trial.stimulus, answer, evidence - observer.criterion, rng):
                further.append(FurtherAnswer(response=responses[-1], **one._asdict()))
    Response.objects.bulk_create(responses)
    FurtherAnswer.objects.bulk_create(further)
    Reading.objects.filter(pk=reading.pk).update(completed_at=now)
    if reading.study.purpose_blinded:
        suspected = bool(_chance(images.seed, NOTICED, number).random() < SUSPECTING)
        Debriefing.objects.create(reading=reading, noticed_at=now, suspected=suspected, answered_at=now)


def _further(
    question: Question, stimulus: Stimulus, judgement: str, evidence: float, rng: np.random.Generator
) -> Further | None:
    """An answer that goes with the evidence that the image is generated: lower on a scale, more often wrong."""
    look = evidence + rng.normal()
    sure = min(CONFIDENCE_LEVELS, 1 + int(abs(look) * 2)) if question.confidence else None
    if question.is_scale:
        middle = (question.levels + 1) / 2
        return Further(question.name, str(int(np.clip(round(middle - look), 1, question.levels))), sure)
    if question.kind == Kind.YES_NO:
        return Further(question.name, YES if look < 0 else NO, sure)
    if question.kind == Kind.DIAGNOSIS:
        right = question.right_answer(stimulus.diagnosis)
        others = [one.label for one in question.options if one.label != right]
        is_right = right is not None and look < RIGHT_BELOW
        return Further(question.name, right if is_right else str(rng.choice(others)), sure)  # type: ignore[arg-type]
    if question.kind == Kind.CUES and judgement == Truth.GENERATED:
        named = [cue for cue in question.cues if rng.random() < 1 / len(question.cues)] or list(question.cues[-1:])
        return Further(question.name, json.dumps(named, ensure_ascii=False), None)
    if question.kind == Kind.REGION and judgement == Truth.GENERATED:
        left, top = np.clip(rng.normal(0.5, 0.2, 2), 0, 1)
        return Further(question.name, f"{left:.3f} {top:.3f}", None)
    return None
