"""Folders of what researchers upload. Each has a name of its own, and is gone when its images are imported."""

import errno
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings

from console import UserError
from files import is_hidden
from gan.models import SUFFIXES as IMAGES
from turing.models import Job

TABLES = (".csv", ".tsv", ".txt", ".json", ".xlsx")
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
KEPT_DAYS = 2  # what nobody imported
LONGEST_PART, LONGEST_PATH, DEEPEST = 200, 1000, 16  # bytes, bytes, folders
KEY = re.compile(r"[0-9a-f]{32}")
LEAVING = ".leaving"  # after the key, of a folder that is being deleted
DRIVE = re.compile(r"[A-Za-z]:")


class UploadError(UserError):
    """Something wrong with an upload; the message says what, and nothing of it is kept."""

    status = 422


class DiskError(UploadError):
    """The site's disk is full or does not work; the upload may be good."""

    def __init__(self, message: str, status: int = 507) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def disk_told() -> Iterator[None]:
    """Raises `DiskError` where the disk refuses something within the block."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError("The site's disk is full. Nothing was kept. Ask who runs the site.") from error
        reason = error.strerror or type(error).__name__
        raise DiskError(f"The site's disk takes no files: {reason}. Nothing was kept.", 503) from error


@dataclass(frozen=True)
class Upload:
    """One upload: a zip that is not unpacked yet, or files in their folders."""

    key: str

    @property
    def folder(self) -> Path:
        return Path(settings.UPLOADS_ROOT) / self.key

    @property
    def archive(self) -> Path:
        return self.folder / "archive.zip"

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def is_there(self) -> bool:
        return self.archive.is_file() or self.files.is_dir()

    def remove(self) -> None:
        """In one step for all who look for it: what is killed while it deletes leaves no half of an upload."""
        leaving = self.folder.with_name(f"{self.key}{LEAVING}")
        with suppress(OSError):  # it is gone, or the disk refuses
            self.folder.rename(leaving)
        for folder in (leaving, self.folder):
            shutil.rmtree(folder, ignore_errors=True)


def new_upload() -> Upload:
    """An empty folder that its owner alone can read. Raises `DiskError`."""
    upload = Upload(secrets.token_hex(16))
    with disk_told():
        Path(settings.UPLOADS_ROOT).mkdir(parents=True, exist_ok=True)
        upload.folder.mkdir(mode=0o700)
    return upload


def find_upload(key: str) -> Upload:
    """Raises `UploadError` where it is gone."""
    upload = Upload(key)
    if not KEY.fullmatch(key) or not upload.is_there:
        raise UploadError(
            f"The uploaded files are not here any more: they are kept for {KEPT_DAYS} days, on the machine that "
            "received them. Upload them again."
        )
    return upload


def require_room(size: int) -> None:
    """Raises `DiskError` where the disk would be too full for answers of readers."""
    with disk_told():
        Path(settings.UPLOADS_ROOT).mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.UPLOADS_ROOT).free - settings.MIN_FREE_MB * 2**20
    if free < size:
        raise DiskError(
            f"The site's disk has too little room: {size / 1e6:,.0f} MB are needed, {max(free, 0) / 1e6:,.0f} MB are "
            "free. Ask who runs the site."
        )


def remove_expired() -> int:
    """Delete uploads of which nobody made use for some days, unless a job with them waits or runs."""
    root = Path(settings.UPLOADS_ROOT)
    limit = time.time() - KEPT_DAYS * 24 * 3600
    removed = 0
    for folder in root.glob(f"*{LEAVING}"):  # whoever deleted it was killed
        shutil.rmtree(folder, ignore_errors=True)
    for folder in root.iterdir() if root.is_dir() else ():
        wanted = Job.objects.unfinished().filter(arguments__upload=folder.name).exists()
        if KEY.fullmatch(folder.name) and folder.stat().st_mtime < limit and not wanted:
            Upload(folder.name).remove()
            removed += 1
    return removed


def checked_path(name: str) -> PurePosixPath | None:
    """Where a file of this name goes below the upload's folder; None for what programs keep for themselves.

    Raises `UploadError` for a name that leads out of the folder, or that no file can have.
    """
    shown = ascii(name[:80])
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    if path.startswith("/") or DRIVE.match(path):
        raise UploadError(f"{shown}: a file's name must not begin at a root or a drive.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UploadError(f"{shown}: a file's name must not lead out of the folder.")
    if any(is_hidden(part) for part in parts):
        return None
    if not parts or not path.isprintable():
        raise UploadError(f"{shown}: no file can have this name here.")
    sizes = [len(part.encode()) for part in parts]
    if max(sizes) > LONGEST_PART or sum(sizes) > LONGEST_PATH or len(parts) > DEEPEST:
        raise UploadError(f"{shown}: this name is too long, or lies too deep in folders.")
    return PurePosixPath(*parts)


def is_taken(path: PurePosixPath) -> bool:
    """Whether an import could make use of the file. Raises `UploadError` for an archive: nothing unpacks it."""
    suffix = path.suffix.lower()
    if suffix in ARCHIVES:
        raise UploadError(f"{str(path)[-80:]!a}: an archive inside the upload. Unpack it first.")
    return suffix in IMAGES + TABLES


def root_of(folder: Path) -> Path:
    """The folder to import from: a zip often holds all in one folder, below which the collection lies.

    A folder with images alone stays, since its name may be their diagnosis.
    """
    while True:
        inside = list(folder.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        if not any(one.is_dir() or one.suffix.lower() in TABLES for one in inside[0].iterdir()):
            return folder
        folder = inside[0]


class Names:
    """The names of one upload: no two of them the same, also where capitals count for nothing, and not too many."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.files = 0
        self.left_out = 0

    def take(self, name: str) -> PurePosixPath | None:
        """The file's path, or None where it is left out. Raises `UploadError` with the reason to refuse the upload."""
        path = checked_path(name)
        if path is None:
            return None
        key = str(path).casefold()
        if key in self.seen:
            raise UploadError(f"{str(path)[-80:]!a}: two files have this name.")
        self.seen.add(key)
        if not is_taken(path):
            self.left_out += 1
            return None
        self.files += 1
        if self.files > settings.UPLOAD_FILES:
            raise UploadError(f"More than the {settings.UPLOAD_FILES:,} files that an upload may have.")
        return path
