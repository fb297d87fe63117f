"""The columns of the responses CSV that hold answers to further questions: writes, checks and describes them.

`turing.statistics.question_answers` defines their names and reads them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tables import as_text_cell
from turing.models import FurtherAnswer, Study
from turing.models.questions import CONFIDENCE_LEVELS, YES, Kind, Question
from turing.reading.questions import PLACE
from turing.statistics.question_answers import BETWEEN_CUES, COLUMN, PARTS

NUMBER = re.compile(r"[0-9]{1,2}([.,]0*)?")


def column_of(question: Question) -> str:
    kind = f"scale{question.levels}" if question.is_scale else question.kind
    return f"{kind}__{question.name}"


def question_columns(study: Study) -> list[str]:
    """The names of the columns, in the order of the questions. They come last. None if only the judgement is asked."""
    return [name for question in study.further_questions for name in _columns(question)]


def _columns(question: Question) -> list[str]:
    found = [column_of(question)]
    if question.kind == Kind.DIAGNOSIS:
        found.append(f"{found[0]}__right")
    return found + ([f"{found[0]}__confidence"] if question.confidence else [])


def number_columns(study: Study) -> list[str]:
    """The question columns that hold whole numbers."""
    return [name for name in question_columns(study) if name.startswith("scale") or name.endswith("__confidence")]


def cells(study: Study, diagnosis: str, answers: Iterable[FurtherAnswer]) -> dict[str, Any]:
    """The cells of one response to an image of this diagnosis; None for questions that were not answered."""
    given = {one.question: one for one in answers}
    found: dict[str, Any] = dict.fromkeys(question_columns(study))
    for question in study.further_questions:
        answer, column = given.get(question.name), column_of(question)
        if answer is None:
            continue
        found[column] = _value(question, answer.value)
        if question.kind == Kind.DIAGNOSIS and (right := question.right_answer(diagnosis)) is not None:
            found[f"{column}__right"] = "yes" if answer.value == right else "no"
        if question.confidence:
            found[f"{column}__confidence"] = answer.confidence
    return found


def _value(question: Question, value: str) -> Any:
    if question.is_scale:
        return int(value)
    if question.kind == Kind.CUES:
        return BETWEEN_CUES.join(json.loads(value))
    return as_text_cell(value) if question.kind == Kind.TEXT else re.sub(r"\r\n?", "\n", value)


def without_texts(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows without answers in free text, in which a reader may have named somebody."""
    for row in rows:
        yield {name: None if name.startswith(f"{Kind.TEXT}__") else value for name, value in row.items()}


def mistakes(columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, str]]:
    """Rows with an answer that its column cannot hold, and what is wrong with it."""
    for title, column in columns.items():
        match = COLUMN.fullmatch(title)
        if match is None:
            continue
        part, kind = match["part"], match["kind"]
        if part and part not in PARTS.get(kind, ()):
            continue
        if part and title.removesuffix(f"__{part}") not in columns:
            yield 0, f"column {title} needs the column {title.removesuffix(f'__{part}')}"
            continue
        top = CONFIDENCE_LEVELS if part == "confidence" else int(match["levels"] or 0)
        wrong = set(column) - {""}
        if top:
            wrong = {one for one in wrong if not (NUMBER.fullmatch(one) and 1 <= float(one.replace(",", ".")) <= top)}
            allowed = f"a whole number from 1 to {top}"
        elif kind == Kind.REGION:
            wrong, allowed = {one for one in wrong if not re.fullmatch(PLACE, one)}, "two shares such as 0.250 0.750"
        elif part == "right" or kind == Kind.YES_NO:
            wrong, allowed = wrong - {"yes", "no"}, "yes or no"
        else:
            continue
        if wrong:
            row = next(row for row, value in enumerate(column) if value in wrong)
            yield row, f"{title} is {column[row][:20]!r}; it must be {allowed}, or empty"


def described(question: Question, withheld: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Name, type, description and constraints of each of the question's columns, for the codebook."""
    column, asked = column_of(question), f"'{question.text}'"
    if question.is_scale:
        low, high = question.ends
        yield column, "integer", f"{asked} From 1, {low}, to {question.levels}, {high}.", {
            "minimum": 1, "maximum": question.levels,
        }  # fmt: skip
    elif question.kind == Kind.CUES:
        told = f"Asked after the judgement 'generated'; one or more of: {', '.join(question.cues)}; with ';' between."
        yield column, "string", f"{asked} {told} Empty: none was named.", {}
    elif question.kind == Kind.REGION:
        told = "Asked after the judgement 'generated': from the left and from the top, as shares of the image's sides."
        yield column, "string", f"{asked} {told}", {"pattern": "[01][.][0-9]{3} [01][.][0-9]{3}"}
    elif question.kind == Kind.TEXT:
        told = "In the reader's words. An apostrophe was put before =, +, - and @, which a spreadsheet would compute."
        yield column, "string", f"{asked} {told}{withheld}", {}
    else:
        yield column, "string", asked, {"enum": [value for value, _ in question.choices]}
    if question.kind == Kind.DIAGNOSIS:
        told = "Whether that is right for the image; empty where no option is."
        yield f"{column}__right", "string", told, {"enum": [YES, "no"]}
    if question.confidence:
        yield f"{column}__confidence", "integer", f"How sure of it, from 1, a guess, to {CONFIDENCE_LEVELS}.", {
            "minimum": 1, "maximum": CONFIDENCE_LEVELS,
        }  # fmt: skip
