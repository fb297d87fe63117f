"""Folders of researchers' uploads. Each has its own name and is deleted when its images are imported."""

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
KEPT_DAYS = 2  # uploads that nobody imported
LONGEST_PART, LONGEST_PATH, DEEPEST = 200, 1000, 16  # bytes of a name, bytes of a path, number of folders
KEY = re.compile(r"[0-9a-f]{32}")
LEAVING = ".leaving"  # follows the key in the name of a folder that is being deleted
DRIVE = re.compile(r"[A-Za-z]:")


class UploadError(UserError):
    """Something is wrong with an upload. The message says what, and nothing of it is kept."""

    status = 422


class DiskError(UploadError):
    """The site's disk is full or does not work. The upload itself may be good."""

    def __init__(self, message: str, status: int = 507) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def disk_told() -> Iterator[None]:
    """Raise `DiskError` if the disk refuses something within the block."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError("The site's disk is full. Nothing was kept. Ask the people who run the site.") from error
        reason = error.strerror or type(error).__name__
        raise DiskError(f"The site cannot write to its disk: {reason}. Nothing was kept.", 503) from error


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
        """Delete the upload. It vanishes in one step, so that a deletion that is killed never leaves half an upload."""
        leaving = self.folder.with_name(f"{self.key}{LEAVING}")
        with suppress(OSError):  # it is gone already, or the disk refuses
            self.folder.rename(leaving)
        for folder in (leaving, self.folder):
            shutil.rmtree(folder, ignore_errors=True)


def new_upload() -> Upload:
    """A new folder that only its owner can read. Raises `DiskError`."""
    upload = Upload(secrets.token_hex(16))
    with disk_told():
        Path(settings.UPLOADS_ROOT).mkdir(parents=True, exist_ok=True)
        upload.folder.mkdir(mode=0o700)
    return upload


def find_upload(key: str) -> Upload:
    """The upload with this key. Raises `UploadError` if it is gone."""
    upload = Upload(key)
    if not KEY.fullmatch(key) or not upload.is_there:
        raise UploadError(
            f"The uploaded files are gone. The machine that received them keeps them for {KEPT_DAYS} days. Upload "
            "them again."
        )
    return upload


def require_room(size: int) -> None:
    """Raise `DiskError` if the disk would be too full for readers' answers."""
    with disk_told():
        Path(settings.UPLOADS_ROOT).mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.UPLOADS_ROOT).free - settings.MIN_FREE_MB * 2**20
    if free < size:
        raise DiskError(
            f"The site's disk has too little room: {size / 1e6:,.0f} MB are needed, {max(free, 0) / 1e6:,.0f} MB are "
            "free. Ask the people who run the site."
        )


def remove_expired() -> int:
    """Delete uploads that nobody used for some days, unless a job with them waits or runs."""
    root = Path(settings.UPLOADS_ROOT)
    limit = time.time() - KEPT_DAYS * 24 * 3600
    removed = 0
    for folder in root.glob(f"*{LEAVING}"):  # a deletion that was killed left this
        shutil.rmtree(folder, ignore_errors=True)
    for folder in root.iterdir() if root.is_dir() else ():
        wanted = Job.objects.unfinished().filter(arguments__upload=folder.name).exists()
        if KEY.fullmatch(folder.name) and folder.stat().st_mtime < limit and not wanted:
            Upload(folder.name).remove()
            removed += 1
    return removed


def checked_path(name: str) -> PurePosixPath | None:
    """The path of a file with this name below the upload's folder; None for files that programs keep for themselves.

    Raises `UploadError` for a name that leads out of the folder, or that no file can have.
    """
    shown = ascii(name[:80])
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    if path.startswith("/") or DRIVE.match(path):
        raise UploadError(f"{shown}: a file's name must not begin with a slash or a drive letter.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UploadError(f"{shown}: a file's name must not lead out of the folder.")
    if any(is_hidden(part) for part in parts):
        return None
    if not parts or not path.isprintable():
        raise UploadError(f"{shown}: the site cannot store a file with this name.")
    sizes = [len(part.encode()) for part in parts]
    if max(sizes) > LONGEST_PART or sum(sizes) > LONGEST_PATH or len(parts) > DEEPEST:
        raise UploadError(f"{shown}: this name is too long, or the file lies too deep in folders.")
    return PurePosixPath(*parts)


def is_taken(path: PurePosixPath) -> bool:
    """Whether an import could use the file. Raises `UploadError` for an archive, because nothing unpacks it."""
    suffix = path.suffix.lower()
    if suffix in ARCHIVES:
        raise UploadError(f"{str(path)[-80:]!a}: the upload contains an archive. Unpack it first.")
    return suffix in IMAGES + TABLES


def root_of(folder: Path) -> Path:
    """The folder to import from. Zips often hold everything in one folder, and the collection is below it.

    A folder with only images is kept, because its name may be their diagnosis.
    """
    while True:
        inside = list(folder.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        if not any(one.is_dir() or one.suffix.lower() in TABLES for one in inside[0].iterdir()):
            return folder
        folder = inside[0]


class Names:
    """The names of one upload: all different, even if capitals do not count, and not too many."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.files = 0
        self.left_out = 0

    def take(self, name: str) -> PurePosixPath | None:
        """The file's path; None if it is left out. Raises `UploadError` with the reason if the upload is refused."""
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
