"""The end of a reading: the reader's own score, and the truth about each image."""

from dataclasses import dataclass

from turing.models import Reading, Response, Trial, Truth


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
