"""Reads CSV tables as people's programs write them: the one reader of responses and of metadata."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from console import UserError
from files import MAX_CSV_BYTES, read_file, shown

LONGEST_FIELD = 131_072  # characters, as Python's csv has it
# Excel's first line that tells itself the delimiter.
SEPARATOR_LINE = re.compile(r'\s*"?sep=([,;\t|])"?[,;\t| ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)

TWO_OF_UTF8 = re.compile(rb"[\xc3-\xc5\xce\xcf\xd0\xd1][\x80-\xbf]")  # letters of Europe
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Table:
    """Stripped column names, rows of fields as they came, and the line of the file on which each row ends.

    A row has as many fields as there are columns, unless the table was read with `ragged`.
    """

    columns: list[str]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str


def read_text(path: Path, *, windows: bool = False) -> str:
    """The text of a CSV file or a pipe: UTF-8 with or without a mark, or UTF-16 with one, as Excel writes it.

    With `windows` also Windows-1252, which Excel writes in Europe: `is_windows` tells whether it is that. Raises
    `UserError` naming the file and, where it is not text, the line.
    """
    content = _content(path)
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if windows and (text := _of_windows(content)) is not None:
            return text
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{shown(path)}, line {line}: not a UTF-8 text file; save it as CSV UTF-8.") from None


def is_windows(path: Path) -> bool:
    """Whether `read_text` with `windows` takes the file for Windows-1252."""
    content = _content(path)
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return not content.startswith((b"\xff\xfe", b"\xfe\xff")) and _of_windows(content) is not None
    return False


def _of_windows(content: bytes) -> str | None:
    """The text in Windows-1252, None where that gives characters that no text has.

    Two bytes that are one letter in UTF-8 hardly stand beside each other in Windows-1252: then it is UTF-8 with a
    fault, and would come out as Ã¤ for ä.
    """
    if TWO_OF_UTF8.search(content) or CONTROL.search(content):
        return None
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return None


def _content(path: Path) -> bytes:
    try:
        return read_file(path, MAX_CSV_BYTES, pipes=True)
    except UserError as error:
        raise UserError(f"{shown(path)}: {error}.") from None


def parse_table(text: str, place: str = "", *, needed: Iterable[str] = (), ragged: bool = False) -> Table:
    """The table in a CSV's text; errors are `UserError`s that begin with the place and name the line.

    The delimiter is a comma, a semicolon or a tab, whichever the header has most of, or what a first line `sep=;`
    says. Lines end with LF, CRLF or CR and nothing else: U+2028 and its like may stand in a field. Rows without any
    text are passed over. With `ragged`, rows of another length than the header's are kept for the caller to judge.
    """
    text = text.removeprefix("\ufeff")
    declared = SEPARATOR_LINE.match(text)
    delimiter = declared[1] if declared else _delimiter(text)
    csv.field_size_limit(LONGEST_FIELD)  # other packages change it for the whole process
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    filled = (row for row in reader if any(map(str.strip, row)))
    rows, lines = [], []
    begins = 1  # the line on which the row that is being read begins
    try:
        if declared:
            next(filled)
        columns = [name.strip() for name in next(filled, [])]
        if not columns:
            raise UserError(f"{place}: the file is empty.")
        _check_columns(columns, needed, f"{place}, line {reader.line_num}")
        width, begins = len(columns), reader.line_num + 1
        for row in reader:
            # Most rows pass the first test alone: a million of them are read.
            if len(row) != width or not row[0].strip():
                if not any(map(str.strip, row)):
                    begins = reader.line_num + 1
                    continue
                if len(row) != width and not ragged:
                    raise UserError(
                        f"{place}, line {reader.line_num}: {len(row)} fields, but the header has {width} columns."
                    )
            rows.append(row)
            lines.append(reader.line_num)
            begins = reader.line_num + 1
    except csv.Error as error:
        hint = "; a quotation mark that opens a field is never closed" if "end of data" in str(error) else ""
        raise UserError(f"{place}, line {begins}: {error}{hint}.") from None
    return Table(columns, rows, lines, delimiter)


def _delimiter(text: str) -> str:
    """The delimiter that the header, quoted names aside, has most of."""
    header = re.match(r"\s*([^\r\n]*)", text)
    outside = re.sub(r'"[^"]*"', "", header[1] if header else "")
    return max(",;\t", key=outside.count)


def _check_columns(columns: list[str], needed: Iterable[str], place: str) -> None:
    if missing := [name for name in needed if name not in columns]:
        found = ", ".join(columns[:30])
        raise UserError(f"{place}: no column {', '.join(missing)} (found: {found}).")
    counts = Counter(name for name in columns if name)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise UserError(f"{place}: column {', '.join(map(repr, twice[:10]))} stands there twice.")
