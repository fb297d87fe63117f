"""Withdrawal of consent: takes a reading out of every analysis, and deletes free words."""

import logging

from django.db import transaction
from django.utils import timezone

from turing.models.audit_trail import AuditLine
from turing.models.people import Reader
from turing.models.questions import Kind
from turing.models.readings import Debriefing, FurtherAnswer, Reading, ReplacedAnswer
from turing.models.studies import Study

logger = logging.getLogger(__name__)


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
