"""Where a reading stands: all its trials, read from the database in one query."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from turing.models import Reading, Study, Trial, Truth
from turing.reading.questions import Further, stored_for
from turing.statistics.staircase import next_exposure

AHEAD = 8  # images that the page may load before their turn


@lru_cache(maxsize=4096)
def _address_of(stimulus_id: UUID) -> str:
    """Readers of a study see the same images, nine of them on a page."""
    return reverse("stimulus", args=[stimulus_id])


class Answer(NamedTuple):
    """What a response says: the judgement, how sure the reader was where the study asks, and its further answers.

    `Progress` itself knows no further answers: `with_further` adds them where they are needed.
    """

    judgement: str
    confidence: int | None
    further: tuple[Further, ...] = ()

    def get_judgement_display(self) -> str:
        return str(Truth(self.judgement).label)


class PlacedTrial(NamedTuple):
    """One trial with its stimulus's truth and the answer to it, if there is one."""

    pk: int
    position: int
    phase: str
    stimulus_id: UUID
    truth: str
    answer: Answer | None

    @property
    def address(self) -> str:
        """Of the image."""
        return _address_of(self.stimulus_id)

    @property
    def is_practice(self) -> bool:
        return self.phase == Trial.Phase.PRACTICE

    @property
    def is_right(self) -> bool:
        return self.answer is not None and self.answer.judgement == self.truth

    def get_truth_display(self) -> str:
        return str(Truth(self.truth).label)


@dataclass(frozen=True)
class Progress:
    """How far a reading has come. `trials` are in the order of their positions, which count from 1."""

    trials: tuple[PlacedTrial, ...]
    images_per_page: int
    break_every: int
    timed: bool

    @property
    def total(self) -> int:
        return len(self.trials)

    @cached_property
    def answered(self) -> int:
        return sum(trial.answer is not None for trial in self.trials)

    @cached_property
    def practice(self) -> int:
        """Trials at the form's beginning that are for practice."""
        return sum(trial.is_practice for trial in self.trials)

    @cached_property
    def next_position(self) -> int | None:
        """Of the first unanswered trial; None when the form is done."""
        return next((trial.position for trial in self.trials if trial.answer is None), None)

    @property
    def page_count(self) -> int:
        return -(-self.total // self.images_per_page)

    @property
    def next_page(self) -> int | None:
        """The page, from 1, that holds the first unanswered trial."""
        position = self.next_position
        return None if position is None else self.page_of(position)

    def page_of(self, position: int) -> int:
        return (position - 1) // self.images_per_page + 1

    def on_page(self, page: int) -> tuple[PlacedTrial, ...]:
        first = (page - 1) * self.images_per_page
        return self.trials[first : first + self.images_per_page]

    def trial_at(self, position: int) -> PlacedTrial | None:
        return self.trials[position - 1] if 1 <= position <= self.total else None

    def is_practice(self, position: int) -> bool:
        return position <= self.practice

    def is_break_due(self, position: int) -> bool:
        """Whether a break is offered once the trial at `position`, the last of its page, is answered."""
        done = position - self.practice
        ends_page = position % self.images_per_page == 0
        worth_it = self.total - position > self.break_every // 3  # not just before the end
        return bool(self.break_every and done > 0 and done % self.break_every == 0 and ends_page and worth_it)

    def images_ahead(self, position: int) -> dict[int, str]:
        """Addresses of the images that may follow the one at `position` without a page in between, by position.

        None follow a practice image, whose answer is told, nor go beyond the next break.
        """
        if self.images_per_page > 1 or self.is_practice(position):
            return {}
        last = position
        while last < min(position + AHEAD, self.total) and not self.is_break_due(last):
            last += 1
        return {trial.position: trial.address for trial in self.trials[position:last]}

    @property
    def exposure_ms(self) -> int | None:
        """Milliseconds for which the next image is shown; None where the reader may look at will.

        Follows from the test answers so far. It changes with right and wrong answers, which a reader may notice: that
        is how any staircase works, and it never says anything of the image to come.
        """
        if not self.timed:
            return None
        tested = [trial for trial in self.trials if trial.phase == Trial.Phase.TEST and trial.answer is not None]
        return next_exposure([trial.is_right for trial in tested])

    def with_answer(self, position: int, answer: Answer) -> "Progress":
        """As it is once the trial at `position` is answered so."""
        trials = list(self.trials)
        trials[position - 1] = trials[position - 1]._replace(answer=answer)
        return replace(self, trials=tuple(trials))


def progress_of(reading: Reading) -> Progress:
    """Where the reading stands, in one query; `reading.study` is loaded already."""
    study = reading.study
    return Progress(tuple(_trials(reading)), study.images_per_page, study.break_every, study.timed)


def with_further(study: Study, trials: Iterable[PlacedTrial]) -> list[PlacedTrial]:
    """The trials with the further answers that are stored; no query where the study asks nothing but the judgement."""
    trials = list(trials)
    if not study.questions:
        return trials
    stored = stored_for(trial.pk for trial in trials if trial.answer)
    return [
        trial._replace(answer=trial.answer._replace(further=stored.get(trial.pk, ()))) if trial.answer else trial
        for trial in trials
    ]


def _trials(reading: Reading) -> Iterator[PlacedTrial]:
    for *trial, judgement, confidence in _with_answers().filter(reading=reading.pk):
        yield PlacedTrial(*trial, Answer(judgement, confidence) if judgement else None)


@cache
def _with_answers() -> QuerySet:
    """Built once: every page and every answer asks for it."""
    return Trial.objects.order_by("position").values_list(
        "pk", "position", "phase", "stimulus_id", "stimulus__truth", "response__answer", "response__confidence"
    )
