"""One reader's passage through a study: start, where it stands, answers."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from turing.errors import StudyError
from turing.models import Reader, Reading, Response, Study, Trial
from turing.reading.randomisation import balanced_subset, form_order, in_blocks, new_seed, with_repeats
from turing.statistics.staircase import next_exposure

NOT_INVITED = gettext_noop(
    "This study is by invitation: please open the link that you were sent. Each link serves one reader, once."
)


def start_reading(study: Study, reader: Reader, code: str = "") -> Reading:
    """The reader's reading of the study, begun now with consent if it had not begun before.

    All trials are written at once, in an order of the reader's own. `code` is of the reader's invitation, if any, which
    is used up. Raises `StudyError` unless the study is open, and without an unused invitation where it needs one.
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
    except IntegrityError:  # a double click: the other request began it
        return Reading.objects.get(study=study, reader=reader)
    return reading


def form_trials(study: Study, reading: Reading) -> list[Trial]:
    """The trials of a reading, practice first, in the order that its seed gives; not saved yet.

    Where readers see a part of the images, which part also depends on what other readers were given: to be called with
    the study locked.
    """
    rows = list(study.stimuli.values_list("pk", "diagnosis", "truth", "is_practice"))
    practice = form_order([key for key, *_, is_practice in rows if is_practice], reading.seed)
    test = {key: (diagnosis, truth) for key, diagnosis, truth, is_practice in rows if not is_practice}
    if study.images_per_reader:
        given = Trial.objects.filter(reading__study=study, phase=Trial.Phase.TEST, reading__withdrawn_at=None)
        shown = dict(given.order_by().values_list("stimulus").annotate(Count("pk")))
        strata = {key: ", ".join(stratum) for key, stratum in test.items()}
        test = {key: test[key] for key in balanced_subset(strata, shown, study.images_per_reader, reading.seed)}
    block_of = {key: diagnosis if study.block_by_diagnosis else "" for key, (diagnosis, _) in test.items()}
    order = in_blocks(form_order(block_of, reading.seed), block_of, reading.seed)
    phases = [(key, Trial.Phase.PRACTICE) for key in practice] + [
        (key, Trial.Phase.REPEAT if repeat else Trial.Phase.TEST)
        for key, repeat in with_repeats(order, study.repeats, reading.seed, block_of)
    ]
    return [
        Trial(reading=reading, position=position, stimulus_id=stimulus, phase=phase)
        for position, (stimulus, phase) in enumerate(phases, start=1)
    ]


@dataclass(frozen=True)
class Progress:
    """How far a reading has come."""

    answered: int
    total: int
    practice: int  # trials at the form's beginning
    next_position: int | None  # of the first unanswered trial; None when the form is done
    images_per_page: int
    break_every: int

    @property
    def page_count(self) -> int:
        return -(-self.total // self.images_per_page)

    @property
    def next_page(self) -> int | None:
        """The page, from 1, that holds the first unanswered trial."""
        return None if self.next_position is None else self.page_of(self.next_position)

    def page_of(self, position: int) -> int:
        return (position - 1) // self.images_per_page + 1

    def is_practice(self, position: int) -> bool:
        return position <= self.practice

    def is_break_due(self, position: int) -> bool:
        """Whether a break is offered once the trial at `position`, the last of its page, is answered."""
        done = position - self.practice
        ends_page = position % self.images_per_page == 0
        worth_it = self.total - position > self.break_every // 3  # not just before the end
        return bool(self.break_every and done > 0 and done % self.break_every == 0 and ends_page and worth_it)


def progress_of(reading: Reading) -> Progress:
    """Where the reading stands, in one query."""
    trials = list(reading.trials.order_by("position").values_list("position", "phase", "response"))
    unanswered = [position for position, _, response in trials if response is None]
    return Progress(
        answered=len(trials) - len(unanswered),
        total=len(trials),
        practice=sum(phase == Trial.Phase.PRACTICE for _, phase, _ in trials),
        next_position=unanswered[0] if unanswered else None,
        images_per_page=reading.study.images_per_page,
        break_every=reading.study.break_every,
    )


AHEAD = 8  # images that the page may load before their turn


def images_ahead(reading: Reading, progress: Progress, position: int) -> dict[int, str]:
    """Addresses of the images that may follow the one at `position` without a page in between, by position.

    None follow a practice image, whose answer is told, nor go beyond the next break.
    """
    if progress.images_per_page > 1 or progress.is_practice(position):
        return {}
    last = position
    while last < min(position + AHEAD, progress.total) and not progress.is_break_due(last):
        last += 1
    trials = reading.trials.filter(position__gt=position, position__lte=last).select_related("stimulus")
    return {trial.position: trial.stimulus.get_absolute_url() for trial in trials}


def exposure_of(reading: Reading) -> int | None:
    """Milliseconds for which the reading's next image is shown; None where the reader may look at will.

    Follows from the test answers so far. It changes with right and wrong answers, which a reader may notice: that is
    how any staircase works, and it never says anything of the image to come.
    """
    if not reading.study.timed:
        return None
    answered = reading.trials.answered().filter(phase=Trial.Phase.TEST).order_by("position")
    return next_exposure(
        [answer == truth for answer, truth in answered.values_list("response__answer", "stimulus__truth")]
    )


def record_response(
    reading: Reading,
    position: int,
    answer: str,
    confidence: int | None,
    response_time_ms: int | None,
    shown_ms: int | None = None,
    dropped_frames: int | None = None,
) -> bool:
    """Record the answer to the trial at `position`; False if that trial was answered before, which stands.

    The times are as the browser measured them. Raises `StudyError` when the study is not open or the trial is not on
    the page that comes next.
    """
    with transaction.atomic():
        # The reading is locked, so that answers sent twice at once come one after the other.
        reading = Reading.objects.select_for_update(of=("self",)).select_related("study").get(pk=reading.pk)
        trial = reading.trials.filter(position=position).first()
        if trial is None:
            raise StudyError(_("There is no such image in this form."))
        if Response.objects.filter(trial=trial).exists():
            return False
        if reading.withdrawn_at:
            raise StudyError(_("You have withdrawn your consent; no more answers are taken."))
        if not reading.study.is_open:
            if reading.study.is_over:
                raise StudyError(_("This study is closed; it takes no more answers."))
            raise StudyError(_("This study is paused. Please come back later: your answers are saved."))
        progress = progress_of(reading)
        if progress.page_of(position) != progress.next_page:
            raise StudyError(_("Please answer the images in their order."))
        now = timezone.now()
        exposure_ms = exposure_of(reading)
        Response.objects.create(
            trial=trial,
            answer=answer,
            confidence=confidence,
            response_time_ms=response_time_ms,
            exposure_ms=exposure_ms,
            shown_ms=None if exposure_ms is None else shown_ms,
            dropped_frames=None if exposure_ms is None else dropped_frames,
            answered_at=now,
        )
        if progress.answered + 1 == progress.total:
            reading.completed_at = now
            reading.save(update_fields=["completed_at"])
    return True
