"""Reads a CSV of responses, ours or anyone's. Error messages name the line of each mistake."""

import math
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from console import UNSTORABLE, UserError
from files import shown
from tables import Table, parse_table, read_text
from turing.errors import StudyError
from turing.models import Trial, Truth
from turing.results import question_columns
from turing.results.counting import is_analysed, is_repeat
from turing.statistics.question_answers import COLUMN, questions_in
from turing.statistics.responses import Responses, time_at_page

COLUMNS = ("reader", "image", "truth", "diagnosis", "response", "confidence", "rt_ms", "trial_index")
REQUIRED = ("reader", "image", "truth", "response")
# Optional further columns, whose groups are compared.
FACTORS = ("profession", "specialty", "experience", "run")
NUMBERS = {
    "confidence": 1,
    "rt_ms": 0,
    "trial_index": 0,
    "exposure_ms": 1,
    "shown_ms": 0,
    "form_trials": 1,
    "away_ms": 0,
    "pair": 1,
}  # column: least value
WHOLE = ("confidence", "trial_index", "form_trials", "pair")  # the others are times, and rounded
LARGEST = 999_999_999
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{0,30})?")
# 2,390 may be 2.39 or 2390. The reader of the file asks instead of guessing.
NUMBER_OR_COMMA = re.compile(r"[0-9]{1,9}(\.[0-9]{0,30}|,(?![0-9]{3}$)[0-9]{1,30})?")

Columns = dict[str, list[str]]


def read_responses(path: Path) -> Responses:
    """The test and repeat responses in the file. Raises `StudyError` with file and line of the first mistake."""
    try:
        return parse_responses(read_text(path), shown(path))
    except UserError as error:
        raise StudyError(str(error)) from None


def parse_responses(text: str, place: str = "") -> Responses:
    """As `read_responses`, but from text. Errors begin with `place`, the file's name."""
    if odd := UNSTORABLE.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise StudyError(f"{place}, line {line}: holds {odd[0]!r}, which is no text.")
    try:
        table = parse_table(text, place, needed=REQUIRED)
    except UserError as error:
        raise StudyError(str(error)) from None
    lines, delimiter = table.lines, table.delimiter
    if not lines:
        raise StudyError(f"{place}: no test responses in it.")
    columns = _columns(table)
    del table  # with a million rows, this is most of the memory
    numbers = {name: _numbers(columns[name], least, delimiter) for name, least in NUMBERS.items() if name in columns}
    mistakes = [*_words(columns), *_wrong_numbers(columns, numbers), *_identities(columns, lines)]
    mistakes += question_columns.mistakes(columns)
    is_pairs = any(columns.get("pair", ()))
    if is_pairs:
        mistakes += _pair_mistakes(columns, lines)
    if mistakes:
        row, message = min(mistakes)
        raise StudyError(f"{place}, line {lines[row]}: {message}.")
    phase = columns.get("phase", [])
    kept = np.array([is_analysed(value) for value in phase] or np.ones(len(lines), bool), bool)
    repeat = np.array([is_repeat(value) for value in phase] or np.zeros(len(lines), bool), bool)
    if not (kept & ~repeat).any():
        raise StudyError(f"{place}: no test responses in it.")
    reader, reader_names = _codes(columns["reader"])
    image, image_names = _codes([_plain(one) for one in columns["pair"]] if is_pairs else columns["image"])
    diagnosis, diagnosis_names = _codes(columns.get("diagnosis", [""] * len(lines)))
    values = {name: _floats(columns.get(name), numbers.get(name), len(lines)) for name in NUMBERS}
    return Responses(
        reader=reader,
        image=image,
        diagnosis=diagnosis,
        is_real=np.array(columns["truth"]) == Truth.REAL,
        judged_real=np.array(columns["response"]) == Truth.REAL,
        confidence=values["confidence"],
        response_time=time_at_page(values["rt_ms"], values["away_ms"]),
        position=values["trial_index"],
        is_repeat=repeat,
        exposure=_exposure(values["shown_ms"], values["exposure_ms"]),
        form=values["form_trials"],
        reader_names=reader_names,
        image_names=image_names,
        diagnosis_names=diagnosis_names,
        factors={name: np.array(columns[name]) for name in FACTORS if name in columns},
        questions=questions_in(columns),
        is_pairs=is_pairs,
        asks_judgement=_asks_judgement(columns),
    ).where(kept)


def _columns(table: Table) -> Columns:
    """The columns, with stripped fields.

    Names that programs spell with different code points count as one name (NFC).
    """
    columns = {
        name: [field.strip() for field in column]
        for name, column in zip(table.columns, zip(*table.rows, strict=True), strict=True)
    }
    for name in {"reader", "image", "diagnosis", *FACTORS} & columns.keys():
        one = {text: unicodedata.normalize("NFC", text) for text in set(columns[name]) if not text.isascii()}
        if any(text != spelled for text, spelled in one.items()):
            columns[name] = [one.get(text, text) for text in columns[name]]
    return columns


def _asks_judgement(columns: Columns) -> bool:
    """False if only further questions were asked, and nobody judged whether an image is real or generated."""
    return any(columns["response"]) or not any(COLUMN.fullmatch(name) for name in columns)


def _words(columns: Columns) -> Iterable[tuple[int, str]]:
    words = dict.fromkeys(("truth", "response"), Truth.values) | {"phase": ["", *Trial.Phase.values]}
    if not _asks_judgement(columns):
        del words["response"]
    for name, allowed in words.items():
        column = columns.get(name, [])
        if unknown := set(column) - set(allowed):
            row = next(row for row, value in enumerate(column) if value in unknown)
            listed = [word for word in allowed if word]
            yield row, f"{name} is {column[row]!r}; it must be {', '.join(listed[:-1])} or {listed[-1]}"
    for name in ("reader", "image"):
        if "" in columns[name]:
            yield columns[name].index(""), f"{name} is empty"


def _numbers(column: list[str], least: int, delimiter: str) -> dict[str, float | None]:
    """Each text of the column as a whole number of at least `least`; NaN if it is empty, None if it is not a number.

    pandas writes whole numbers as 2.0 if some are missing. jsPsych measures fractions of milliseconds. A spreadsheet in
    much of Europe writes 2,5 between semicolons.
    """
    pattern = NUMBER if delimiter == "," else NUMBER_OR_COMMA
    return {text: _number(text, least, pattern) for text in set(column)}


def _number(text: str, least: int, pattern: re.Pattern) -> float | None:
    if not text:
        return math.nan
    if not pattern.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return float(round(value)) if value <= LARGEST and value >= least else None


def _wrong_numbers(columns: Columns, numbers: dict[str, dict[str, float | None]]) -> Iterable[tuple[int, str]]:
    for name, found in numbers.items():
        whole = name in WHOLE
        wrong = {text for text, value in found.items() if value is None or (whole and not _is_whole(text))}
        if wrong:
            row = next(row for row, text in enumerate(columns[name]) if text in wrong)
            kind = "a whole number" if whole else "a number"
            yield row, f"{name} is {columns[name][row][:20]!r}; it must be {kind} from {NUMBERS[name]}, or empty"


def _is_whole(text: str) -> bool:
    return not text.lstrip("0123456789").strip(".,0")


def _identities(columns: Columns, lines: list[int]) -> Iterable[tuple[int, str]]:
    """Check that an image has one truth and one diagnosis, and that a reader answers it once, apart from repeats."""
    reader, image = columns["reader"], columns["image"]
    phase = columns.get("phase") or [""] * len(reader)
    diagnosis = columns.get("diagnosis") or [""] * len(reader)
    seen: dict[str, tuple[str, str]] = {}
    for row, one in enumerate(zip(columns["truth"], diagnosis, strict=True)):
        if phase[row] != Trial.Phase.PRACTICE and seen.setdefault(image[row], one) != one:
            yield row, f"image {image[row]!r} has another truth or diagnosis in an earlier line"
            break
    first: dict[tuple[str, str], int] = {}
    for row, pair in enumerate(zip(reader, image, strict=True)):
        if phase[row] in ("", Trial.Phase.TEST) and (earlier := first.setdefault(pair, row)) != row:
            name, shown = pair
            yield row, f"reader {name!r} answered image {shown!r} in line {lines[earlier]} already"
            break


def _pair_mistakes(columns: Columns, lines: list[int]) -> Iterable[tuple[int, str]]:
    """Check that every row has a pair, a pair has one diagnosis and one generator, and a reader answers a pair once.

    `image` is the one on the left, and `response` is what the reader said about it.
    """
    reader, pair = columns["reader"], [_plain(one) for one in columns["pair"]]
    if "" in pair:
        yield pair.index(""), "pair is empty, and other rows have one"
    nothing = [""] * len(pair)
    about = zip(columns.get("diagnosis", nothing), columns.get("run", nothing), strict=True)
    seen: dict[str, tuple[str, str]] = {}
    for row, one in enumerate(about):
        if seen.setdefault(pair[row], one) != one:
            yield row, f"pair {pair[row]} has another diagnosis or run in an earlier line"
            break
    first: dict[tuple[str, str], int] = {}
    for row, both in enumerate(zip(reader, pair, strict=True)):
        if (earlier := first.setdefault(both, row)) != row:
            yield row, f"reader {both[0]!r} answered pair {both[1]} in line {lines[earlier]} already"
            break


def _plain(number: str) -> str:
    """A whole number as it is usually written; pandas writes 2.0 if some are missing."""
    return number.split(".")[0].split(",")[0]


def _codes(labels: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as codes into their sorted names, as in `Responses.from_labels`.

    Figures are then the same to the last bit.
    """
    names = tuple(sorted(set(labels)))
    index = {name: code for code, name in enumerate(names)}
    return np.array([index[label] for label in labels], np.intp), names


def _exposure(shown: np.ndarray, meant: np.ndarray) -> np.ndarray:
    """The exposure that the browser measured, else the intended one."""
    return np.where(np.isnan(meant) | ~(shown > 0), meant, shown)


def _floats(column: list[str] | None, numbers: dict[str, float | None] | None, length: int) -> np.ndarray:
    if column is None or numbers is None:
        return np.full(length, np.nan)
    return np.array([numbers[text] for text in column], float)
