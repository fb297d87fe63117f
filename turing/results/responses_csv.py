"""Reads a CSV of responses, ours or anyone's; every mistake is named with its line."""

import csv
import io
from pathlib import Path

from turing.errors import StudyError
from turing.results.counting import to_arrays
from turing.statistics.analysis import Responses

COLUMNS = ("reader", "image", "truth", "diagnosis", "response", "confidence", "rt_ms", "trial_index")
REQUIRED = ("reader", "image", "truth", "response")
WORDS = ("real", "generated")
PHASES = ("", "test", "practice", "repeat")


def read_responses(path: Path) -> Responses:
    """The test responses in the file. Raises `StudyError` naming the file and the line of the first mistake."""
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
    header = text.split("\n", 1)[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        if missing := [name for name in REQUIRED if name not in columns]:
            found = ", ".join(columns) or "nothing"
            raise StudyError(f", line 1: no column {', '.join(missing)} (found: {found}).")
        if len(set(columns)) < len(columns):
            raise StudyError(", line 1: a column stands there twice.")
        rows, seen, truths = [], {}, {}
        for row in reader:
            line = reader.line_num
            values = _checked(row, line)
            if values is None:
                continue
            name, image, diagnosis, truth, _ = values
            if earlier := seen.get((name, image)):
                raise StudyError(f", line {line}: reader {name!r} answered image {image!r} in line {earlier} already.")
            if truths.setdefault(image, (truth, diagnosis)) != (truth, diagnosis):
                raise StudyError(f", line {line}: image {image!r} has another truth or diagnosis in an earlier line.")
            seen[name, image] = line
            rows.append(values)
    except csv.Error as error:
        raise StudyError(f", line {reader.line_num}: {error}.") from None
    if not rows:
        raise StudyError(": no test responses in it.")
    return to_arrays(rows)


def _checked(row: dict, line: int) -> tuple[str, str, str, str, str] | None:
    """Reader, image, diagnosis, truth and response of a row; None for a row that is not a test trial."""
    if None in row or None in row.values():
        raise StudyError(f", line {line}: not as many fields as the header has columns.")
    row = {key: value.strip() for key, value in row.items()}
    for name in ("truth", "response"):
        if row[name] not in WORDS:
            raise StudyError(f", line {line}: {name} is {row[name]!r}; it must be real or generated.")
    for name in ("reader", "image"):
        if not row[name]:
            raise StudyError(f", line {line}: {name} is empty.")
    for name, least in (("confidence", 1), ("rt_ms", 0), ("trial_index", 0)):
        value = row.get(name, "")
        if value and not (value.isascii() and value.isdecimal() and int(value) >= least):
            raise StudyError(f", line {line}: {name} is {value!r}; it must be a whole number from {least}, or empty.")
    phase = row.get("phase", "")
    if phase not in PHASES:
        raise StudyError(f", line {line}: phase is {phase!r}; it must be test, practice or repeat.")
    if phase in ("practice", "repeat"):
        return None
    return row["reader"], row["image"], row.get("diagnosis", ""), row["truth"], row["response"]
