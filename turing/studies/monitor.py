"""Monitors a running study: who has begun, how far they are, how fast, and who has stopped."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone

from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Reading, Response, Study
from turing.studies.letters import reminder_letter

STALLED_AFTER = timedelta(days=2)
REMIND_AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class MonitoredReading:
    """One person's reading as researchers see it while the study runs, without answers and truth."""

    pseudonym: str
    began_at: datetime
    answered: int
    total: int
    last_answer_at: datetime | None
    median_ms: float | None
    state: str  # done, reading, stalled, withdrawn
    reminded_at: datetime | None

    @property
    def can_be_reminded(self) -> bool:
        recent = self.reminded_at and timezone.now() - self.reminded_at < REMIND_AGAIN_AFTER
        return self.state == "stalled" and not recent


def monitor(study: Study) -> list[MonitoredReading]:
    """People's readings in the order of their pseudonyms; two queries."""
    readings = study.readings.of_people().with_progress().select_related("reader").order_by("reader__pseudonym")
    times: dict[int, list[int]] = defaultdict(list)
    measured = Response.objects.filter(trial__reading__in=readings, response_time_ms__isnull=False)
    for reading, milliseconds, away in measured.values_list("trial__reading", "response_time_ms", "away_ms"):
        times[reading].append(max(0, milliseconds - (away or 0)))
    return [
        MonitoredReading(
            pseudonym=reading.reader.pseudonym,
            began_at=reading.consented_at,
            answered=reading.answer_count,
            total=reading.trial_count,
            last_answer_at=reading.last_answer_at,
            median_ms=median(times[reading.pk]) if times[reading.pk] else None,
            state=_state(reading),
            reminded_at=reading.reminded_at,
        )
        for reading in readings
    ]


def _state(reading) -> str:
    if reading.withdrawn_at:
        return "withdrawn"
    if reading.completed_at:
        return "done"
    last = reading.last_answer_at or reading.consented_at
    return "stalled" if timezone.now() - last > STALLED_AFTER else "reading"


def send_reminder(reading: Reading, address: str, actor: Actor = COMMAND_LINE) -> None:
    """Send one e-mail with the study's address. Raises `StudyError` if one was sent within the last day.

    The reminder is recorded before the e-mail is sent, so that two clicks send only one. If sending fails, the record
    is undone.
    """
    if not reading.study.is_open:
        raise StudyError("the study is not open.")
    if not reading.reader.user.can_be_written_to:
        raise StudyError("another account has the address of this reader, and nobody has confirmed that it is theirs.")
    before, now = reading.reminded_at, timezone.now()
    due = Q(reminded_at=None) | Q(reminded_at__lte=now - REMIND_AGAIN_AFTER)
    if not Reading.objects.filter(due, pk=reading.pk).update(reminded_at=now):
        raise StudyError("this reader was reminded within the last day.")
    letter = reminder_letter(reading, address)
    try:
        send_mail(letter.line, letter.text, None, [reading.reader.user.email])
    except BaseException as error:
        Reading.objects.filter(pk=reading.pk).update(reminded_at=before)
        if isinstance(error, ValueError):  # such as a host name that cannot be encoded
            raise StudyError(f"the reader's address cannot be written to ({error}).") from error
        raise
    AuditLine.objects.record(AuditLine.What.REMINDED, actor, reading.study, reader=reading.reader)
