"""Reads an archive that anybody may have made: in memory, never unpacked, and not if it is larger than any real."""

import hashlib
import zipfile
from pathlib import Path

from files import DAMAGED_ZIP
from turing.errors import StudyError
from turing.results.archive.packing import SUMS

MIB = 1 << 20
MOST_FILES, MOST_BYTES, MOST_BYTES_READ = 50_000, 4096 * MIB, 128 * MIB  # of all files, and of one file that is parsed
SMALL, MOST_RATIO = 64 * MIB, 100  # a larger zip that unpacks to more than this many times its size is a zip bomb
NEEDED = ("data/responses.csv", "design.json", "stimuli.csv", "analysis.json")
CHUNK = MIB


def entries_of(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by name. Raises `StudyError` if it is not one of this software, or could do harm."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    total = sum(entry.file_size for entry in archive.infolist())
    packed = sum(entry.compress_size for entry in archive.infolist())
    if len(archive.infolist()) > MOST_FILES or total > MOST_BYTES or (total > SMALL and total > MOST_RATIO * packed):
        raise StudyError(
            f"{path}: {len(archive.infolist())} files of {total / MIB:,.0f} MiB, packed into {packed / MIB:,.1f}: no "
            "archive of this software is like that, so it was not read."
        )
    if len(entries) < len(archive.infolist()):
        raise StudyError(f"{path}: two files in it have one name.")
    for name in entries:
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or ":" in parts[0] or not {"", ".", ".."}.isdisjoint(parts):
            raise StudyError(f"{path}: it holds a file {name[:80]!r}, a name that leads elsewhere; do not unpack it.")
    if missing := [name for name in (*NEEDED, SUMS) if name not in entries]:
        raise StudyError(f"{path}: not an archive of this software, or a part of one: {', '.join(missing)} missing.")
    return entries


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The content of a file. Raises `StudyError` if it is too large to parse, or damaged."""
    if entry.file_size > MOST_BYTES_READ:
        raise StudyError(f"{entry.filename} has {entry.file_size / MIB:,.0f} MiB, too many to check.")
    try:
        return archive.read(entry)
    except DAMAGED_ZIP as error:
        raise StudyError(f"{entry.filename[:80]} is damaged in the archive ({error}).") from None


def sha256_of(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """The checksum of a file of any size, or `damaged`."""
    digest = hashlib.sha256()
    try:
        with archive.open(entry) as stream:
            while block := stream.read(CHUNK):
                digest.update(block)
    except DAMAGED_ZIP:
        return "damaged"
    return digest.hexdigest()
