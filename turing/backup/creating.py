"""Makes a backup while the site keeps running."""

import json
import os
import platform
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import django
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from console import Progress
from turing.backup.archive import DATABASES, FORMAT, MANIFEST, MEDIA, RUNS, BackupError, Writer, writing
from turing.backup.databases import database, first_line
from turing.backup.files import media_folder, named_files, require_room, run_files, stored_names


@dataclass
class Made:
    """What went into a backup.

    `missing` are files that the database names but the storage does not have. `vanished` counts files of training runs
    that were deleted while the backup was made.
    """

    size: int = 0
    media_files: int = 0
    run_files: int = 0
    vanished: int = 0
    missing: list[str] = field(default_factory=list)


def create_backup(target: Path, *, with_runs: bool, force: bool, progress: Progress) -> Made:
    """Write the site's database and files into one new file that only its owner can read.

    The database comes first, as of one moment, then the files. A file is stored before the database names it, and stays
    as long as it is named. So every file that the backup's database names is in the backup. The file gets its name when
    it is complete. Raises `BackupError`, and leaves nothing behind.
    """
    target = target.absolute()
    _check_target(target, force)
    try:
        # Beside the target, so that it can be renamed. Only its owner can read it and everything that is made in it.
        workplace = Path(tempfile.mkdtemp(dir=target.parent, prefix=".backup-"))
        try:
            made = _create(workplace, with_runs, progress)
            _check_target(target, force)
            (workplace / "backup").replace(target)
        finally:
            shutil.rmtree(workplace, ignore_errors=True)
        _sync(target.parent)
    except OSError as error:
        raise BackupError(f"{error.filename or target}: {error.strerror or error}.") from None
    except (DatabaseError, sqlite3.Error) as error:
        raise BackupError(f"the database could not be read: {first_line(error)}") from None
    return made


def _check_target(target: Path, force: bool) -> None:
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise BackupError(f"{target} is not a file. Name the file that is to be made.")
    if target.exists() and not force:
        raise BackupError(f"{target} exists already. Name another file, or replace this one with --force.")
    if not target.parent.is_dir():
        raise BackupError(f"{target.parent}: there is no such folder.")
    for folder in (media_folder(), Path(settings.RUNS_ROOT)):
        if folder is not None and target.resolve().is_relative_to(folder.resolve()):
            raise BackupError(f"{target} would lie among the files that it backs up. Name another folder.")


def _create(workplace: Path, with_runs: bool, progress: Progress) -> Made:
    site = database()
    migrations = sorted(MigrationRecorder(connection).applied_migrations())
    if not migrations:
        raise BackupError("the database is empty: there is nothing to back up.")
    require_room(workplace, 2 * site.size(), "the database")
    dump = workplace / "database"
    site.dump(dump)
    named, names = named_files(), list(stored_names())
    missing = sorted(named.difference(names))
    runs = list(run_files()) if with_runs else []
    size = (
        sum(map(_size, names)) if media_folder() is not None else 0
    )  # a remote store would need a request for every size
    require_room(workplace, dump.stat().st_size + size + sum(map(_length, runs)), "the backup")
    manifest = _manifest(migrations, with_runs, missing)
    made = Made(missing=missing)
    with os.fdopen(os.open(workplace / "backup", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        with writing(stream) as writer:
            writer.add(MANIFEST, BytesIO(manifest), len(manifest))
            with dump.open("rb") as content:
                writer.add(DATABASES[connection.vendor], content, dump.stat().st_size)
            for name in progress(names, "Images", unit="file"):
                made.media_files += _add_stored(writer, name, needed=name in named)
            for path in progress(runs, "Runs", unit="file"):
                made.run_files += _add_of_run(writer, path)
            made.vanished = len(runs) - made.run_files
        stream.flush()
        os.fsync(stream.fileno())
        made.size = stream.tell()
    return made


def _size(name: str) -> int:
    try:
        return default_storage.size(name)
    except FileNotFoundError:
        return 0


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _add_stored(writer: Writer, name: str, *, needed: bool) -> bool:
    """Add a stored file, and return whether it was still there. A file that the database does not name may be gone."""
    try:
        with default_storage.open(name) as content:
            writer.add(f"{MEDIA}/{name}", content, content.size)
    except FileNotFoundError:
        if needed:
            raise
        return False
    return True


def _add_of_run(writer: Writer, path: Path) -> bool:
    """Add a file of a training run, and return whether it was still there. Somebody may have deleted the run."""
    try:
        with path.open("rb") as content:  # only up to the length at opening, because logs grow meanwhile
            relative = path.relative_to(settings.RUNS_ROOT).as_posix()
            writer.add(f"{RUNS}/{relative}", content, os.fstat(content.fileno()).st_size)
    except FileNotFoundError:
        return False
    return True


def _manifest(migrations: list[tuple[str, str]], with_runs: bool, missing: list[str]) -> bytes:
    server = ".".join(str(part) for part in connection.get_database_version())
    manifest = {
        "format": FORMAT,
        "created_at": timezone.now().isoformat(timespec="seconds"),
        "software": {"lesion-turing": version("lesion-turing"), "django": django.__version__}
        | {"python": platform.python_version()},
        "database": {"vendor": connection.vendor, "version": server},
        "migrations": migrations,
        "with_runs": with_runs,
        "missing_files": len(missing),
    }
    return json.dumps(manifest, indent=1).encode()


def _sync(folder: Path) -> None:
    """Make sure that the new name is on the disk before anyone is told about it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
