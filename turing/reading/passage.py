"""Starts a reader's reading of a study and records answers."""

from collections import Counter
from dataclasses import dataclass

from django.db import IntegrityError, models, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, gettext_noop
from django.utils.translation import gettext as _

from turing.errors import StudyError
from turing.models import Reader, Reading, Response, Study, Trial, Truth
from turing.reading.corrections import add_answer, may_correct, replaced_answer
from turing.reading.pairs import excess_of_left, place
from turing.reading.parts import why_not_yet
from turing.reading.progress import Answer, PlacedTrial, Progress, progress_of, with_further
from turing.reading.questions import Further, store
from turing.reading.randomisation import (
    balanced_subset,
    form_order,
    in_blocks,
    new_seed,
    with_controls_among,
    with_repeats,
)
from turing.turns import turn_to_write

NOT_INVITED = gettext_noop(
    "You need an invitation to take part. Please open the link in your invitation. Each link works once, for one "
    "reader."
)


def start_reading(study: Study, reader: Reader, code: str = "") -> Reading:
    """The reader's reading of the study. If there is none yet, it begins now, with consent.

    All trials are written at once, in the reader's own order. `code` is that of the reader's invitation, if any, which
    is then used. Raises `StudyError` if the study is not open, if it needs an invitation and there is no unused one,
    and if `why_not_yet` gives a reason.
    """
    if reading := Reading.objects.filter(study=study, reader=reader).first():
        return reading
    try:
        with transaction.atomic():
            if not Study.objects.select_for_update().get(pk=study.pk).is_open:
                raise StudyError(_("This study is not open."))
            invitation = study.invitations.select_for_update().filter(code=code, reading=None).first() if code else None
            if study.by_invitation and invitation is None:
                raise StudyError(_(NOT_INVITED))
            if problem := why_not_yet(study, reader):
                raise StudyError(problem)
            reading = Reading.objects.create(
                study=study,
                reader=reader,
                consent_version=study.consent_version,
                consented_at=timezone.now(),
                seed=new_seed(),
                language=get_language() or "en",
            )
            Trial.objects.bulk_create(form_trials(study, reading))
            if invitation:
                invitation.reading = reading
                invitation.save(update_fields=["reading"])
    except IntegrityError:  # after a double click, the other request began it
        return Reading.objects.get(study=study, reader=reader)
    return reading


def form_trials(study: Study, reading: Reading) -> list[Trial]:
    """The trials of a reading, practice first, in the order given by its seed. They are not saved yet.

    If each reader sees only a part of the images, that part also depends on what other readers got. So the caller must
    hold a lock on the study.
    """
    images = list(study.stimuli.only("pk", "diagnosis", "truth", "is_practice", "is_control", "pair"))
    # The real image stands for its pair in the order, until the two images get their sides.
    stimuli = [one for one in images if one.truth == Truth.REAL] if study.forced_choice else images
    practice = form_order([one.pk for one in stimuli if one.is_practice], reading.seed)
    test = {one.pk: (one.diagnosis, one.truth) for one in stimuli if one.is_of_test}
    if study.images_per_reader:
        given = Trial.objects.filter(reading__study=study, phase=Trial.Phase.TEST, reading__withdrawn_at=None)
        shown = Counter(dict(given.order_by().values_list("stimulus").annotate(Count("pk"))))
        if study.forced_choice:
            shown.update(dict(given.order_by().values_list("partner").annotate(Count("pk"))))
        strata = {key: ", ".join(stratum) for key, stratum in test.items()}
        test = {key: test[key] for key in balanced_subset(strata, shown, study.images_per_reader, reading.seed)}
    block_of = {key: diagnosis if study.block_by_diagnosis else "" for key, (diagnosis, _) in test.items()}
    order = in_blocks(form_order(block_of, reading.seed), block_of, reading.seed)
    phases = [
        (key, Trial.Phase.REPEAT if repeat else Trial.Phase.TEST)
        for key, repeat in with_repeats(order, study.repeats, reading.seed, block_of)
    ]
    controls = {one.pk: one.diagnosis if study.block_by_diagnosis else "" for one in stimuli if one.is_control}
    phases = with_controls_among(
        phases, [(key, Trial.Phase.CONTROL) for key in controls], reading.seed, block_of | controls
    )
    phases = [(key, Trial.Phase.PRACTICE) for key in practice] + phases
    trials = [
        Trial(reading=reading, position=position, stimulus_id=stimulus, phase=phase)
        for position, (stimulus, phase) in enumerate(phases, start=1)
    ]
    if study.forced_choice:
        place(trials, images, excess_of_left(study), reading.seed)
    return trials


class Refused(models.TextChoices):
    """The reasons for refusing an answer, and what the reader is told."""

    NO_SUCH_IMAGE = "no_such_image", gettext_lazy("There is no such image in this form.")
    WITHDRAWN = "withdrawn", gettext_lazy("You have withdrawn your consent. You can no longer answer.")
    CLOSED = "closed", gettext_lazy("The study had closed before this answer arrived.")
    PAUSED = "paused", gettext_lazy("This study is paused. Please come back later: your answers are saved.")
    OUT_OF_TURN = "out_of_turn", gettext_lazy("Please answer the images in their order.")


# Refusals that may pass: a paused study may go on, and the reader may answer the earlier image.
NOT_YET = (Refused.PAUSED, Refused.OUT_OF_TURN)


class RefusedAnswerError(StudyError):
    """An answer was refused. Nothing was stored."""

    def __init__(self, reason: Refused) -> None:
        super().__init__(str(reason.label))
        self.reason = reason

    @property
    def is_final(self) -> bool:
        return self.reason not in NOT_YET


@dataclass(frozen=True)
class Recorded:
    """What is stored for one trial, and the state of the reading after that."""

    stored: Answer
    is_taken: bool  # False if an earlier answer was stored and counts
    progress: Progress
    number: int = 0  # number of the stored answer: 0 for the first one, higher for a correction


def record_response(
    reading: Reading,
    position: int,
    answer: str,
    confidence: int | None,
    response_time_ms: int | None,
    shown_ms: int | None = None,
    dropped_frames: int | None = None,
    away_ms: int | None = None,
    zoom_percent: int | None = None,
    zoomed_ms: int | None = None,
    further: tuple[Further, ...] = (),
    number: int = 0,
) -> Recorded:
    """As `record_just_loaded`, for a reading that may have been loaded some time ago."""
    fresh = Reading.objects.select_related("study").get(pk=reading.pk)
    return record_just_loaded(
        fresh, position, answer, confidence, response_time_ms, shown_ms, dropped_frames,
        away_ms, zoom_percent, zoomed_ms, further, number,
    )  # fmt: skip


def record_just_loaded(
    reading: Reading,
    position: int,
    answer: str,
    confidence: int | None,
    response_time_ms: int | None,
    shown_ms: int | None = None,
    dropped_frames: int | None = None,
    away_ms: int | None = None,
    zoom_percent: int | None = None,
    zoomed_ms: int | None = None,
    further: tuple[Further, ...] = (),
    number: int = 0,
) -> Recorded:
    """Record the answer to the trial at `position` once. A trial that is answered keeps its first answer.

    If the design allows corrections, `number` says which of the trial's answers this is. The answer with the highest
    number counts; see `turing.reading.corrections`.

    The times are those that the browser measured. `reading` and its study must have been loaded just now. Raises
    `RefusedAnswerError` if the study is not open, or if the trial is not on the next page.

    There is no lock. If two answers arrive at once, the database's constraint of one response a trial lets one in, and
    the other request is told what was stored. An answer consists of all its questions: `further` answers are stored
    together with the response or not at all.
    """
    progress = progress_of(reading)
    trial = progress.trial_at(position)
    given = Answer(answer, confidence, further)
    if trial is None:
        raise RefusedAnswerError(Refused.NO_SUCH_IMAGE)
    exposure_ms = progress.exposure_ms
    now = timezone.now()
    new = Response(
        trial_id=trial.pk,
        number=number,
        answer=answer,
        confidence=confidence,
        response_time_ms=response_time_ms,
        exposure_ms=exposure_ms,
        shown_ms=None if exposure_ms is None else shown_ms,
        dropped_frames=None if exposure_ms is None else dropped_frames,
        away_ms=away_ms,
        zoom_percent=zoom_percent,
        zoomed_ms=zoomed_ms,
        answered_at=now,
    )
    if trial.answer is not None:
        return _to_answered(reading, trial, given, progress, new)
    if refusal := _refusal(reading, progress, position):
        raise RefusedAnswerError(refusal)
    try:
        _insert(new, further)
    except IntegrityError:
        progress = progress_of(reading)
        trial = progress.trials[position - 1]
        if trial.answer is None:  # the error is about another constraint, not about a second answer
            raise
        return _to_answered(reading, trial, given, progress, new)
    if progress.page_of(position) == progress.page_count:
        _complete(reading, now)
    return Recorded(given, True, progress.with_answer(position, given), number)


def _insert(response: Response, further: tuple[Further, ...]) -> None:
    if not further:
        with turn_to_write():
            response.save(force_insert=True)
        return
    with turn_to_write(), transaction.atomic():
        response.save(force_insert=True)
        store(response, further)


def _to_answered(reading: Reading, trial: PlacedTrial, given: Answer, progress: Progress, new: Response) -> Recorded:
    """Handle an answer to a trial that has one already: it is the same answer, or a correction, or it is refused."""
    stored = with_further(reading.study, [trial])[0].answer
    assert stored is not None
    known = replaced_answer(trial, new.number) if new.number < trial.number else stored
    if known == given:  # the same answer sent again, or a correction that changes nothing
        return Recorded(given, True, progress, new.number)
    if (known is None or new.number > trial.number) and may_correct(reading.study, progress, trial):
        if refusal := _refusal_of_all(reading):
            raise RefusedAnswerError(refusal)
        if add_answer(reading.study, new, given.further):
            return Recorded(given, True, progress, new.number)
        progress = progress_of(reading)  # another answer was stored first
        return _to_answered(reading, progress.trials[trial.position - 1], given, progress, new)
    return Recorded(stored, False, progress, trial.number)


def _refusal(reading: Reading, progress: Progress, position: int) -> Refused | None:
    if refusal := _refusal_of_all(reading):
        return refusal
    return Refused.OUT_OF_TURN if progress.page_of(position) != progress.next_page else None


def _refusal_of_all(reading: Reading) -> Refused | None:
    """Why the reading takes no more answers; None if it does."""
    if reading.withdrawn_at:
        return Refused.WITHDRAWN
    if reading.study.is_over:
        return Refused.CLOSED
    if not reading.study.is_open:
        return Refused.PAUSED
    return None


def _complete(reading: Reading, now) -> None:
    """Mark the reading as complete if every trial is answered.

    The database checks this at the time of writing. If two last answers arrive at once, the later statement sees both.
    """
    unanswered = Trial.objects.unanswered().filter(reading=reading.pk)
    Reading.objects.filter(~models.Exists(unanswered), pk=reading.pk, completed_at=None).update(completed_at=now)
