"""Reads, walks over and writes files that people name. Each failure is one line."""

import errno
import io
import lzma
import os
import shutil
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from console import UserError, printable

MAX_CSV_BYTES = 500_000_000
# What `zipfile` raises for a zip that is damaged, or that somebody made to do harm.
DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError, ValueError)
PART = ".part"  # prefix of the names of files that are not completely written yet


def shown(path: Path | str) -> str:
    """The name as text that can be printed and stored. Bytes that are not UTF-8 are spelled out."""
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))


def composed(name: str) -> str:
    """The name with accents composed into letters (NFC), for comparisons.

    macOS writes letter and accent separately.
    """
    return unicodedata.normalize("NFC", name)


def is_file(path: Path) -> bool:
    """True for a file on the disk, or a link to one. Never blocks on a pipe and never raises."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """True for a folder, or a link to one. Never raises."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def read_file(path: Path, limit: int, *, pipes: bool = False) -> bytes:
    """The bytes of a file of at most `limit` bytes; with `pipes` also those of a shell's `<(…)` or /dev/stdin.

    Raises `UserError` with only the reason, because the caller knows how to name the file.
    """
    try:
        # A pipe that nobody writes to would block forever, so pipes must be asked for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if pipes else os.O_NONBLOCK))
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not pipes and not stat.S_ISREG(status.st_mode):
                raise UserError("is a pipe or a device, not a file")
            if status.st_size > limit:
                raise UserError(f"too large: {status.st_size:,} bytes, at most {limit:,} are read")
            with open(descriptor, "rb", closefd=False) as stream:
                content = stream.read(limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise UserError("cannot be read: no file can have this name") from None
    if len(content) > limit:
        raise UserError(f"too large: more than the {limit:,} bytes that are read")
    return content


@dataclass
class Walk:
    """Files found below a folder, in the order of their paths, and files that were not taken, with the reason."""

    files: list[Path] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)


def walk(folder: Path, suffixes: tuple[str, ...], *, links_out: bool = True) -> Walk:
    """Every file below the folder whose name ends in one of `suffixes`.

    Hidden files and folders (`.ipynb_checkpoints`, `._a.png`) and macOS's `__MACOSX` are skipped. Links to folders are
    not followed, so that loops end. Links to files are followed; if they lead out of the folder, only with `links_out`.
    Raises `UserError` if the folder is not a folder.
    """
    if not is_folder(folder):
        raise UserError(f"{shown(folder)}: no such folder.")
    root = folder.resolve()
    found = Walk()
    waiting = [folder]  # a list instead of recursion, because folders may be deeper than Python's stack
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                listed = [entry for entry in entries if not is_hidden(entry.name)]
        except OSError as error:
            found.left_out.append((here, f"cannot be read: {error.strerror}"))
            continue
        for entry in listed:
            path = here / entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif path.suffix.lower() in suffixes:
                reason = _reason_against(path, entry, None if links_out else root)
                if reason is None:
                    found.files.append(path)
                elif reason:
                    found.left_out.append((path, reason))
    found.files.sort()
    found.left_out.sort()
    return found


def is_hidden(name: str) -> bool:
    """Whether the name is one that programs use for themselves, not one that a person chose."""
    return name.startswith(".") or name == "__MACOSX"


def _reason_against(path: Path, entry: os.DirEntry, root: Path | None) -> str | None:
    """Why the entry is not taken; '' for a link to a folder, which is not an image; None if it is taken."""
    try:
        mode = entry.stat().st_mode
        if stat.S_ISDIR(mode):
            return ""
        if not stat.S_ISREG(mode):
            return "a pipe, a socket or a device, not a file"
        if root is not None and entry.is_symlink() and not path.resolve().is_relative_to(root):
            return "a link that leads out of the folder"
    except (OSError, RuntimeError) as error:
        reason = "a link that leads nowhere" if entry.is_symlink() else "cannot be read"
        return f"{reason} ({getattr(error, 'strerror', None) or error})"
    return None


def write_file(path: Path, content: bytes) -> None:
    """Write to a temporary file beside `path`, flush it to the disk, then rename it to `path`.

    If anything goes wrong, it raises `UserError`, and `path` is as before. A link is followed. A device or a pipe, such
    as /dev/null, is written to directly and never replaced.
    """
    with new_file(path) as stream:
        stream.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file when the block ends, by the rules of `write_file`.

    For content that is too large to be in memory. If writing fails, it raises `UserError`. Whatever else the block
    raises passes unchanged. In both cases `path` is as before.
    """
    with _told(path):
        target = path.resolve()
        is_device = _is_device(path)
        if not is_device:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                raise IsADirectoryError(0, "is a folder")
        # The name is unique, so that two processes that write the same file do not disturb each other.
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=PART, dir=None if is_device else target.parent)
    temporary = Path(name)
    try:
        with io.BufferedRandom(_Written(path, descriptor)) as stream:
            yield stream
            stream.flush()
            with _told(path):
                if is_device:
                    stream.seek(0)
                    with path.open("wb", buffering=0) as device:
                        shutil.copyfileobj(stream, device)
                else:
                    os.fsync(descriptor)
        if not is_device:
            with _told(path):
                _put_in_place(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink()


class _Written(io.FileIO):
    """Tells a failure of writing from failures of whoever makes the content, which are `OSError`s, too."""

    def __init__(self, path: Path, descriptor: int):
        super().__init__(descriptor, "w+b")
        self._path = path

    def write(self, content: Any) -> int:
        with _told(self._path):
            return super().write(content)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell a failure of writing the file in one line."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file can have this name"
        raise UserError(f"{shown(path)}: {reason}; what was there before is kept.") from None


def _is_device(path: Path) -> bool:
    """Whether the path is a device or a pipe, which is written to and never replaced.

    The path itself is asked, because /dev/stdout and a shell's `>(…)` resolve to names that do not exist.
    """
    return path.exists() and not (path.is_file() or path.is_dir())


def _put_in_place(temporary: Path, target: Path) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
    temporary.chmod(mode)
    temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # make the rename itself durable
    finally:
        os.close(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_writable(path: Path, option: str, *, new_folders: bool = False) -> None:
    """Raise `UserError` if a file could not be written, before the work that produces it.

    With `new_folders`, its folders may be missing, because `write_file` makes them.
    """
    try:
        target = path.resolve()
        if target.is_dir():
            raise IsADirectoryError(0, "is a folder, not a file")
        if target.exists() or _is_device(path):
            if not os.access(path, os.W_OK):
                raise PermissionError(0, "Permission denied")
            return
        if not new_folders and not target.parent.exists():
            raise FileNotFoundError(0, f"No such file or directory: {shown(target.parent)}")
        _check_creatable(target.parent)
        if (
            len(os.fsencode(target.name)) > 240
        ):  # a little less than file systems allow, because the temporary name is longer
            raise OSError(0, "File name too long")
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file can have this name"
        raise UserError(f"{option} {shown(path)}: {reason}.") from None


def check_folder(path: Path, option: str) -> None:
    """Raise `UserError` if files could not be written into a folder, which may not exist yet."""
    try:
        _check_creatable(path.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no folder can have this name"
        raise UserError(f"{option} {shown(path)}: {reason}.") from None


def _check_creatable(folder: Path) -> None:
    """Check that the nearest existing folder above is a folder that can be written to."""
    nearest = next(above for above in _upwards(folder) if os.path.lexists(above))
    if not nearest.is_dir():
        raise NotADirectoryError(0, f"{shown(nearest)} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(0, "Permission denied")


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents
