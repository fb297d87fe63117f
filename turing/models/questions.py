"""The questions that a study asks about each image: an ordered list, in which one is the judgement.

`Study.questions` stores the list as JSON. An empty list means only the judgement. `turing.studies.questions` checks the
questions that a researcher gives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as noop

CONFIDENCE_LEVELS = 5  # levels of confidence in the answer to a further question
SCALE_LEVELS = (5, 7)
LONGEST_TEXT = 500  # most characters of an answer in free text
YES, NO = "yes", "no"
CUES = (
    noop("border"), noop("network"), noop("colour"), noop("texture"), noop("symmetry"), noop("hair"), noop("lighting"),
    noop("artefact"), noop("other"),
)  # fmt: skip


class Kind(models.TextChoices):
    """The type of a question."""

    JUDGEMENT = "judgement", "real or generated (the judgement)"
    DIAGNOSIS = "diagnosis", "diagnosis, one from a list"
    REALISM = "realism", "realism, on a scale"
    QUALITY = "quality", "quality of the image, on a scale"
    SCALE = "scale", "a scale of your own"
    YES_NO = "yes_no", "yes or no"
    TEXT = "text", "short text"
    CUES = "cues", "cues: what gave a generated image away"
    REGION = "region", "region: where it gave itself away"


AFTER_GENERATED = (Kind.CUES, Kind.REGION)  # asked only if the reader has judged the image generated
SCALES = (Kind.REALISM, Kind.QUALITY, Kind.SCALE)
MAY_ASK_CONFIDENCE = (Kind.DIAGNOSIS, Kind.YES_NO)
TESTED = (Kind.JUDGEMENT, Kind.DIAGNOSIS, *SCALES, Kind.YES_NO)  # compared between real and generated images
# The default texts, in the reader's language, for questions without the researcher's own words.
WORDINGS = {
    Kind.DIAGNOSIS: noop("What is your diagnosis?"),
    Kind.REALISM: noop("How real does this image look?"),
    Kind.QUALITY: noop("How good is this image?"),
    Kind.TEXT: noop("Is there anything else that you noticed?"),
    Kind.CUES: noop("What made you think so? Choose all that apply."),
    Kind.REGION: noop("Where? Press the place in the image."),
}
ENDS = {
    Kind.REALISM: (noop("not real at all"), noop("completely real")),
    Kind.QUALITY: (noop("very poor"), noop("very good")),
}


@dataclass(frozen=True)
class Option:
    """One diagnosis to choose, and the diagnoses of images for which it is right."""

    label: str
    diagnoses: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One question of a study's design. `wording`, `low` and `high` are empty if the platform's own words are used."""

    kind: str
    name: str
    wording: str = ""
    options: tuple[Option, ...] = ()
    cues: tuple[str, ...] = ()
    levels: int = 0
    low: str = ""
    high: str = ""
    required: bool = True
    confidence: bool = False
    primary: bool = False
    margin: float | None = None  # margin of equivalence between real and generated images, in the answer's own units
    test: str = "difference"  # or "equivalence"; it chooses the p-value of the question

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Question":
        own = {key: value for key, value in values.items() if key in cls.__dataclass_fields__}
        options = tuple(Option(one["label"], tuple(one["diagnoses"])) for one in values.get("options", ()))
        return cls(**own | {"kind": values["type"], "options": options, "cues": tuple(values.get("cues", ()))})

    @property
    def is_scale(self) -> bool:
        return self.kind in SCALES

    @property
    def field(self) -> str:
        """The name of the answer's field on the form page."""
        return f"q-{self.name}"

    @property
    def confidence_field(self) -> str:
        return f"q-{self.name}-sure"

    @property
    def text(self) -> str:
        """The text of the question for the reader."""
        return self.wording or gettext(WORDINGS.get(Kind(self.kind), ""))

    @property
    def ends(self) -> tuple[str, str]:
        """The meanings of the lowest and the highest level."""
        low, high = ENDS.get(Kind(self.kind), ("", ""))
        return self.low or gettext(low), self.high or gettext(high)

    @property
    def is_own(self) -> bool:
        """Whether the researcher wrote the words, which are then in the language of the study's texts."""
        return bool(self.wording)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The values that can be stored, with their labels on a page; empty for free text."""
        if self.kind == Kind.DIAGNOSIS:
            return [(one.label, gettext(one.label)) for one in self.options]
        if self.kind == Kind.CUES:
            return [(one, gettext(one)) for one in self.cues]
        if self.kind == Kind.YES_NO:
            return [(YES, gettext("yes")), (NO, gettext("no"))]
        return [(str(level), str(level)) for level in range(1, self.levels + 1)]

    def right_answer(self, diagnosis: str) -> str | None:
        """The option that is right for an image of this diagnosis; None if there is none, and for other questions."""
        return next((one.label for one in self.options if diagnosis in one.diagnoses), None)


JUDGEMENT = Question(Kind.JUDGEMENT, "judgement", primary=True)


def questions_from(values: Iterable[dict[str, Any]]) -> tuple[Question, ...]:
    """The questions in `Study.questions`, in their order; only the judgement if it is empty."""
    return tuple(Question.from_json(one) for one in values) or (JUDGEMENT,)
