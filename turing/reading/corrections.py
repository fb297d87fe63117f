"""Corrections: which answers may be corrected, and how a correction replaces an answer.

Each answer to an image has a number: 0 for the first answer, 1 for its correction, and so on. Each number is stored
once. The highest number counts and is the trial's `Response`. The others are kept as `ReplacedAnswer`. The order in
which answers arrive does not matter: an earlier answer that arrives late is stored among the replaced ones.
"""

from collections.abc import Iterable

from django.db import transaction

from turing.models import ReplacedAnswer, Response, Study, Trial
from turing.models.looks import last_visible
from turing.reading.progress import Answer, PlacedTrial, Progress
from turing.reading.questions import Further, store, stored_for
from turing.turns import turn_to_write

MEASURED = ("response_time_ms", "away_ms", "zoom_percent", "zoomed_ms")
PEOPLE = "people"  # only looks at people's results matter, because simulated readers correct nothing


def may_correct(study: Study, progress: Progress, trial: PlacedTrial) -> bool:
    """Whether the trial's answer may still be corrected.

    The design must allow it, the trial must belong to the current block, and no look at results may have counted the
    answer. What was seen at a look must not change.
    """
    if not study.corrections or not progress.is_in_present_block(trial.position):
        return False
    return not study.looks or not _was_counted(study, Response.objects.get(trial=trial.pk))


def replaced_answer(trial: PlacedTrial, number: int) -> Answer | None:
    """The judgement of the replaced answer with this number; None if there is none."""
    found = ReplacedAnswer.objects.filter(trial=trial.pk, number=number).first()
    if found is None:
        return None
    return Answer(found.answer, found.confidence, tuple(Further(**one) for one in found.further))


def add_answer(study: Study, new: Response, further: Iterable[Further]) -> bool:
    """Store one more answer to an answered trial, in one transaction; `new` is not saved yet.

    Returns False and stores nothing if the number was taken meanwhile, or if a look has counted the answer.
    """
    with turn_to_write(), transaction.atomic():
        if study.looks:  # `take_look` locks the same row, so it sees and records either this answer or the one before
            Study.objects.select_for_update(no_key=True).only("pk").get(pk=study.pk)
        # If two corrections arrive at once, the second sees what the first one stored.
        Trial.objects.select_for_update(no_key=True).only("pk").get(pk=new.trial_id)
        counts = Response.objects.get(trial=new.trial_id)
        if counts.number == new.number or _was_counted(study, counts):
            return False
        if counts.number > new.number:
            if ReplacedAnswer.objects.filter(trial=new.trial_id, number=new.number).exists():
                return False
            _keep(new, further)
            return True
        before, further = stored_for([new.trial_id]).get(new.trial_id, ()), tuple(further)
        if _timed(study, new, further) == _timed(
            study, counts, before
        ):  # the choice stays the same, and so does the time that it took
            for name in MEASURED:
                setattr(new, name, getattr(counts, name))
        _keep(counts, before)
        counts.delete()
        new.save(force_insert=True)
        store(new, further)
    return True


def _timed(study: Study, response: Response, further: Iterable[Further]) -> str | None:
    """The answer whose choice ends the response time (`Study.timed_field`); None if it was not given."""
    if study.asks_judgement:
        return response.answer
    (timed,) = (one.name for one in study.further_questions if one.field == study.timed_field)
    return next((one.value for one in further if one.question == timed), None)


def _keep(answer: Response, further: Iterable[Further]) -> None:
    ReplacedAnswer.objects.create(
        trial_id=answer.trial_id,
        number=answer.number,
        answer=answer.answer,
        confidence=answer.confidence,
        further=[one._asdict() for one in further],
        answered_at=answer.answered_at,
        **{name: getattr(answer, name) for name in MEASURED},
    )


def _was_counted(study: Study, response: Response) -> bool:
    """Whether a look at results, taken while answers came in, has counted the answer."""
    last = last_visible(study, PEOPLE) if study.looks else None
    return last is not None and response.pk <= last
