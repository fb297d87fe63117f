"""Recognises what a folder holds: which known collection, in which tables. Asks if there are two possible readings."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from console import UserError, printable
from files import is_file, is_folder, shown
from gan.foundation.errors import GanError
from gan.importing.folders import diagnosis_folders, within_containers
from gan.importing.formats import ARCHIVE, BY_NAME, COLUMNS, FOLDERS, FORMATS, Format, key
from gan.importing.mapping import Layout, layout_of
from gan.importing.pictures import Pictures
from gan.importing.sheets import ISIC_ID, SURPLUS, Row, Sheet, find_sheets, read_sheet, unread_tables


@dataclass(frozen=True)
class Recognised:
    """The reading of a folder: format, meaning of columns, rows, files, and a description for people."""

    layout: Layout
    rows: list[Row]
    pictures: Pictures
    text: str
    folder_name: str

    @property
    def form(self) -> Format:
        return self.layout.form


def recognise(folder: Path, format: str | None, columns: Mapping[str, str] | None, diagnosis: str | None) -> Recognised:
    """What the folder holds. `format` and `columns` (role: column) decide if it could be read in several ways.

    Raises `UserError` that names the option which decides, or what is missing.
    """
    if is_file(folder):
        raise GanError(f"{shown(folder)}: this is a file. Unpack it first, and name the folder.")
    if not is_folder(folder):
        raise GanError(f"{shown(folder)}: no such folder.")
    if format is not None and format not in BY_NAME:
        raise GanError(f"--format: must be one of {', '.join(BY_NAME)}.")
    if format == ARCHIVE.name and os.path.lexists(folder / "metadata.csv"):
        return _of_tables(folder, ARCHIVE, [read_archive(folder / "metadata.csv")], [], columns)
    if format == FOLDERS.name:
        return _of_folders(folder, diagnosis)
    sheets, faults = find_sheets(folder)
    fitting = _fitting(sheets, format, columns)
    if not fitting:
        if format is None and not columns and not sheets and not faults:
            return _of_folders(folder, diagnosis)
        if format == ARCHIVE.name:
            read_archive(folder / "metadata.csv")  # raises what is missing
        raise _unknown(folder, sheets, faults, format, columns)
    forms = {form.name for _, form in fitting}
    if len(forms) > 1:
        where = "; ".join(f"{sheet.name}: {form.name}" for sheet, form in fitting)
        raise GanError(f"{shown(folder)} can be read in several ways ({where}): choose with --format.")
    form = fitting[0][1]
    main = [sheet for sheet, _ in fitting]
    others = [sheet for sheet in sheets if sheet not in main]
    return _of_tables(folder, form, main, others, columns)


def read_archive(path: Path) -> Sheet:
    """The `metadata.csv` of an ISIC export. Raises `UserError` if it is missing, empty or lacks a column."""
    if not os.path.lexists(path):
        raise GanError(f"{shown(path)}: not found. An ISIC export has a metadata.csv beside its images.")
    sheet = read_sheet(path, path.name)
    if not _fits(sheet, ARCHIVE):
        if "isic_id" not in sheet.columns:
            raise GanError(f"{shown(path)}, line 1: no column isic_id (found: {', '.join(sheet.columns[:30])}).")
        raise GanError(f"{shown(path)}, line 1: no column diagnosis nor diagnosis_1 to diagnosis_5.")
    if not sheet.rows:
        raise GanError(f"{shown(path)}: no rows below the header.")
    return sheet


def _fits(sheet: Sheet, form: Format) -> bool:
    return bool(_matched(sheet, form))


def _matched(sheet: Sheet, form: Format) -> list[frozenset[str]]:
    there = {key(column) for column in sheet.columns}
    return [needs for needs in form.needs if needs <= there]


def _fitting(sheets: list[Sheet], format: str | None, columns: Mapping[str, str] | None) -> list[tuple[Sheet, Format]]:
    """The readable tables, each with its format. Of several formats, the one that needs more of its columns wins."""
    if columns and format in (None, COLUMNS.name):
        return [(sheet, COLUMNS) for sheet in sheets if set(columns.values()) <= set(sheet.columns)]
    found = []
    for sheet in sheets:
        matches = [(form, needs) for form in FORMATS if format in (None, form.name) for needs in _matched(sheet, form)]
        best = [form.name for form, needs in matches if not any(needs < other for _, other in matches)]
        found += [(sheet, BY_NAME[name]) for name in dict.fromkeys(best)]
    return found


def _unknown(
    folder: Path, sheets: list[Sheet], faults: list[str], format: str | None, columns: Mapping[str, str] | None
) -> UserError:
    if faults:
        return GanError(faults[0])
    if not sheets:
        unread = "".join(f" {one}" for one in unread_tables(folder))
        return GanError(f"{shown(folder)}: no table (.csv) there, which --format {format or 'columns'} needs.{unread}")
    where = "; ".join(f"{sheet.name}: {', '.join(sheet.columns[:20])}" for sheet in sheets[:5])
    if columns:
        there = {column for sheet in sheets for column in sheet.columns}
        missing = [column for column in columns.values() if column not in there]
        if missing:
            these = "this column" if len(missing) == 1 else "these columns"
            return GanError(f"--columns {','.join(missing)}: no table has {these} ({where}).")
        return GanError(f"--columns {','.join(columns.values())}: no one table has all of these columns ({where}).")
    if format is not None:
        return GanError(f"{shown(folder)}: no table of the format {format} ({where}).")
    return GanError(
        f"{shown(folder)}: the tables belong to no known collection ({where}). Say what the columns mean, such as "
        "--columns file=COLUMN,diagnosis=COLUMN, or take diagnoses from the folders' names with --format folders."
    )


def _of_tables(
    folder: Path, form: Format, main: list[Sheet], others: list[Sheet], given: Mapping[str, str] | None
) -> Recognised:
    joined = [sheet for sheet in others if any(needs <= set(map(key, sheet.columns)) for needs in form.companions)]
    columns = list(dict.fromkeys(column for sheet in (*main, *joined) for column in sheet.columns))
    layout = layout_of(form, columns, given)
    if not layout.files and "id" not in layout.roles:
        raise GanError("--columns: name the column of the file (file=COLUMN) or of the image's id (id=COLUMN).")
    rows = [row for sheet in main for row in sheet.rows]
    if not rows:
        raise GanError(f"{shown(folder)}: {', '.join(sheet.name for sheet in main)}: no rows below the header.")
    if len(main) > 1:
        rows = _merge(rows, layout)
    if joined:
        rows = _join(rows, joined, layout)
    told = [f"{form.title}: {' and '.join(f'{sheet.name} ({len(sheet.rows)} rows)' for sheet in main)}"]
    if joined:
        told.append(f"joined with {', '.join(sheet.name for sheet in joined)}")
    if ignored := [sheet.name for sheet in others if sheet not in joined]:
        told.append(f"not read: {', '.join(ignored)}")
    told += [sentence for sheet in (*main, *joined) for sentence in sheet.encoding_told]
    pictures = Pictures(folder, form.masks)
    told += _pictures_told(pictures)
    told.append("columns: " + ", ".join(f"{role}={column}" for role, column in layout.roles.items()))
    return Recognised(layout, rows, pictures, printable("; ".join(told)), folder.resolve().name)


def _pictures_told(pictures: Pictures) -> list[str]:
    told = [f"{len(pictures.files)} image files"]
    return [*told, f"{pictures.masks} masks left out"] if pictures.masks else told


def _merge(rows: list[Row], layout: Layout) -> list[Row]:
    """Rows of several tables. If two tables describe one image and agree, there is one row with the columns of both."""
    merged: dict[str, Row] = {}
    apart = []
    for number, row in enumerate(rows):
        name = next((row.fields[column] for column in layout.files if row.fields.get(column)), "")
        first = merged.get(name)
        if first is None or not name:
            merged[name or f"\0{number}"] = row
        elif first.table == row.table or any(
            first.fields.get(one, value) != value for one, value in row.fields.items()
        ):
            apart.append(row)
        else:
            merged[name] = Row(first.table, first.line, first.fields | row.fields)
    return [*merged.values(), *apart]


def _join(rows: list[Row], sheets: list[Sheet], layout: Layout) -> list[Row]:
    """The rows with the columns of further tables, matched by the image's name. A row's own fields stay."""
    name = layout.files[0]
    more: dict[str, dict[str, str]] = {}
    for sheet in sheets:
        for row in sheet.rows:
            if SURPLUS not in row.fields:
                more.setdefault(row.fields.get(name, ""), {}).update(row.fields)
    return [Row(row.table, row.line, more.get(row.fields.get(name, ""), {}) | row.fields) for row in rows]


def _of_folders(folder: Path, diagnosis: str | None) -> Recognised:
    """A row for each image file. Its diagnosis is the name of its folder."""
    pictures = Pictures(folder)
    if not pictures.files:
        raise GanError(f"{shown(folder)}: no images there, and no table that names some.")
    unread = unread_tables(folder)
    beside = f" {' '.join(unread)}" if unread else ""
    paths = [PurePosixPath(pictures.called(path)) for path in pictures.files]
    if diagnosis:
        left = [within_containers(path.parts[:-1]) for path in paths]
    else:
        left = diagnosis_folders(paths, folder, beside)
    stems = Counter(path.stem for path in pictures.files)
    repeat = max(stems.values()) > 1
    rows, flat = [], []
    for number, (path, within, parts) in enumerate(zip(pictures.files, paths, left, strict=True), 1):
        if not parts and not diagnosis:
            flat.append(str(within))
        own = within.stem
        if stems[path.stem] > 1 and not ISIC_ID.fullmatch(own):
            own = "_".join(within.with_suffix("").parts)
        # If file names repeat, the folder says whose an image is, and its images count as one lesion.
        lesion = "/".join(within.parts[:-1]) if repeat and len(parts) > 1 else ""
        kind = parts[0] if parts else ""
        rows.append(Row("", number, {"file": str(within), "id": own, "folder": kind, "lesion": lesion}))
    if flat:
        raise GanError(
            f"{shown(folder)}: {len(flat)} images, such as {flat[0]}, lie in no folder that names their diagnosis, and "
            "there is no table. Say the diagnosis of all with --diagnosis, or put them into one folder per diagnosis."
            + beside
        )
    roles = {"file": "file", "id": "id", "lesion": "lesion"} | ({} if diagnosis else {"diagnosis": "folder"})
    layout = Layout(FOLDERS, roles, ("file",))
    kinds = sorted({row.fields["folder"] for row in rows if row.fields["folder"]})
    told = ["plain folders" + ("" if diagnosis else f", one per diagnosis ({', '.join(kinds[:20])})")]
    text = "; ".join([*told, *_pictures_told(pictures), *(one.removesuffix(".") for one in unread)])
    return Recognised(layout, rows, pictures, printable(text), folder.resolve().name)
