"""Reads an ISIC export, a folder with `metadata.csv` and images anywhere below it, into `LesionImage`."""

import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path

from django.db import IntegrityError, transaction

from console import UNSTORABLE, UserError, printable
from files import read_file, shown, walk
from gan.diagnoses import LEVELS, diagnosis_of_row
from gan.errors import GanError
from gan.images import MAX_BYTES, SUFFIXES, is_grey, open_rgb, sha256
from gan.importing.trained_on import link_training_images
from gan.models import PHANTOM_PREFIX, LesionImage
from gan.storage import save_content
from tables import parse_table, read_text

ISIC_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SURPLUS = "\0surplus"  # no column's name: the reader of rows marks those that are too long
BATCH = 200  # images per database transaction


@dataclass(frozen=True)
class Rejection:
    """A file, or a line of the CSV, that was not imported, and why."""

    file: str
    reason: str


@dataclass
class ImportReport:
    """What one import did: counts, and every rejection."""

    imported: int = 0
    already_present: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def as_json(self) -> dict:
        return asdict(self)


def read_metadata(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows of the metadata CSV, each with its line number.

    A row that is longer than the header, as an unquoted comma makes it, is marked: none of its fields can be
    trusted. Raises `UserError` when the file is missing, empty, not text, or lacks a needed column.
    """
    if not os.path.lexists(path):
        raise GanError(f"{shown(path)}: not found. An ISIC export has a metadata.csv beside its images.")
    table = parse_table(read_text(path), shown(path), needed=["isic_id"], ragged=True)
    if not {"diagnosis", *LEVELS} & set(table.columns):
        raise GanError(f"{shown(path)}, line 1: no column diagnosis nor diagnosis_1 to diagnosis_5.")
    if not table.rows:
        raise GanError(f"{shown(path)}: no rows below the header.")
    return [(line, _named(table.columns, row)) for line, row in zip(table.lines, table.rows, strict=True)]


def _named(columns: list[str], row: list[str]) -> dict[str, str]:
    fields = [field.strip() for field in row]
    named = dict(zip_longest(columns, fields[: len(columns)], fillvalue=""))
    named.pop("", None)
    if any(fields[len(columns) :]):
        named[SURPLUS] = f"{len(fields)} fields, but the header has {len(columns)} columns"
    return named


def import_export(folder: Path, report: ImportReport) -> Iterator[None]:
    """Import every row of the export at `folder`, filling `report`; yields once a row, for a progress bar.

    Idempotent: an image already present is counted and left as it is. A bad row or file is reported and
    skipped. Files are looked up in an index of the folder, never opened by a name from the CSV, so no row can reach
    outside the folder. Raises `UserError` when the folder itself cannot be used.
    """
    found = walk(folder, SUFFIXES, links_out=False)
    rows = read_metadata(folder / "metadata.csv")

    def named(path: Path) -> str:
        return shown(path.relative_to(folder))

    report.rejected += [Rejection(named(path), reason) for path, reason in found.left_out]
    files: dict[str, list[Path]] = {}
    for path in found.files:
        files.setdefault(path.stem, []).append(path)
    present = dict(LesionImage.objects.values_list("isic_id", "sha256"))
    seen: set[str] = set()
    pending: list[LesionImage] = []

    def save_pending() -> None:
        try:
            with transaction.atomic():
                LesionImage.objects.bulk_create(pending)
        except IntegrityError:  # another import brought some of them meanwhile
            brought = LesionImage.objects.filter(isic_id__in=[one.isic_id for one in pending])
            present.update(brought.values_list("isic_id", "sha256"))
            new = [one for one in pending if one.isic_id not in present]
            if len(new) == len(pending):
                raise
            for one in pending:
                one.pk = None  # of what was rolled back
                if one.isic_id in present:
                    report_known(one)
            pending[:] = new
            save_pending()
            return
        report.imported += len(pending)
        pending.clear()

    def report_known(image: LesionImage) -> None:
        if present[image.isic_id] == image.sha256:
            report.already_present += 1
        else:
            reason = f"{image.isic_id} was imported before with other contents; the earlier file is kept"
            report.rejected.append(Rejection(named(files[image.isic_id][0]), reason))

    for line, row in rows:
        isic_id = row["isic_id"]
        try:
            _check_row(row, seen)
            if isic_id not in files:
                raise GanError(f"no image file named {isic_id} below the folder")
            chosen, others = choose_picture(files[isic_id])
            for other, reason in others:
                report.rejected.append(Rejection(named(other), f"{reason} of {isic_id}; {named(chosen)} is taken"))
            files[isic_id] = [chosen]
            lesion_image = _lesion_image(row, chosen)
        except UserError as error:
            if isic_id in files:
                rejection = Rejection(named(files[isic_id][0]), f"line {line}: {error}")
            else:
                rejection = Rejection(f"metadata.csv line {line}", printable(str(error)))
            report.rejected.append(rejection)
        else:
            if lesion_image.isic_id in present:
                report_known(lesion_image)
            else:
                pending.append(lesion_image)
        if len(pending) >= BATCH:
            save_pending()
        yield
    save_pending()
    link_training_images()
    for stem in sorted(files.keys() - {row["isic_id"] for _, row in rows}):
        report.rejected += [Rejection(named(path), "no row in metadata.csv") for path in files[stem]]


def choose_picture(paths: list[Path]) -> tuple[Path, list[tuple[Path, str]]]:
    """Of several files with one id the photograph, and what each of the others is.

    A mask of the lesion has no colour; of photographs the largest is taken, of equals the first. Files that cannot be
    read come last.
    """
    if len(paths) == 1:
        return paths[0], []
    ranked = []
    for index, path in enumerate(paths):
        try:
            content = read_file(path, MAX_BYTES)
            image = open_rgb(content)
            grey = is_grey(image)
            ranked.append((grey, -image.width * image.height, index, path, sha256(content)))
        except UserError:
            ranked.append((True, 1, index, path, ""))
    ranked.sort(key=lambda one: one[:3])
    (grey, _, _, chosen, digest), *others = ranked
    kinds = []
    for other_grey, size, _, path, other_digest in others:
        kind = "another picture"
        if size == 1:
            kind = "a file that cannot be read"
        elif other_digest == digest:
            kind = "the same picture once more"
        elif other_grey and not grey:
            kind = "a picture without colour, such as a mask,"
        kinds.append((path, kind))
    return chosen, kinds


def _check_row(row: dict[str, str], seen: set[str]) -> None:
    """Raise `GanError` with the reason to reject a row, whatever its image is."""
    isic_id = row["isic_id"]
    if SURPLUS in row:
        raise GanError(f"{row[SURPLUS]}; a field that holds the delimiter must stand in quotation marks")
    if odd := next((name for name, value in row.items() if UNSTORABLE.search(name + value)), None):
        raise GanError(f"column {odd!r} holds a NUL or another character that is no text")
    if not ISIC_ID.fullmatch(isic_id):
        raise GanError(f"isic_id {isic_id[:80]!r} is not an id of letters, digits, '_' and '-'")
    if isic_id in seen:
        raise GanError(f"{isic_id} stands in an earlier line too; the first is used")
    seen.add(isic_id)
    diagnosis = diagnosis_of_row(row)
    if not diagnosis:
        raise GanError(f"{isic_id} has no diagnosis")
    if len(diagnosis) > 120 or len(row.get("lesion_id", "")) > 64:
        raise GanError(f"{isic_id} has a diagnosis or lesion_id of unreasonable length")


def _lesion_image(row: dict[str, str], path: Path) -> LesionImage:
    """The unsaved lesion image of one row, its file stored; raises `UserError` where the file is no image."""
    isic_id = row["isic_id"]
    content = read_file(path, MAX_BYTES)
    image = open_rgb(content)
    return LesionImage(
        isic_id=isic_id,
        lesion_id=row.get("lesion_id", ""),
        diagnosis=diagnosis_of_row(row),
        licence=(row.get("copyright_license") or "unknown")[:60],
        attribution=(row.get("attribution") or "unknown")[:500],
        file=save_content(content, path.suffix.lower()),
        sha256=sha256(content),
        width=image.width,
        height=image.height,
        is_phantom=isic_id.startswith(PHANTOM_PREFIX),
        metadata=row,
    )
