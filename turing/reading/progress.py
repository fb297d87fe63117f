"""The progress of a reading: all its trials, read from the database in one query."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from turing.models import Reading, Side, Study, Trial, Truth
from turing.reading.questions import Further, stored_for
from turing.statistics.staircase import next_exposure

AHEAD = 8  # images that the page may load in advance


@lru_cache(maxsize=4096)
def _address_of(stimulus_id: UUID) -> str:
    """The address of an image, cached because all readers of a study see the same images."""
    return reverse("stimulus", args=[stimulus_id])


class Answer(NamedTuple):
    """The content of a response: judgement, confidence if the study asks for it, and further answers.

    `Progress` does not load further answers. `with_further` adds them where they are needed.
    """

    judgement: str
    confidence: int | None
    further: tuple[Further, ...] = ()

    def get_judgement_display(self) -> str:
        """The judgement in words; empty if the study does not ask for it."""
        return str(Truth(self.judgement).label) if self.judgement else ""

    @property
    def chosen_side(self) -> Side:
        """In a pair: the side of the image that was called generated."""
        return Side.of_answer(self.judgement)


class PlacedTrial(NamedTuple):
    """One trial with the truth of its stimulus and the answer to it, if there is one."""

    pk: int
    position: int
    phase: str
    stimulus_id: UUID
    truth: str
    answer: Answer | None
    number: int = 0  # number of the answer: 0 for the first one, higher for a correction
    partner_id: UUID | None = None  # in a pair, the image on the right

    @property
    def address(self) -> str:
        """The address of the image."""
        return _address_of(self.stimulus_id)

    @property
    def addresses(self) -> list[str]:
        """The address of the image, or of both images of a pair, from left to right."""
        return [self.address] + ([_address_of(self.partner_id)] if self.partner_id else [])

    @property
    def is_practice(self) -> bool:
        return self.phase == Trial.Phase.PRACTICE

    @property
    def is_right(self) -> bool:
        return self.answer is not None and self.answer.judgement == self.truth

    def get_truth_display(self) -> str:
        return str(Truth(self.truth).label)

    @property
    def generated_side(self) -> Side:
        """In a pair: the side of the generated image."""
        return Side.of_answer(self.truth)


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
        """The number of practice trials at the beginning of the form."""
        return sum(trial.is_practice for trial in self.trials)

    @cached_property
    def next_position(self) -> int | None:
        """The position of the first unanswered trial; None when the form is done."""
        return next((trial.position for trial in self.trials if trial.answer is None), None)

    @property
    def page_count(self) -> int:
        return -(-self.total // self.images_per_page)

    @property
    def next_page(self) -> int | None:
        """The number, from 1, of the page with the first unanswered trial."""
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
        """Whether a break is offered after the trial at `position`, the last of its page, is answered."""
        done = position - self.practice
        ends_page = position % self.images_per_page == 0
        worth_it = self.total - position > self.break_every // 3  # no break just before the end
        return bool(self.break_every and done > 0 and done % self.break_every == 0 and ends_page and worth_it)

    def is_in_present_block(self, position: int) -> bool:
        """Whether the trial at `position` is answered, counts, and belongs to the current block.

        A reader who is offered a break is still in the block before it until they answer the next image. A form that is
        done has no current block.
        """
        trial = self.trial_at(position)
        if self.next_position is None or trial is None or trial.answer is None or trial.is_practice:
            return False
        return not any(self.is_break_due(one) for one in range(position, self.next_position - 1))

    def images_ahead(self, position: int) -> dict[int, str | list[str]]:
        """Addresses of the images that may follow the one at `position` without a page in between, by position.

        For a pair, this is a list of two, from left to right. Nothing follows a practice image, whose answer is shown
        first, and the list stops at the next break.
        """
        if self.images_per_page > 1 or self.is_practice(position):
            return {}
        last = position
        while last < min(position + AHEAD, self.total) and not self.is_break_due(last):
            last += 1
        ahead = {trial.position: trial.addresses for trial in self.trials[position:last]}
        return {key: found if len(found) > 1 else found[0] for key, found in ahead.items()}

    @property
    def exposure_ms(self) -> int | None:
        """The exposure of the next image in milliseconds; None if readers look as long as they like.

        It depends on the test answers so far. It changes with right and wrong answers, which a reader may notice, as
        with any staircase. It never depends on the image to come.
        """
        if not self.timed:
            return None
        tested = [trial for trial in self.trials if trial.phase == Trial.Phase.TEST and trial.answer is not None]
        return next_exposure([trial.is_right for trial in tested])

    def with_answer(self, position: int, answer: Answer) -> "Progress":
        """The progress after the trial at `position` is answered in this way."""
        trials = list(self.trials)
        trials[position - 1] = trials[position - 1]._replace(answer=answer)
        return replace(self, trials=tuple(trials))


def progress_of(reading: Reading) -> Progress:
    """The progress of the reading, in one query; `reading.study` must be loaded."""
    study = reading.study
    return Progress(tuple(_trials(reading)), study.images_per_page, study.break_every, study.timed)


def with_further(study: Study, trials: Iterable[PlacedTrial]) -> list[PlacedTrial]:
    """The trials with their stored further answers. There is no query if the study asks only for the judgement."""
    trials = list(trials)
    if not study.questions:
        return trials
    stored = stored_for(trial.pk for trial in trials if trial.answer)
    return [
        trial._replace(answer=trial.answer._replace(further=stored.get(trial.pk, ()))) if trial.answer else trial
        for trial in trials
    ]


def _trials(reading: Reading) -> Iterator[PlacedTrial]:
    for *trial, judgement, confidence, number, partner in _with_answers().filter(reading=reading.pk):
        answer = None if judgement is None else Answer(judgement, confidence)
        yield PlacedTrial(*trial, answer, number or 0, partner)


@cache
def _with_answers() -> QuerySet:
    """The queryset, built only once, because every page and every answer needs it."""
    return Trial.objects.order_by("position").values_list(
        "pk", "position", "phase", "stimulus_id", "stimulus__truth", "response__answer", "response__confidence",
        "response__number", "partner_id",
    )  # fmt: skip
