"""What generated images show: given for all of them, by a table, or by their folders."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from console import UserError, printable
from files import is_file, shown
from gan.foundation.diagnoses import checked_diagnosis
from gan.foundation.errors import GanError
from gan.imaging.image_files import SUFFIXES
from gan.importing.folders import diagnosis_folders, names_diagnosis
from gan.importing.formats import key
from gan.importing.import_report import Rejection
from gan.importing.pictures import Pictures
from gan.importing.sheets import SURPLUS, Sheet, find_sheets, read_sheet, unread_tables

SAMPLES = "samples.csv"
# Columns in which tables of generated images name the file and its diagnosis. The first existing one is read.
FILE_COLUMNS = (
    "file", "filename", "file_name", "image", "image_name", "image_id", "isic_id", "img_id", "img", "path",
    "image_path", "filepath", "file_path", "sample", "name", "id",
)  # fmt: skip
DIAGNOSIS_COLUMNS = (
    "diagnosis", "dx", "diagnostic", "diagnose", "label", "class", "class_name", "category", "condition", "lesion_type",
)  # fmt: skip


@dataclass(frozen=True)
class Shows:
    """An image, what its source says that it shows, and our name for that."""

    path: Path
    original: str
    diagnosis: str


@dataclass(frozen=True)
class Samples:
    """The images of a folder: a description of how they were read, and each image with its diagnosis."""

    recognised: str
    images: list[Shows]
    rejected: list[Rejection]


def find_samples(folder: Path, diagnosis: str = "", table: Path | None = None) -> Samples:
    """Each image below the folder with its diagnosis, by the first rule that applies.

    Raises `UserError` if no rule applies, or if two readings are possible; the message names the option that decides.
    """
    if is_file(folder):
        raise GanError(f"{shown(folder)}: this is a file. Unpack it first, and name the folder.")
    pictures = Pictures(folder)
    rejected = [Rejection(pictures.called(path), reason) for path, reason in pictures.left_out]
    if not pictures.files:
        raise GanError(f"{shown(folder)}: no image below it ({', '.join(SUFFIXES)} are read).")
    count = _counted(len(pictures.files), "image")
    if diagnosis:
        name = checked_diagnosis(diagnosis, "--diagnosis")
        return Samples(f"{count}, all of {name}", [Shows(path, "", name) for path in pictures.files], rejected)
    if table is not None and not is_file(table) and is_file(folder / table):
        table = folder / table  # the name used in the messages below
    if table is None and is_file(folder / SAMPLES):
        table = folder / SAMPLES
    if table is not None:
        sheet = read_sheet(table, shown(table))
        return Samples(*_by_table(pictures, sheet, count, rejected))
    sheets, faults = find_sheets(folder)
    fitting = [sheet for sheet in sheets if all(_columns_of(sheet))]
    within = [PurePosixPath(pictures.called(path)) for path in pictures.files]
    tells = f" {' '.join([*_told_of(sheets, fitting), *faults, *unread_tables(folder)])}".rstrip()
    try:
        names = [parts[0] if parts else "" for parts in diagnosis_folders(within, folder, tells)]
    except GanError:
        if not fitting:
            raise
        names = [""]
    if fitting and not all(name and names_diagnosis(name) for name in names):
        if len(fitting) > 1:
            raise GanError(f"{shown(folder)}: several tables say what its images show.{tells}")
        return Samples(*_by_table(pictures, fitting[0], count, rejected))
    if loose := [path for path, name in zip(within, names, strict=True) if not name]:
        raise GanError(
            f"{shown(folder)}: {_counted(len(loose), 'image')}, such as {loose[0]}, in no folder that names a "
            "diagnosis, and nothing says what they show. Give --diagnosis, put them into one subfolder per diagnosis, "
            f"or add {SAMPLES} with the columns file and diagnosis.{tells}"
        )
    ours = {name: checked_diagnosis(name, f"folder {shown(name)}") for name in sorted(set(names))}
    recognised = f"{count} in {_counted(len(ours), 'folder')} named by diagnosis"
    if tells:
        recognised += f"; {tells.strip().removesuffix('.')}"
    found = [Shows(path, shown(name), ours[name]) for path, name in zip(pictures.files, names, strict=True)]
    return Samples(recognised, found, rejected)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _columns_of(sheet: Sheet) -> tuple[str, str]:
    """The columns of the file and of the diagnosis; '' for a missing one."""
    there = {key(column): column for column in reversed(sheet.columns) if column}
    first, second = (
        next((there[name] for name in names if name in there), "") for names in (FILE_COLUMNS, DIAGNOSIS_COLUMNS)
    )
    return first, second


def _told_of(sheets: list[Sheet], fitting: list[Sheet]) -> list[str]:
    """Notes about the tables below the folder."""
    told = [f"{sheet.name} is there: --samples {sheet.name} reads it." for sheet in fitting[:5]]
    return told + [
        f"{sheet.name} is not read: it needs a column for the file, such as file or image, and one for the diagnosis, "
        f"such as diagnosis or label (found: {', '.join(sheet.columns[:20])})."
        for sheet in sheets[:5]
        if sheet not in fitting
    ]


def _by_table(
    pictures: Pictures, sheet: Sheet, count: str, rejected: list[Rejection]
) -> tuple[str, list[Shows], list[Rejection]]:
    file_column, diagnosis_column = _columns_of(sheet)
    table = sheet.path.name
    if not file_column or not diagnosis_column:
        missing = "file" if not file_column else "diagnosis"
        known = FILE_COLUMNS if not file_column else DIAGNOSIS_COLUMNS
        raise GanError(
            f"{sheet.name}, line 1: no column {missing}, nor another that means it ({', '.join(known)}); "
            f"found: {', '.join(sheet.columns[:30])}."
        )
    images: list[Shows] = []
    taken: set[Path] = set()
    for row in sheet.rows:
        said, where = row.fields[file_column], f"{table} line {row.line}"
        files = pictures.find(said)
        named = printable(said)[:120]
        if SURPLUS in row.fields:
            rejected.append(Rejection(where, f"{row.fields[SURPLUS]}"))
        elif len(files) > 1:
            rejected.append(Rejection(where, f"{named}: several files have this name. Give its folder, too"))
        elif not files:
            rejected.append(Rejection(where, f"{named}: no such image below the folder"))
        elif files[0] in taken:
            rejected.append(Rejection(where, f"{named} is also in an earlier line"))
        else:
            original = row.fields[diagnosis_column]
            try:
                name = checked_diagnosis(original, "diagnosis")
            except UserError as error:
                rejected.append(Rejection(where, printable(str(error))))
                continue
            taken.add(files[0])
            images.append(Shows(files[0], printable(original)[:120], name))
    rejected += [Rejection(pictures.called(one), f"no line in {table}") for one in pictures.files if one not in taken]
    told = "; ".join([f"{count}, named by {sheet.name} ({file_column}, {diagnosis_column})", *sheet.encoding_told])
    return told, images, rejected
