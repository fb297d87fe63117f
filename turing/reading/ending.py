"""The end of a reading: the reader's own score, and withdrawal of consent."""

import logging
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from turing.models import (
    AuditLine,
    Debriefing,
    FurtherAnswer,
    Reader,
    Reading,
    ReplacedAnswer,
    Response,
    Study,
    Trial,
    Truth,
)
from turing.models.questions import Kind

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Score:
    """Counts of one reader's answers to the test's images."""

    answered: int
    right: int
    generated: int
    fooled: int  # generated images taken for real

    @property
    def accuracy(self) -> float | None:
        return self.right / self.answered if self.answered else None

    @property
    def fooling_rate(self) -> float | None:
        return self.fooled / self.generated if self.generated else None


def score_of(reading: Reading) -> Score | None:
    """The reader's own score; None before the study is closed, or if the design does not show it."""
    if not reading.study.is_over or not reading.study.show_score or reading.withdrawn_at:
        return None
    return _score(reading)


def gets_feedback(reading: Reading) -> bool:
    """Whether the reader may now see what each image was, because the form is done."""
    return bool(reading.study.feedback_after and reading.completed_at and not reading.withdrawn_at)


def feedback_of(reading: Reading) -> tuple[Score, list[Response]]:
    """The reader's own score, and the answers to the test's images in their order, with stimuli."""
    rows = Response.objects.filter(trial__reading=reading, trial__phase=Trial.Phase.TEST)
    return _score(reading), list(rows.select_related("trial__stimulus").order_by("trial__position"))


def _score(reading: Reading) -> Score:
    rows = Response.objects.filter(trial__reading=reading, trial__phase=Trial.Phase.TEST)
    answers = list(rows.values_list("trial__stimulus__truth", "answer"))
    generated = [answer for truth, answer in answers if truth == Truth.GENERATED]
    return Score(
        answered=len(answers),
        right=sum(truth == answer for truth, answer in answers),
        generated=len(generated),
        fooled=generated.count(Truth.REAL),
    )


@transaction.atomic
def withdraw(reading: Reading) -> None:
    """End the reader's consent to one study. The answers leave every analysis and export; an audit line stays."""
    reading = Reading.objects.select_for_update().select_related("study", "reader").get(pk=reading.pk)
    if reading.withdrawn_at:
        return
    reading.withdrawn_at = timezone.now()
    reading.save(update_fields=["withdrawn_at"])
    note(AuditLine.What.WITHDREW, reading.reader, reading.study)


def delete_words(reading: Reading) -> None:
    """Delete what the reader wrote in their own words, because the text may name somebody."""
    words = [question.name for question in reading.study.further_questions if question.kind == Kind.TEXT]
    FurtherAnswer.objects.filter(response__trial__reading=reading, question__in=words).delete()
    for replaced in ReplacedAnswer.objects.filter(trial__reading=reading) if words else ():
        replaced.further = [one for one in replaced.further if one["question"] not in words]
        replaced.save(update_fields=["further"])
    Debriefing.objects.filter(reading=reading).update(noticed="")


def note(what: str, reader: Reader, study: Study | None) -> None:
    """Write an audit line to the database and to the log."""
    AuditLine.objects.record(what, reader, study)
    logger.info("%s %s%s", reader.pseudonym, what, f" from {study.slug}" if study else "")
