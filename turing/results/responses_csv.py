"""Reads a CSV of responses, ours or anyone's; every mistake is named with its line."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from turing.errors import StudyError
from turing.models import Trial, Truth
from turing.statistics.responses import Responses

COLUMNS = ("reader", "image", "truth", "diagnosis", "response", "confidence", "rt_ms", "trial_index")
REQUIRED = ("reader", "image", "truth", "response")
# Columns after those, by which groups are compared where they are there.
FACTORS = ("profession", "specialty", "experience", "run")
NUMBERS = {"confidence": 1, "rt_ms": 0, "trial_index": 0, "exposure_ms": 1, "shown_ms": 0}  # column: least value
DIGITS = 9

Table = dict[str, list[str]]


def read_responses(path: Path) -> Responses:
    """The test and repeat responses in the file. Raises `StudyError` naming file and line of the first mistake."""
    try:
        return parse_responses(path.read_text(encoding="utf-8-sig"))
    except StudyError as error:
        raise StudyError(f"{path}{error}") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: not a UTF-8 text file.") from None
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror}.") from None


def parse_responses(text: str) -> Responses:
    """As `read_responses`, from text; errors begin with the place in the file."""
    columns, lines = _read(text)
    mistakes = [*_words(columns), *_numbers(columns), *_identities(columns, lines)]
    if mistakes:
        row, message = min(mistakes)
        raise StudyError(f", line {lines[row]}: {message}.")
    phase = columns.get("phase", [])
    kept = np.array([value != Trial.Phase.PRACTICE for value in phase] or np.ones(len(lines), bool), bool)
    repeat = np.array([value == Trial.Phase.REPEAT for value in phase] or np.zeros(len(lines), bool), bool)
    if not (kept & ~repeat).any():
        raise StudyError(": no test responses in it.")
    reader, reader_names = _codes(columns["reader"])
    image, image_names = _codes(columns["image"])
    diagnosis, diagnosis_names = _codes(columns.get("diagnosis", [""] * len(lines)))
    return Responses(
        reader=reader,
        image=image,
        diagnosis=diagnosis,
        is_real=np.array(columns["truth"]) == Truth.REAL,
        judged_real=np.array(columns["response"]) == Truth.REAL,
        confidence=_floats(columns.get("confidence"), len(lines)),
        response_time=_floats(columns.get("rt_ms"), len(lines)),
        position=_floats(columns.get("trial_index"), len(lines)),
        is_repeat=repeat,
        exposure=_exposure(columns, len(lines)),
        reader_names=reader_names,
        image_names=image_names,
        diagnosis_names=diagnosis_names,
        factors={name: np.array(columns[name]) for name in FACTORS if name in columns},
    ).where(kept)


def _read(text: str) -> tuple[Table, list[int]]:
    """Columns of stripped fields, and the line on which each row ends."""
    header = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        names = next(([name.strip() for name in row] for row in reader if any(map(str.strip, row))), [])
        if not names:
            raise StudyError(": the file is empty.")
        if missing := [name for name in REQUIRED if name not in names]:
            found = ", ".join(names)
            raise StudyError(f", line {reader.line_num}: no column {', '.join(missing)} (found: {found}).")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise StudyError(f", line {reader.line_num}: column {', '.join(map(repr, twice))} stands there twice.")
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise StudyError(
                    f", line {reader.line_num}: {len(row)} fields, but the header has {len(names)} columns."
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise StudyError(f", line {reader.line_num}: {error}.") from None
    if not rows:
        raise StudyError(": no test responses in it.")
    columns = zip(*rows, strict=True)
    return {name: [field.strip() for field in column] for name, column in zip(names, columns, strict=True)}, lines


def _words(columns: Table) -> Iterable[tuple[int, str]]:
    words = dict.fromkeys(("truth", "response"), Truth.values) | {"phase": ["", *Trial.Phase.values]}
    for name, allowed in words.items():
        column = columns.get(name, [])
        if unknown := set(column) - set(allowed):
            row = next(row for row, value in enumerate(column) if value in unknown)
            listed = [word for word in allowed if word]
            yield row, f"{name} is {column[row]!r}; it must be {', '.join(listed[:-1])} or {listed[-1]}"
    for name in ("reader", "image"):
        if "" in columns[name]:
            yield columns[name].index(""), f"{name} is empty"


def _numbers(columns: Table) -> Iterable[tuple[int, str]]:
    for name, least in NUMBERS.items():
        column = columns.get(name, [])
        wrong = {value for value in set(column) if not _is_number(value, least)}
        if wrong:
            row = next(row for row, value in enumerate(column) if value in wrong)
            shown = column[row][:20]
            yield row, f"{name} is {shown!r}; it must be a whole number from {least}, or empty"


def _is_number(value: str, least: int) -> bool:
    return not value or (value.isascii() and value.isdecimal() and len(value) <= DIGITS and int(value) >= least)


def _identities(columns: Table, lines: list[int]) -> Iterable[tuple[int, str]]:
    """An image has one truth and one diagnosis; a reader answers it once, repeats aside."""
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


def _codes(labels: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as codes into their sorted names, as in `Responses.from_labels`: the same figures to the last bit."""
    names = tuple(sorted(set(labels)))
    index = {name: code for code, name in enumerate(names)}
    return np.array([index[label] for label in labels], np.intp), names


def _exposure(columns: Table, length: int) -> np.ndarray:
    """As the browser measured it, else as it was meant to be."""
    shown, meant = (_floats(columns.get(name), length) for name in ("shown_ms", "exposure_ms"))
    return np.where(np.isnan(meant) | ~(shown > 0), meant, shown)


def _floats(column: list[str] | None, length: int) -> np.ndarray:
    if column is None:
        return np.full(length, np.nan)
    values = {text: float(text or "nan") for text in set(column)}
    return np.array([values[text] for text in column])
