"""The file of a backup: a plain tar of a manifest, the database, files, and at the end the SHA-256 of each.

It is not compressed. Most images already are, a database is easily compressed afterwards, and an uncompressed file
cannot be a zip bomb. `tar -xf FILE && sha256sum -c SHA256SUMS` reads it without this program.
"""

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from console import Progress, UserError

FORMAT = 1
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
MEDIA, RUNS = "media", "runs"
CHUNK = 1 << 20
MANIFEST_LIMIT = 1 << 20
HEADER_LIMIT = 1 << 22  # our own reads are never longer; a header that asks for more is not ours


class BackupError(UserError):
    """A backup cannot be made, read or restored. The message says what to do."""


class Writer:
    """Adds files to an archive. Memory does not grow with their number or size."""

    def __init__(self, tar: tarfile.TarFile, sums: IO[bytes]):
        self._tar, self._sums = tar, sums

    def add(self, name: str, content: IO[bytes], size: int) -> None:
        """Add a file of the given size. Raises `BackupError` if its name is not allowed or its content is shorter."""
        check_name(name)
        hashing = _Hashing(content)
        self._add(name, hashing, size)
        self._sums.write(_sum_line(hashing.sha256.hexdigest(), name))

    def finish(self) -> None:
        """Add the checksums."""
        size = self._sums.tell()
        self._sums.seek(0)
        self._add(SUMS, self._sums, size)

    def _add(self, name: str, content: Any, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        try:
            self._tar.addfile(member, content)
        except OSError as error:
            if error.errno is None:  # tarfile raises this for fewer bytes than were announced
                raise BackupError(f"{name} became shorter while it was read. Make the backup again.") from None
            raise
        self._tar.members.clear()


@contextmanager
def writing(stream: IO[bytes]) -> Iterator[Writer]:
    """A writer of an archive in the stream. The archive is complete when the block ends without an error."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar, tempfile.TemporaryFile() as sums:
        writer = Writer(tar, sums)
        yield writer
        writer.finish()


class _Hashing:
    """A stream that hashes what is read from it."""

    def __init__(self, content: IO[bytes]):
        self._content, self.sha256 = content, hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._content.read(size)
        self.sha256.update(chunk)
        return chunk


@dataclass
class Contents:
    """What a verified archive holds."""

    manifest: dict[str, Any]
    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("database", MEDIA, RUNS), 0))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("database", MEDIA, RUNS), 0))

    @property
    def vendor(self) -> str:
        return self.manifest["database"]["vendor"]

    @property
    def files(self) -> int:
        return sum(self.counts.values()) + 2


def verify(stream: IO[bytes], progress: Progress) -> Contents:
    """Read the whole archive and compare every checksum. Writes nothing outside temporary memory.

    Raises `BackupError` if it is not a backup, is damaged or cut off, or holds anything that a backup never holds:
    links, devices, names outside its folders, or a file twice.
    """
    try:
        with tempfile.SpooledTemporaryFile(max_size=1 << 23) as sums:
            return _verify(stream, progress, sums)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise BackupError(f"it is not a backup, or it is damaged or cut off ({error}).") from None


def _verify(stream: IO[bytes], progress: Progress, sums: IO[bytes]) -> Contents:
    contents, seen, complete = None, set(), False
    for name, size, content in progress(members(stream), "Checking", unit="file"):
        if complete:
            raise BackupError(f"the backup continues after its end, with {name!r}.")
        if contents is None:
            text = _read_manifest(name, size, content)
            contents = Contents(_parse_manifest(text))
            digest = hashlib.sha256(text).hexdigest()
        elif name == SUMS:
            _compare(content, size, sums)
            complete = True
            continue
        else:
            section = _section(name, contents)
            contents.sizes[section] += size
            contents.counts[section] += 1
            digest = _digest(content)
        if name in seen:
            raise BackupError(f"the backup holds {name!r} twice.")
        seen.add(name)
        sums.write(_sum_line(digest, name))
    if contents is None:
        raise BackupError("it is not a backup, or it is cut off.")
    if not complete:
        raise BackupError("the backup is cut off or damaged: its list of checksums is missing.")
    if not contents.counts["database"]:
        raise BackupError("the backup holds no database.")
    for name in seen:
        parents = name.split("/")[:-1]
        if any("/".join(parents[:end]) in seen for end in range(1, len(parents) + 1)):
            raise BackupError(f"the backup holds {name!r} inside a file.")
    return contents


def members(stream: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and content of each file. Raises `BackupError` for anything that is not a plain file."""
    stream.seek(0)
    with tarfile.open(fileobj=_Bounded(stream), mode="r:") as tar:
        while (member := tar.next()) is not None:
            tar.members.clear()
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.sparse is not None:
                raise BackupError(f"the backup holds {member.name!r}, which is not a plain file.")
            check_name(member.name)
            content = tar.extractfile(member)
            assert content is not None  # a plain file
            yield member.name, member.size, content


class _Bounded:
    """A stream that refuses long reads, because tarfile reads some headers in full, whatever length they claim."""

    def __init__(self, stream: IO[bytes]):
        self._stream, self.seek, self.tell, self.seekable = stream, stream.seek, stream.tell, stream.seekable

    def read(self, size: int) -> bytes:
        if size > HEADER_LIMIT:
            raise tarfile.ReadError("a header is too long")
        return self._stream.read(size)


def check_name(name: str) -> None:
    """Raise `BackupError` for a name that could lead out of its folder or break a line."""
    parts = name.split("/")
    if (
        not name.isprintable()  # also refuses surrogates, which stand for bytes that are not UTF-8
        or "\\" in name
        or len(name) > 1000
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise BackupError(f"the file name {name!r} is not allowed in a backup.")


def _section(name: str, contents: Contents) -> str:
    expected = DATABASES[contents.vendor]
    if (name == expected) == bool(contents.counts["database"]):
        raise BackupError(f"the backup holds {name!r} where {'a file' if name == expected else expected} is expected.")
    if name == expected:
        return "database"
    section, _, rest = name.partition("/")
    if section not in (MEDIA, RUNS) or not rest:
        raise BackupError(f"the backup holds {name!r}, which no backup holds.")
    return section


def _read_manifest(name: str, size: int, content: IO[bytes]) -> bytes:
    if name != MANIFEST or size > MANIFEST_LIMIT:
        raise BackupError(f"it is not a backup: it does not begin with {MANIFEST}.")
    return content.read()


def _parse_manifest(text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        version, vendor = manifest["format"], manifest["database"]["vendor"]
        migrations = {(str(app), str(name)) for app, name in manifest["migrations"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BackupError(f"its {MANIFEST} is damaged.") from None
    if version != FORMAT:
        raise BackupError(f"its format is {version!r}, this version reads {FORMAT}: restore it with a newer version.")
    if vendor not in DATABASES or not migrations:
        raise BackupError(f"its {MANIFEST} is damaged.")
    return manifest


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _sum_line(digest: str, name: str) -> bytes:
    """A line in the format of sha256sum."""
    return f"{digest}  {name}\n".encode()


def _compare(listed: IO[bytes], size: int, sums: IO[bytes]) -> None:
    """Compare the archive's list of checksums with the computed ones."""
    computed_size = sums.tell()
    sums.seek(0)
    for computed in sums:
        if listed.read(len(computed)) != computed:
            name = computed.split(b"  ", 1)[1].decode().strip()
            raise BackupError(f"the backup is damaged: {name} does not have its checksum.")
    if size != computed_size:
        raise BackupError("the backup is damaged: files of its list of checksums are missing.")
