"""Finds and reads the tables of a folder, including tables that are not plain CSV with a header."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from console import UserError
from files import shown, walk
from tables import is_windows, parse_table, read_text

SURPLUS = "\0surplus"  # marks rows that are longer than the header; it cannot be a column's name
ISIC_ID = re.compile(r"ISIC_[0-9]{7}(_downsampled)?")
LABELS_2016 = {"benign", "malignant", "0", "1", "0.0", "1.0"}
COLUMNS_OF_2016 = ["image_id", "isic_2016_label"]
PLAIN = (".csv", ".tsv")
AS_CSV = "save it as CSV UTF-8."
UNREAD = (".xlsx", ".xls", ".ods", ".numbers", ".json")
MOST_NAMED = 3  # spreadsheets that are not read
HEAD = 1_000_000  # bytes, in which a header ends


@dataclass(frozen=True)
class Row:
    """One row of a table: its file for messages, its line, and its fields by column, unchanged."""

    table: str
    line: int
    fields: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """One table of the folder. Its columns are known; its rows are read only when needed.

    So a folder may hold large tables that are not used, such as HAM10000's pixels as CSV.
    """

    name: str
    path: Path
    columns: list[str]

    @cached_property
    def rows(self) -> list[Row]:
        """The rows. A row longer than the header, as an unquoted comma makes it, is marked with `SURPLUS`.

        Raises `UserError` that names file and line if it is not a table.
        """
        return _read_rows(self.path, self.name)[1]

    @property
    def encoding_told(self) -> list[str]:
        """A sentence if the table is not in UTF-8, so that somebody checks its letters."""
        if self.path.is_fifo() or not is_windows(self.path):
            return []
        return [f"{self.name} is read as Windows-1252: if letters such as ä and ğ come out wrong, {AS_CSV[:-1]}"]


def find_sheets(folder: Path) -> tuple[list[Sheet], list[str]]:
    """Every table below the folder, and a sentence for each that cannot be read."""
    sheets, faults = [], []
    for path in walk(folder, (*PLAIN, ".txt", ""), links_out=False).files:
        if path.suffix.lower() in PLAIN or re.match(r"ph2_dataset|ham10000_metadata", path.name, re.IGNORECASE):
            try:
                sheets.append(read_sheet(path, shown(path.relative_to(folder))))
            except UserError as error:
                faults.append(str(error))
    return sheets, faults


def unread_tables(folder: Path) -> list[str]:
    """A sentence for each spreadsheet below the folder that cannot be read here, so that nobody waits for it."""
    found = [shown(path.relative_to(folder)) for path in walk(folder, UNREAD, links_out=False).files]
    told = [
        f"{name} is not read: " + ("make a table (.csv) of it." if name.lower().endswith(".json") else AS_CSV)
        for name in found[:MOST_NAMED]
    ]
    left = len(found) - MOST_NAMED
    return [*told, f"Nor are {left} more such files."] if left > 0 else told


def read_sheet(path: Path, name: str) -> Sheet:
    """The table in a file. Raises `UserError` that names the file if it is empty, not text or not a table."""
    first = _first_line(path)
    if first is None or _is_of_ph2(path):
        return Sheet(name, path, _read_rows(path, name)[0])
    columns = [" ".join(column.split()) for column in parse_table(first, shown(path), ragged=True).columns]
    return Sheet(name, path, COLUMNS_OF_2016 if _is_of_2016(columns) else columns)


def _first_line(path: Path) -> str | None:
    """A table's first line, including a line `sep=;` before it; None if that is not the whole header."""
    try:
        with path.open("rb") as stream:
            content = stream.read(HEAD)
    except OSError as error:
        raise UserError(f"{shown(path)}: cannot be read: {error.strerror}.") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    found = re.match(r'\s*("?sep=.[^\r\n]*[\r\n]+)?[^\r\n]*', content.decode("utf-8-sig", "replace"))
    line = found[0] if found else ""
    ends = len(content) < HEAD or len(line) < HEAD // 8
    return line if ends and line.strip() and line.count('"') % 2 == 0 and "\ufffd" not in line else None


def _is_of_ph2(path: Path) -> bool:
    return "ph2" in path.name.lower()


def _read_rows(path: Path, name: str) -> tuple[list[str], list[Row]]:
    """Columns and rows of a whole table."""
    text, place = read_text(path, windows=True), shown(path)
    if re.match(r"\s*\|\|", text):
        return _between_bars(text, name)
    above = 0
    header = re.search(r"^[^\n]*\bImage Name\b", text, re.MULTILINE)
    if header and _is_of_ph2(path):  # the spreadsheet of this collection begins with a title and a legend
        above = text.count("\n", 0, header.start())
        text = text[header.start() :]
    table = parse_table(text, place, ragged=True)
    columns = [" ".join(column.split()) for column in table.columns]
    rows, lines = table.rows, [line + above for line in table.lines]
    if _is_of_2016(columns):
        rows, lines, columns = [columns, *rows], [1, *lines], COLUMNS_OF_2016
    return columns, [Row(name, line, _named(columns, row)) for line, row in zip(lines, rows, strict=True)]


def _is_of_2016(columns: Sequence[str]) -> bool:
    """Whether the supposed header is the first image of the 2016 challenge, whose file has no header."""
    return len(columns) == 2 and bool(ISIC_ID.fullmatch(columns[0])) and columns[1].lower() in LABELS_2016


def _named(columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    fields = [field.strip() for field in row]
    named = dict(zip_longest(columns, fields[: len(columns)], fillvalue=""))
    named.pop("", None)
    if any(fields[len(columns) :]):
        named[SURPLUS] = f"{len(fields)} fields, but the header has {len(columns)} columns"
    return named


def _between_bars(text: str, name: str) -> tuple[list[str], list[Row]]:
    """Read PH2's text file: `|| IMD003 || … || 0 || …`, with such a header, and a legend below."""
    columns: list[str] = []
    rows = []
    for line, content in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not content.lstrip().startswith("||"):
            continue
        fields = [field.strip() for field in content.strip().removeprefix("||").removesuffix("||").split("||")]
        if not columns:
            columns = fields
        elif any(fields):
            rows.append(Row(name, line, _named(columns, fields)))
    return columns, rows
