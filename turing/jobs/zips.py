"""Unpacks a zip that a stranger may have made. Everything is checked before anything is written.

It refuses files that are not a zip or are cut off, encrypted entries, links and devices, names that lead out, two files
with one name, archives inside the archive, too many entries, too many bytes, and zips that unpack to far more than was
sent.
"""

import shutil
import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.conf import settings

from console import Progress, no_progress
from files import DAMAGED_ZIP
from turing.jobs.uploads import Names, Upload, UploadError, require_room

ENTRY, END, RECORD_64, LOCATOR_64 = b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
ENTRY_HEAD, RECORD_BYTES, LOCATOR_BYTES = 46, 56, 20
NOT_HERE = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)  # in the 32-bit end, if the number is in the 64-bit one
LONGEST_COMMENT = 65535
ENTRY_BYTES = 500  # per entry of the directory, with its name and extra fields; honest zips have 100 on average
MOST_TIMES = 100  # times the size that was sent
HARMLESS = 10_000_000  # bytes, whatever the ratio
CHUNK = 2**20
CUT_OFF = "This is not a zip file, or it is damaged or cut off. Make it again and upload it in full."
TWO_ENDS = "The zip contradicts itself about its contents. No zip program makes such a file. Make it again."

Entries = list[tuple[zipfile.ZipInfo, PurePosixPath]]


def check_zip(path: Path) -> Entries:
    """Entries to unpack, each with its path below the folder. Raises `UploadError`."""
    most = 4 * settings.UPLOAD_FILES  # folders, hidden files and ignored files are entries, too
    with path.open("rb") as stream:
        _check_directory(stream, most)
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except DAMAGED_ZIP:
        raise UploadError(CUT_OFF) from None
    names = Names()
    taken = [
        (entry, place) for entry in found if not entry.is_dir() and (place := names.take(_checked(entry))) is not None
    ]
    if not taken:
        raise UploadError("The zip contains no image and no table.")
    _check_sizes(found, path.stat().st_size)
    return taken


def _check_directory(stream: BinaryIO, most: int) -> None:
    """Raise `UploadError` if the zip's directory is too large, because `zipfile` would read all of it into memory.

    The end of the file may lie about the directory, so the entries themselves are counted, too.
    """
    start, size, said = _directory(stream)
    too_many = UploadError(f"The zip has more than the {settings.UPLOAD_FILES:,} files that an upload may have.")
    if said > most or size > most * ENTRY_BYTES:
        raise too_many
    stream.seek(start)
    count, left = 0, size
    while left > 0:
        head = stream.read(ENTRY_HEAD)
        if len(head) < ENTRY_HEAD or not head.startswith(ENTRY):
            raise UploadError(CUT_OFF)
        rest = sum(struct.unpack_from("<HHH", head, 28))  # name, extra fields, comment
        stream.seek(rest, 1)
        left -= ENTRY_HEAD + rest
        count += 1
        if count > most:
            raise too_many
    if count != said or left != 0:
        raise UploadError(CUT_OFF)


def _directory(stream: BinaryIO) -> tuple[int, int, int]:
    """The position of the zip's directory, its bytes and its number of entries, according to the file's end.

    A zip has one end or two: a 32-bit one, and before it possibly a 64-bit one, which programs use if it exists.
    """
    length = stream.seek(0, 2)
    tail_at = max(0, length - LONGEST_COMMENT - 22)
    stream.seek(tail_at)
    tail = stream.read()
    found = tail.rfind(END)
    if found < 0 or len(tail) - found < 22:
        raise UploadError(CUT_OFF)
    at = tail_at + found
    short = struct.unpack_from("<HHII", tail, found + 8)
    stream.seek(max(0, at - LOCATOR_BYTES))
    locator = stream.read(LOCATOR_BYTES)
    if locator.startswith(LOCATOR_64):
        at -= LOCATOR_BYTES + RECORD_BYTES
        (record_at,) = struct.unpack_from("<Q", locator, 8)
        if at < 0 or record_at != at:  # some programs read one end, some the other
            raise UploadError(CUT_OFF)
        stream.seek(at)
        record = stream.read(RECORD_BYTES)
        if not record.startswith(RECORD_64):
            raise UploadError(CUT_OFF)
        long = struct.unpack_from("<QQQQ", record, 24)
        if any(one not in (other, none) for one, other, none in zip(short, long, NOT_HERE, strict=True)):
            raise UploadError(TWO_ENDS)
    else:
        long = short
    here, entries, size, _ = long
    if here != entries or size > at:
        raise UploadError(CUT_OFF)
    return at - size, size, entries


def _checked(entry: zipfile.ZipInfo) -> str:
    """The entry's name. Raises `UploadError` if the entry is not a plain file."""
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
        raise UploadError(
            f"The zip unpacks to {total / max(sent, 1):,.0f} times its size. No images compress that well, so it "
            "was refused."
        )
    if sum(entry.compress_size for entry in found) > sent:
        raise UploadError("Files of the zip overlap. No zip program makes such a file, so it was refused.")


def unpack(upload: Upload, progress: Progress = no_progress) -> Path:
    """The folder of the upload's files, which are unpacked if they are still in a zip. Raises `UploadError`.

    Files are moved to their place when all of them are there, and the zip is deleted after that. So work that is killed
    can be repeated.
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
            except DAMAGED_ZIP:
                raise UploadError(f"{entry.filename[:80]!a} is damaged in the zip. Make the zip again.") from None
    except OSError as error:  # a file where a folder should be, a full disk
        raise UploadError(f"{entry.filename[:80]!a} cannot be unpacked: {error.strerror}.") from None
