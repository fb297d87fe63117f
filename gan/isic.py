"""Reads an ISIC export, a folder with `metadata.csv` and images anywhere below it, into `LesionImage`."""

import csv
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import IntegrityError, transaction

from gan.diagnoses import LEVELS, diagnosis_of_row
from gan.errors import GanError
from gan.images import MAX_BYTES, SUFFIXES, open_rgb, sha256
from gan.models import PHANTOM_PREFIX, LesionImage
from gan.storage import save_content

ISIC_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
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

    Raises `GanError` when the file is missing, empty, not UTF-8 text, or lacks a needed column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise GanError(f"{path}: not found. An ISIC export has a metadata.csv beside its images.") from None
    except UnicodeDecodeError:
        raise GanError(f"{path}: not a UTF-8 text file.") from None
    except OSError as error:
        raise GanError(f"{path}: {error.strerror}.") from None
    reader = csv.DictReader(text.splitlines(keepends=True))
    try:
        columns = reader.fieldnames or []
        rows = [(reader.line_num, {key: (value or "").strip() for key, value in row.items() if key}) for row in reader]
    except csv.Error as error:
        raise GanError(f"{path}, line {reader.line_num}: {error}.") from None
    if "isic_id" not in columns:
        raise GanError(f"{path}, line 1: no column isic_id (found: {', '.join(columns) or 'nothing'}).")
    if not {"diagnosis", *LEVELS} & set(columns):
        raise GanError(f"{path}, line 1: no column diagnosis nor diagnosis_1 to diagnosis_5.")
    if not rows:
        raise GanError(f"{path}: no rows below the header.")
    return rows


def image_files(folder: Path) -> dict[str, Path]:
    """Image files below the folder by file stem.

    Files are looked up in this index, never opened by a name from the CSV, so no row can reach outside the
    folder; links that lead out of it are left out.
    """
    root = folder.resolve()
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.resolve().is_relative_to(root):
            files.setdefault(path.stem, path)
    return files


def import_export(folder: Path, report: ImportReport) -> Iterator[None]:
    """Import every row of the export at `folder`, filling `report`; yields once a row, for a progress bar.

    Idempotent: an image already present is counted and left as it is. A bad row or file is reported and
    skipped. Raises `GanError` when the folder itself cannot be used.
    """
    if not folder.is_dir():
        raise GanError(f"{folder}: no such folder.")
    rows = read_metadata(folder / "metadata.csv")
    files = image_files(folder)
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
            report.rejected.append(Rejection(str(files[image.isic_id].relative_to(folder)), reason))

    for line, row in rows:
        try:
            lesion_image = _lesion_image(row, files, seen)
        except GanError as error:
            isic_id = row.get("isic_id", "")
            if isic_id in files:
                rejection = Rejection(str(files[isic_id].relative_to(folder)), f"line {line}: {error}")
            else:
                rejection = Rejection(f"metadata.csv line {line}", str(error))
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
    for stem in sorted(files.keys() - {row.get("isic_id", "") for _, row in rows}):
        report.rejected.append(Rejection(str(files[stem].relative_to(folder)), "no row in metadata.csv"))


def _lesion_image(row: dict[str, str], files: dict[str, Path], seen: set[str]) -> LesionImage:
    """The unsaved lesion image of one row, its file stored; raises `GanError` with the reason to reject it."""
    isic_id = row["isic_id"]
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
    if isic_id not in files:
        raise GanError(f"no image file named {isic_id} below the folder")
    path = files[isic_id]
    try:
        if path.stat().st_size > MAX_BYTES:
            raise GanError(f"too large: {path.stat().st_size:,} bytes, at most {MAX_BYTES:,} are read")
        content = path.read_bytes()
    except OSError as error:
        raise GanError(f"cannot be read: {error.strerror}") from None
    image = open_rgb(content)
    return LesionImage(
        isic_id=isic_id,
        lesion_id=row.get("lesion_id", ""),
        diagnosis=diagnosis,
        licence=(row.get("copyright_license") or "unknown")[:60],
        attribution=(row.get("attribution") or "unknown")[:500],
        file=save_content(content, path.suffix.lower()),
        sha256=sha256(content),
        width=image.width,
        height=image.height,
        is_phantom=isic_id.startswith(PHANTOM_PREFIX),
        metadata=row,
    )
