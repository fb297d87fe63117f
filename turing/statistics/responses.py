"""Responses as arrays, which all other modules of this package compute from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import ArrayLike

from turing.statistics.question_answers import QuestionAnswers


@dataclass(frozen=True)
class Responses:
    """n responses as parallel arrays. Readers, images and diagnoses are codes into tuples of names."""

    reader: np.ndarray  # (n,) codes
    image: np.ndarray  # (n,) codes
    diagnosis: np.ndarray  # (n,) codes
    is_real: np.ndarray  # (n,) bool: the truth
    judged_real: np.ndarray  # (n,) bool: the response
    confidence: np.ndarray  # (n,) 1 (a guess) and up; NaN where not given
    response_time: np.ndarray  # (n,) milliseconds; NaN where not measured
    position: np.ndarray  # (n,) of the trial in its form, from 1; NaN where unknown
    is_repeat: np.ndarray  # (n,) bool: an image shown to the same reader again
    exposure: np.ndarray  # (n,) milliseconds for which the image was shown; NaN where the reader looked at will
    form: np.ndarray  # (n,) test images in the form of the response's reader; NaN if unknown
    reader_names: tuple[str, ...] = ()
    image_names: tuple[str, ...] = ()
    diagnosis_names: tuple[str, ...] = ()
    # Further labels of each response, such as the reader's specialty, whose groups are compared: {name: (n,)}.
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    # Answers to further questions about the same images.
    questions: tuple[QuestionAnswers, ...] = ()
    # Whether the responses are to pairs. `image` then names pairs; see `forced_choice`.
    is_pairs: bool = False
    # False if nobody was asked whether images are real. `judged_real` then means nothing.
    asks_judgement: bool = True

    @classmethod
    def from_labels(
        cls,
        reader: ArrayLike,
        image: ArrayLike,
        is_real: ArrayLike,
        judged_real: ArrayLike,
        *,
        diagnosis: ArrayLike | None = None,
        confidence: ArrayLike | None = None,
        response_time: ArrayLike | None = None,
        position: ArrayLike | None = None,
        is_repeat: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        form: ArrayLike | None = None,
        factors: Mapping[str, ArrayLike] | None = None,
        questions: tuple[QuestionAnswers, ...] = (),
        is_pairs: bool = False,
        asks_judgement: bool = True,
    ) -> "Responses":
        """Make responses from labels (n,) of any sortable type. What is not given is unknown.

        Raises ValueError for unequal lengths.
        """
        reader_names, reader_code = np.unique(np.asarray(reader), return_inverse=True)
        image_names, image_code = np.unique(np.asarray(image), return_inverse=True)
        n = len(reader_code)
        labels = np.full(n, "") if diagnosis is None else np.asarray(diagnosis)
        diagnosis_names, diagnosis_code = np.unique(labels, return_inverse=True)

        def numbers(given: ArrayLike | None) -> np.ndarray:
            return np.full(n, np.nan) if given is None else np.asarray(given, float)

        found = cls(
            reader=reader_code,
            image=image_code,
            diagnosis=diagnosis_code,
            is_real=np.asarray(is_real, bool),
            judged_real=np.asarray(judged_real, bool),
            confidence=numbers(confidence),
            response_time=numbers(response_time),
            position=numbers(position),
            is_repeat=np.zeros(n, bool) if is_repeat is None else np.asarray(is_repeat, bool),
            exposure=numbers(exposure),
            form=numbers(form),
            reader_names=tuple(map(str, reader_names)),
            image_names=tuple(map(str, image_names)),
            diagnosis_names=tuple(map(str, diagnosis_names)),
            factors={name: np.asarray(values) for name, values in (factors or {}).items()},
            questions=questions,
            is_pairs=is_pairs,
            asks_judgement=asks_judgement,
        )
        if any(column.shape != (n,) for column in [*found.columns.values(), *found.factors.values()]) or any(
            len(one) != n for one in questions
        ):
            raise ValueError("all columns must be one-dimensional and of one length")
        return found

    def __len__(self) -> int:
        return len(self.reader)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The arrays of length n, without factors."""
        return {one.name: value for one in fields(self) if isinstance(value := getattr(self, one.name), np.ndarray)}

    @property
    def correct(self) -> np.ndarray:
        return self.is_real == self.judged_real

    @property
    def score(self) -> np.ndarray:
        """Evidence for 'generated' (n,): +confidence if judged generated, -confidence if judged real.

        A missing confidence counts as 1, so that without any the AUC uses only the two answers.
        """
        confidence = np.where(np.isnan(self.confidence), 1.0, self.confidence)
        return np.where(self.judged_real, -confidence, confidence)

    def where(self, mask: np.ndarray) -> "Responses":
        """The responses that the mask keeps. Codes and names stay as they are."""
        kept = {name: column[mask] for name, column in self.columns.items()}
        factors = {name: values[mask] for name, values in self.factors.items()}
        return replace(self, **kept, factors=factors, questions=tuple(one.where(mask) for one in self.questions))


def time_at_page(response_time: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Response times minus the time that the reader was away from the page: (n,) milliseconds, NaN if unknown.

    `away` is the time away within each response time; NaN counts as none.
    """
    return np.maximum(response_time - np.nan_to_num(away), 0)
