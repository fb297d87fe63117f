"""Reads CSV tables as people's programs write them, and writes texts that their programs leave as they are.

Responses and metadata are both read by this module.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from console import UserError
from files import MAX_CSV_BYTES, read_file, shown

LONGEST_FIELD = 131_072  # characters, the default of Python's csv
# Excel's first line, which names the delimiter.
SEPARATOR_LINE = re.compile(r'\s*"?sep=([,;\t|])"?[,;\t| ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)

FORMULA = ("=", "+", "-", "@", "\t")  # a spreadsheet takes a text that begins with one of these for a formula
TWO_OF_UTF8 = re.compile(rb"[\xc3-\xc5\xce\xcf\xd0\xd1][\x80-\xbf]")  # letters of European languages
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Table:
    """Stripped column names, unchanged rows of fields, and the line of the file on which each row ends.

    A row has one field for each column, unless the table was read with `ragged`.
    """

    columns: list[str]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str


def read_text(path: Path, *, windows: bool = False) -> str:
    """The text of a CSV file or a pipe.

    UTF-8 with or without a byte order mark, or UTF-16 with one, as Excel writes it. With `windows` also Windows-1252,
    which Excel writes in Europe; `is_windows` says whether that was used. Raises `UserError` with the file and, if it
    is not text, the line.
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
    """Whether `read_text` with `windows` reads the file as Windows-1252."""
    content = _content(path)
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return not content.startswith((b"\xff\xfe", b"\xfe\xff")) and _of_windows(content) is not None
    return False


def _of_windows(content: bytes) -> str | None:
    """The text in Windows-1252; None if that gives characters that do not occur in texts.

    Two bytes that are one letter in UTF-8 hardly ever stand side by side in Windows-1252. Such a file is faulty UTF-8,
    in which ä would become Ã¤.
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
    """The table in a CSV's text. Errors are `UserError`s that begin with the place and name the line.

    The delimiter is a comma, a semicolon or a tab, whichever is most frequent in the header, or the one in a first line
    `sep=;`. Lines end with LF, CRLF or CR and nothing else: U+2028 and the like may be part of a field. Rows without
    any text are skipped. With `ragged`, rows of another length than the header are kept for the caller to judge.
    """
    text = text.removeprefix("\ufeff")
    declared = SEPARATOR_LINE.match(text)
    delimiter = declared[1] if declared else _delimiter(text)
    csv.field_size_limit(LONGEST_FIELD)  # set here, because other packages change it for the whole process
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    filled = (row for row in reader if any(map(str.strip, row)))
    rows, lines = [], []
    begins = 1  # the line on which the current row begins
    try:
        if declared:
            next(filled)
        columns = [name.strip() for name in next(filled, [])]
        if not columns:
            raise UserError(f"{place}: the file is empty.")
        _check_columns(columns, needed, f"{place}, line {reader.line_num}")
        width, begins = len(columns), reader.line_num + 1
        for row in reader:
            # Most rows need only the first test, which matters for a million rows.
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
    """The most frequent delimiter in the header, apart from quoted names."""
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


def as_text_cell(words: str) -> str:
    """A text that somebody else wrote, as a cell that no spreadsheet takes for a formula."""
    words = re.sub(r"\r\n?", "\n", words)
    return f"'{words}" if words.startswith(FORMULA) else words
