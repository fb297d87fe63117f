"""The end of a purpose-blinded study: what the reader noticed and suspected, and then the debriefing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from turing.models import Debriefing, Reading, Study
from turing.reading.parts import begins_from

LONGEST_WORDS = 2000  # characters


class Step(StrEnum):
    """What comes next for a reader who has answered every image."""

    NOTICED = "noticed"
    SUSPECTED = "suspected"
    TOLD = "told"  # the debriefing


def step_of(reading: Reading) -> Step | None:
    """The next step; None before the last image is answered, and if the study is not purpose-blinded.

    Readers who stopped early or withdrew learn the purpose when the study is over, because then it can no longer
    influence answers.
    """
    if not reading.study.purpose_blinded:
        return None
    if reading.completed_at is None or reading.withdrawn_at:
        return Step.TOLD if reading.study.is_over or _is_told(reading) else None
    found = Debriefing.objects.filter(reading=reading).first()
    if found is None:
        return Step.NOTICED
    return Step.SUSPECTED if found.suspected is None else Step.TOLD


def _is_told(reading: Reading) -> bool:
    return Debriefing.objects.filter(reading=reading, suspected__isnull=False).exists()


def store_noticed(reading: Reading, words: str) -> None:
    """Store what the reader noticed, once. A second page that is sent changes nothing."""
    Debriefing.objects.get_or_create(reading=reading, defaults={"noticed": words, "noticed_at": timezone.now()})


def store_suspected(reading: Reading, suspected: bool) -> None:
    """Store once whether the reader suspected it, after what they noticed."""
    waiting = Debriefing.objects.filter(reading=reading, suspected=None)
    waiting.update(suspected=suspected, answered_at=timezone.now())


@dataclass(frozen=True)
class Next:
    """An open study that follows this one, and when the reader may begin it."""

    study: Study
    since: datetime
    is_due: bool


def next_studies(reading: Reading) -> Iterable[Next]:
    """The open studies that follow the reading's study and that the reader has not begun.

    Empty if it was not completed.
    """
    begun = Reading.objects.filter(reader=reading.reader_id).values("study")
    for study in Study.objects.open().filter(follows=reading.study_id, by_invitation=False).exclude(pk__in=begun):
        if since := begins_from(study, reading.reader):
            yield Next(study, since, since <= timezone.now())
