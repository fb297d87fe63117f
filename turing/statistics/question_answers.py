"""Answers to a study's further questions, in the form of the columns of a responses CSV.

A column's name says what it holds: `diagnosis__NAME`, `scale5__NAME`, `scale7__NAME`, `yes_no__NAME`, `text__NAME`,
`cues__NAME` or `region__NAME`. A diagnosis or yes_no column can have a column `…__confidence` beside it. A diagnosis
column can also have a column `…__right`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

COLUMN = re.compile(
    r"(?P<kind>diagnosis|scale(?P<levels>[57])|yes_no|text|cues|region)__(?P<name>[a-z](?:_?[a-z0-9])*)"
    r"(?:__(?P<part>right|confidence))?"
)
PARTS = {"diagnosis": ("right", "confidence"), "yes_no": ("confidence",)}
CONFIDENCE_LEVELS = 5
BETWEEN_CUES = ";"


@dataclass(frozen=True)
class QuestionAnswers:
    """n answers to one question, in the order of the responses that they belong to."""

    kind: str  # diagnosis, scale, yes_no, text, cues or region
    name: str
    levels: int  # of a scale; 0 for other kinds
    value: np.ndarray  # (n,) text; '' where not answered, for cues also where none was chosen
    right: np.ndarray  # (n,) 1 right, 0 wrong, NaN where there is no right answer, or none was given
    confidence: np.ndarray  # (n,) 1 to 5; NaN where not given

    def __len__(self) -> int:
        return len(self.value)

    @property
    def is_answered(self) -> np.ndarray:
        return self.value != ""

    @property
    def score(self) -> np.ndarray:
        """The answers as numbers from 0 to 1 (n,): right, the place on the scale, or yes. NaN if unknown."""
        if self.kind == "diagnosis":
            return self.right
        return self.place if self.kind == "scale" else np.where(self.is_answered, self.value == "yes", np.nan)

    @property
    def place(self) -> np.ndarray:
        """Places on the scale (n,) from 0, the lowest level, to 1, the highest. NaN if not answered."""
        numbers = np.array([float(one) if one else np.nan for one in self.value.tolist()], float)
        return (numbers - 1) / (self.levels - 1)

    def names_cue(self, cue: str) -> np.ndarray:
        """Whether each answer names the cue (n,)."""
        return np.array([cue in one.split(BETWEEN_CUES) for one in self.value.tolist()], bool)

    @property
    def marks(self) -> np.ndarray:
        """Marked places (n, 2) from the left and from the top, as shares of the image's sides. NaN without a mark."""
        return np.array([one.split() or (np.nan, np.nan) for one in self.value.tolist()], float).reshape(-1, 2)

    @property
    def cues(self) -> list[str]:
        return sorted({cue for one in self.value.tolist() for cue in one.split(BETWEEN_CUES)} - {""})

    def where(self, mask: np.ndarray) -> "QuestionAnswers":
        kept = {name: getattr(self, name)[mask] for name in ("value", "right", "confidence")}
        return replace(self, **kept)


def questions_in(columns: Mapping[str, Sequence[str]]) -> tuple[QuestionAnswers, ...]:
    """The questions that the table has columns for, in the order of the columns. Their values were checked before.

    Whole numbers may be written as 2.0, because pandas writes them so if some are missing.
    """
    return tuple(_one(match, column, columns) for match, column in _main(columns))


def _main(columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[re.Match[str], Sequence[str]]]:
    for title, column in columns.items():
        match = COLUMN.fullmatch(title)
        if match and match["part"] is None:
            yield match, column


def _one(match: re.Match[str], column: Sequence[str], columns: Mapping[str, Sequence[str]]) -> QuestionAnswers:
    n = len(column)
    right = columns.get(f"{match[0]}__right", [""] * n)
    confidence = columns.get(f"{match[0]}__confidence", [""] * n)
    levels = int(match["levels"] or 0)
    values = [str(int(float(one))) if one else "" for one in column] if levels else list(column)
    return QuestionAnswers(
        kind="scale" if levels else match["kind"],
        name=match["name"],
        levels=levels,
        value=np.array(values, dtype=object).astype(str) if n else np.array([], str),
        right=np.array([{"yes": 1.0, "no": 0.0}.get(one, np.nan) for one in right], float),
        confidence=np.array([float(one) if one else np.nan for one in confidence], float),
    )
