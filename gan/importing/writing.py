"""Executes a plan: reads and stores each file, adds the images to the database, and reports what is left out."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.db import IntegrityError, transaction

from console import UserError, printable
from files import read_file, shown
from gan.foundation.errors import GanError
from gan.foundation.storage import lock_files, missing_files, save_content
from gan.imaging.image_files import MAX_BYTES, count_pixels, open_rgb, sha256
from gan.importing.decoding import THREADS, Room
from gan.importing.import_report import Plan, Rejection, Report
from gan.importing.mapping import Described
from gan.importing.pictures import choose_picture
from gan.importing.sheets import Row
from gan.models import LesionImage

BATCH = 200  # images per database transaction


@dataclass(frozen=True)
class Picture:
    """A file that was read and stored."""

    file: str
    sha256: str
    width: int
    height: int


def keep_files(origins: Mapping[str, tuple[Path, str]]) -> None:
    """Just before the images are committed: store those files again that a deletion removed since they were stored.

    `origins`: for each stored file, the file that it was read from, and its hash. Raises `GanError` if that one has
    changed or is gone.
    """
    names = list(origins)
    for start in range(0, len(names), BATCH):
        lock_files()  # each time, because PostgreSQL ends a transaction that says nothing for a minute
        for name in missing_files(names[start : start + BATCH]):
            path, digest = origins[name]
            try:
                content = read_file(path, MAX_BYTES)
            except UserError as error:
                raise GanError(f"{shown(path)}: {error}. Import again.") from None
            if sha256(content) != digest:
                raise GanError(f"{shown(path)} was changed while it was imported. Import again.")
            save_content(content, path.suffix.lower())


class Writer:
    """Writes a plan's images, one batch a transaction, and fills the report."""

    def __init__(self, plan: Plan, report: Report, written: Callable[[Report], None] = lambda report: None) -> None:
        self.written = written
        self.plan, self.report = plan, report
        self.pictures = plan.found.pictures
        self.present = dict(LesionImage.objects.values_list("isic_id", "sha256"))
        self.tables = len({one.row.table for one, _ in plan.described})
        self.seen: dict[str, Row] = {}
        self.taken: set[Path] = set()
        self.file_of: dict[str, Path] = {}
        self.room = Room()

    def write(self) -> Iterator[None]:
        """Write everything. Yields once a row, for a progress bar."""
        self._reject_left_out()
        remaining = iter(self.plan.described)
        # Threads, because decoding and hashing release Python's lock, and the store is slow.
        with ThreadPoolExecutor(THREADS) as pool:
            while batch := list(islice(remaining, BATCH)):
                chosen = [one for one in batch if self._choose(*one)]
                reads = pool.map(self._store, [one.image_id for one, _ in chosen])
                self._save([image for one, read in zip(chosen, reads, strict=True) if (image := self._made(one, read))])
                self.written(self.report)
                yield from [None] * len(batch)
        self._reject_unnamed()

    def check(self) -> None:
        """Report what `write` would reject, as far as tables and file names show it. No image is read."""
        self._reject_left_out()
        for one, files in self.plan.described:
            if not self._is_rejected(one, files):
                is_known = one.image_id in self.present
                self.report.already_present += is_known
                self.report.to_import += not is_known
        self._reject_unnamed()

    def _reject_left_out(self) -> None:
        for path, reason in self.pictures.left_out:
            self._reject(self.pictures.called(path), reason)

    def _reject_unnamed(self) -> None:
        tables = sorted({one.row.table for one, _ in self.plan.described})
        for path in self.pictures.files:
            if path not in self.taken:
                self._reject(self.pictures.called(path), f"no row in {tables[0] if len(tables) == 1 else 'any table'}")

    def _reject(self, file: str, reason: str) -> None:
        self.report.rejected.append(Rejection(file, reason))

    def _reject_row(self, row: Row, files: list[Path], reason: str) -> None:
        """Reject a row, named by its file if it has one, else by its line."""
        if not row.table:
            self._reject(self.pictures.called(files[0]), printable(reason))
            return
        line = f"line {row.line}" if self.tables == 1 and files else f"{row.table} line {row.line}"
        if files:
            self._reject(self.pictures.called(files[0]), printable(f"{line}: {reason}"))
        else:
            self._reject(line, printable(reason))

    def _is_rejected(self, one: Described, files: list[Path]) -> bool:
        """Whether the table shows that the row cannot be imported; if so, it is added to the report."""
        self.taken.update(files)
        fault = one.fault
        first = self.seen.get(one.image_id)
        if not fault and first is not None:
            where = "an earlier line" if first.table == one.row.table else f"{first.table} line {first.line}"
            fault = f"{one.image_id} is also in {where}; the first is used"
        if not fault:
            self.seen[one.image_id] = one.row
        if not fault and not files:
            name = next((v for c in self.plan.found.layout.files if (v := one.row.fields.get(c))), one.image_id)
            fault = f"no image file named {name[:80]} below the folder"
        if not fault and not one.fields["image_type"]:
            fault = f"{one.image_id} does not say how it was taken. Use --type to say it for such images"
        if fault:
            self._reject_row(one.row, files, fault)
        return bool(fault)

    def _choose(self, one: Described, files: list[Path]) -> bool:
        """Choose the photograph among several files. Returns whether the row can be imported."""
        if self._is_rejected(one, files):
            return False
        chosen, others = choose_picture(files)
        for other, reason in others:
            said = f"{reason} of {one.image_id}; {self.pictures.called(chosen)} is used"
            self._reject(self.pictures.called(other), said)
        self.file_of[one.image_id] = chosen
        return True

    def _store(self, image_id: str) -> Picture | UserError:
        """Read, check and store one file.

        A file that is already present, or known under another name, is not stored again.
        """
        path = self.file_of[image_id]
        try:
            content = read_file(path, MAX_BYTES)
            with self.room.take(count_pixels(content)):
                width, height = open_rgb(content).size  # free the pixels before the room
        except UserError as error:
            return error
        name = "" if image_id in self.present else save_content(content, path.suffix.lower())
        return Picture(name, sha256(content), width, height)

    def _made(self, chosen: tuple[Described, list[Path]], read: Picture | UserError) -> LesionImage | None:
        """The unsaved lesion image; None if it is present already or its file is not an image."""
        one, files = chosen
        if isinstance(read, UserError):
            self._reject_row(one.row, [self.file_of[one.image_id], *files], str(read))
            return None
        made = LesionImage(isic_id=one.image_id, metadata=one.metadata, **one.fields, **vars(read))
        if one.image_id in self.present:
            self._report_known(made)
            return None
        return made

    def _report_known(self, image: LesionImage) -> None:
        if self.present[image.isic_id] == image.sha256:
            self.report.already_present += 1
        else:
            reason = f"{image.isic_id} was imported before with other content. The earlier file is kept"
            self._reject(self.pictures.called(self.file_of[image.isic_id]), reason)

    def _save(self, images: list[LesionImage]) -> None:
        try:
            with transaction.atomic():
                LesionImage.objects.bulk_create(images)
                keep_files({one.file: (self.file_of[one.isic_id], one.sha256) for one in images})
        except IntegrityError:  # another import brought some of them meanwhile
            brought = LesionImage.objects.filter(isic_id__in=[one.isic_id for one in images])
            self.present.update(brought.values_list("isic_id", "sha256"))
            new = [one for one in images if one.isic_id not in self.present]
            if len(new) == len(images):
                raise
            for one in images:
                one.pk = None  # numbers of the batch that was rolled back
                if one.isic_id in self.present:
                    self._report_known(one)
            self._save(new)
            return
        self.report.imported += len(images)
