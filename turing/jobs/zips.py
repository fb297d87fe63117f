"""Unpacks a zip that a stranger may have made: everything is looked at before anything is written.

Refused: what is no zip or cut off, encrypted entries, links and devices, names that lead out, two files of one name,
archives in the archive, too many entries, too many bytes, and what unpacks to far more than was sent.
"""

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from django.conf import settings

from console import Progress, no_progress
from turing.jobs.uploads import Names, Upload, UploadError, require_room

END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
LONGEST_COMMENT = 65535
ENTRY_BYTES = 2000  # of an entry of the directory, with its name and extra fields; the average of an honest zip is 100
MOST_TIMES = 100  # larger than it was sent
HARMLESS = 10_000_000  # bytes, whatever the ratio
CHUNK = 2**20
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError, ValueError)
CUT_OFF = "This is no zip file, or it is damaged or cut off. Make it again, and upload all of it."

Entries = list[tuple[zipfile.ZipInfo, PurePosixPath]]


def check_zip(path: Path) -> Entries:
    """Entries to unpack, each with the path below the folder that it gets. Raises `UploadError`."""
    most = 4 * settings.UPLOAD_FILES  # folders, hidden files and what is left out are entries, too
    with path.open("rb") as stream:
        count, size = _directory(stream)
        if count > most or size > most * ENTRY_BYTES:
            raise UploadError(f"The zip has more than the {settings.UPLOAD_FILES:,} files that an upload may have.")
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except DAMAGED:
        raise UploadError(CUT_OFF) from None
    names = Names()
    taken = [
        (entry, place) for entry in found if not entry.is_dir() and (place := names.take(_checked(entry))) is not None
    ]
    if not taken:
        raise UploadError("The zip holds no image and no table.")
    _check_sizes(found, path.stat().st_size)
    return taken


def _directory(stream) -> tuple[int, int]:
    """Entries and bytes of the zip's directory, as its end says: `zipfile` would read a huge one into memory."""
    length = stream.seek(0, 2)
    tail_at = max(0, length - LONGEST_COMMENT - 22)
    stream.seek(tail_at)
    tail = stream.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < 22:
        raise UploadError(CUT_OFF)
    count, size = struct.unpack_from("<HI", tail, at + 10)
    if count == 0xFFFF or size == 0xFFFFFFFF:
        locator = tail[at - 20 : at] if at >= 20 else b""
        if not locator.startswith(LOCATOR_64):
            return count, size
        stream.seek(min(struct.unpack_from("<Q", locator, 8)[0], length))
        record = stream.read(56)
        if len(record) < 56 or not record.startswith(END_64):
            raise UploadError(CUT_OFF)
        count, size = struct.unpack_from("<QQ", record, 32)
    return count, size


def _checked(entry: zipfile.ZipInfo) -> str:
    """The entry's name. Raises `UploadError` for what is no plain file."""
    shown = ascii(entry.filename[:80])
    if entry.flag_bits & 0x1:
        raise UploadError(f"{shown} is encrypted. Make a zip without a password.")
    mode = entry.external_attr >> 16
    if entry.create_system == 3 and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UploadError(f"{shown} is a link or a device, not a file.")
    return entry.filename


def _check_sizes(found: list[zipfile.ZipInfo], sent: int) -> None:
    total = sum(entry.file_size for entry in found)
    if total > settings.UPLOAD_LIMIT:
        raise UploadError(
            f"The zip unpacks to {total / 1e6:,.0f} MB; an upload may have {settings.UPLOAD_LIMIT / 1e6:,.0f} MB."
        )
    if total > max(HARMLESS, MOST_TIMES * sent):
        raise UploadError(f"The zip unpacks to {total / max(sent, 1):,.0f} times its size: no images do that.")
    if sum(entry.compress_size for entry in found) > sent:
        raise UploadError("Files of the zip overlap: no program for zips makes such a file.")


def unpack(upload: Upload, progress: Progress = no_progress) -> Path:
    """The folder of the upload's files, unpacked where it is a zip still. Raises `UploadError`.

    Files get their place when all of them are there, and the zip goes after that: what is killed can be done again.
    """
    if upload.files.is_dir():
        upload.archive.unlink(missing_ok=True)
        return upload.files
    entries = check_zip(upload.archive)
    require_room(sum(entry.file_size for entry, _ in entries))
    part = upload.folder / "part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        with zipfile.ZipFile(upload.archive) as archive:
            for entry, place in progress(entries, "Unpacking", len(entries), "file"):
                _unpack_one(archive, entry, part / place)
    except UploadError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    part.rename(upload.files)
    upload.archive.unlink()
    return upload.files


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            try:
                with archive.open(entry) as source:
                    left = entry.file_size
                    while chunk := source.read(CHUNK):
                        left -= len(chunk)
                        if left < 0:
                            raise zipfile.BadZipFile
                        stream.write(chunk)
            except DAMAGED:
                raise UploadError(f"{entry.filename[:80]!a} is damaged in the zip. Make the zip again.") from None
    except OSError as error:  # a file where a folder should be, a full disk
        raise UploadError(f"{entry.filename[:80]!a} cannot be unpacked: {error.strerror}.") from None
