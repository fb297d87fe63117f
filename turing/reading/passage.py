"""One reader's passage through a study: start, where it stands, answers."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from turing.errors import StudyError
from turing.models import Reader, Reading, Response, Study, Trial
from turing.reading.randomisation import form_order, new_seed


def start_reading(study: Study, reader: Reader) -> Reading:
    """The reader's reading of the study, begun now with consent if it had not begun before.

    All trials are written at once, in an order of the reader's own. Raises `StudyError` unless the study is open.
    """
    if reading := Reading.objects.filter(study=study, reader=reader).first():
        return reading
    try:
        with transaction.atomic():
            if not Study.objects.select_for_update().get(pk=study.pk).is_open:
                raise StudyError("This study is not open.")
            reading = Reading.objects.create(
                study=study,
                reader=reader,
                consent_version=study.consent_version,
                consented_at=timezone.now(),
                seed=new_seed(),
            )
            Trial.objects.bulk_create(form_trials(study, reading))
    except IntegrityError:  # a double click: the other request began it
        return Reading.objects.get(study=study, reader=reader)
    return reading


def form_trials(study: Study, reading: Reading) -> list[Trial]:
    """The trials of a reading in the order that its seed gives, not saved yet."""
    order = form_order(study.stimuli.values_list("pk", flat=True), reading.seed)
    return [
        Trial(reading=reading, position=position, stimulus_id=stimulus)
        for position, stimulus in enumerate(order, start=1)
    ]


@dataclass(frozen=True)
class Progress:
    """How far a reading has come."""

    answered: int
    total: int
    next_position: int | None  # of the first unanswered trial; None when the form is done
    images_per_page: int

    @property
    def percent(self) -> int:
        return 100 * self.answered // self.total if self.total else 0

    @property
    def page_count(self) -> int:
        return -(-self.total // self.images_per_page)

    @property
    def next_page(self) -> int | None:
        """The page, from 1, that holds the first unanswered trial."""
        return None if self.next_position is None else (self.next_position - 1) // self.images_per_page + 1


def progress_of(reading: Reading) -> Progress:
    """Where the reading stands, in two queries."""
    total = reading.trials.count()
    unanswered = list(reading.trials.unanswered().order_by("position").values_list("position", flat=True))
    following = unanswered[0] if unanswered else None
    return Progress(total - len(unanswered), total, following, reading.study.images_per_page)


def record_response(
    reading: Reading, position: int, answer: str, confidence: int | None, response_time_ms: int | None
) -> bool:
    """Record the answer to the trial at `position`; False if that trial was answered before, which stands.

    Raises `StudyError` when the study is not open or the trial is not on the page that comes next.
    """
    with transaction.atomic():
        # The reading is locked, so that answers sent twice at once come one after the other.
        reading = Reading.objects.select_for_update(of=("self",)).select_related("study").get(pk=reading.pk)
        trial = reading.trials.filter(position=position).first()
        if trial is None:
            raise StudyError("There is no such image in this form.")
        if Response.objects.filter(trial=trial).exists():
            return False
        if not reading.study.is_open:
            raise StudyError("This study is closed; it takes no more answers.")
        progress = progress_of(reading)
        page = (position - 1) // reading.study.images_per_page + 1
        if page != progress.next_page:
            raise StudyError("Please answer the images in their order.")
        now = timezone.now()
        Response.objects.create(
            trial=trial, answer=answer, confidence=confidence, response_time_ms=response_time_ms, answered_at=now
        )
        if progress.answered + 1 == progress.total:
            reading.completed_at = now
            reading.save(update_fields=["completed_at"])
    return True
