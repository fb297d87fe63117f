"""Corrections of slips: which answers may be corrected, and how a correction takes the place of an answer.

Each answer to an image has a number: 0 for the first one, 1 for its correction, and so on. Each number is stored once,
and the highest one counts: as the trial's `Response`. The others are kept as `ReplacedAnswer`. It does not matter in
which order answers arrive: an earlier one that comes late takes its place among the replaced ones.
"""

from collections.abc import Iterable

from django.db import transaction

from turing.models import ReplacedAnswer, Response, Study, Trial
from turing.models.looks import last_visible
from turing.reading.progress import Answer, PlacedTrial, Progress
from turing.reading.questions import Further, store, stored_for
from turing.turns import turn_to_write

MEASURED = ("response_time_ms", "away_ms", "zoom_percent", "zoomed_ms")
PEOPLE = "people"  # whose looks at results are asked for: simulated readers correct nothing


def may_correct(study: Study, progress: Progress, trial: PlacedTrial) -> bool:
    """Whether the trial's answer may yet be corrected.

    The design allows it, the trial is of the present block, and no look at results has counted the answer: what was
    seen at a look must stay what it was.
    """
    if not study.corrections or not progress.is_in_present_block(trial.position):
        return False
    return not study.looks or not _was_counted(study, Response.objects.get(trial=trial.pk))


def replaced_answer(trial: PlacedTrial, number: int) -> Answer | None:
    """What the replaced answer of that number said; None where there is none."""
    found = ReplacedAnswer.objects.filter(trial=trial.pk, number=number).first()
    if found is None:
        return None
    return Answer(found.answer, found.confidence, tuple(Further(**one) for one in found.further))


def add_answer(study: Study, new: Response, further: Iterable[Further]) -> bool:
    """Store one more answer to an answered trial, in one transaction; `new` is not saved yet.

    Returns False, and stores nothing, where the number is taken meanwhile or a look has counted the answer.
    """
    with turn_to_write(), transaction.atomic():
        if study.looks:  # `take_look` locks the same row: it sees this answer or the one before, and records it
            Study.objects.select_for_update(no_key=True).only("pk").get(pk=study.pk)
        # Of two corrections at once, the second sees what the first one stored.
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
        if _timed(study, new, further) == _timed(study, counts, before):  # it stays, and so does the time that it took
            for name in MEASURED:
                setattr(new, name, getattr(counts, name))
        _keep(counts, before)
        counts.delete()
        new.save(force_insert=True)
        store(new, further)
    return True


def _timed(study: Study, response: Response, further: Iterable[Further]) -> str | None:
    """The answer at whose choice the response time ends (`Study.timed_field`); None where it was not given."""
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
    """Whether a look at results, taken while answers come in, has counted the answer."""
    last = last_visible(study, PEOPLE) if study.looks else None
    return last is not None and response.pk <= last
