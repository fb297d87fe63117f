"""Finds the tables of a folder and reads them, also those that are no plain CSV with a header."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from console import UserError
from files import shown, walk
from tables import parse_table, read_text

SURPLUS = "\0surplus"  # no column's name: marks rows that are longer than the header
ISIC_ID = re.compile(r"ISIC_[0-9]{7}(_downsampled)?")
LABELS_2016 = {"benign", "malignant", "0", "1", "0.0", "1.0"}
PLAIN = (".csv", ".tsv")


@dataclass(frozen=True)
class Row:
    """One row of a table: its file as people call it, its line, its fields by column as they came."""

    table: str
    line: int
    fields: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """One table of the folder."""

    name: str
    columns: list[str]
    rows: list[Row]


def find_sheets(folder: Path) -> tuple[list[Sheet], list[str]]:
    """Every table below the folder, and one sentence for each that cannot be read."""
    sheets, faults = [], []
    for path in walk(folder, (*PLAIN, ".txt", ""), links_out=False).files:
        if path.suffix.lower() in PLAIN or re.match(r"ph2_dataset|ham10000_metadata", path.name, re.IGNORECASE):
            name = shown(path.relative_to(folder))
            try:
                sheets.append(read_sheet(path, name))
            except UserError as error:
                faults.append(str(error))
    return sheets, faults


def read_sheet(path: Path, name: str, needed: Iterable[str] = ()) -> Sheet:
    """The table in a file. A row longer than the header, as an unquoted comma makes it, is marked with `SURPLUS`.

    Raises `UserError` that names the file where it is empty, not text, not a table, or lacks a needed column.
    """
    text, place = read_text(path), shown(path)
    if re.match(r"\s*\|\|", text):
        return _between_bars(text, name)
    above = 0
    header = re.search(r"^[^\n]*\bImage Name\b", text, re.MULTILINE)
    if header and "ph2" in path.name.lower():  # its spreadsheet begins with a title and a legend
        above = text.count("\n", 0, header.start())
        text = text[header.start() :]
    table = parse_table(text, place, needed=needed, ragged=True)
    columns = [" ".join(column.split()) for column in table.columns]
    rows, lines = table.rows, [line + above for line in table.lines]
    if _is_of_2016(columns):
        rows, lines = [columns, *rows], [1, *lines]
        columns = ["image_id", "isic_2016_label"]
    return Sheet(name, columns, [Row(name, line, _named(columns, row)) for line, row in zip(lines, rows, strict=True)])


def _is_of_2016(columns: Sequence[str]) -> bool:
    """Whether what was taken for the header is the first image of the 2016 challenge, whose file has none."""
    return len(columns) == 2 and bool(ISIC_ID.fullmatch(columns[0])) and columns[1].lower() in LABELS_2016


def _named(columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    fields = [field.strip() for field in row]
    named = dict(zip_longest(columns, fields[: len(columns)], fillvalue=""))
    named.pop("", None)
    if any(fields[len(columns) :]):
        named[SURPLUS] = f"{len(fields)} fields, but the header has {len(columns)} columns"
    return named


def _between_bars(text: str, name: str) -> Sheet:
    """PH2's text file: `|| IMD003 || … || 0 || …`, a header of the same kind, a legend below."""
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
    return Sheet(name, columns, rows)
