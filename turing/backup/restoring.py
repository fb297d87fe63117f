"""Restores a backup. Everything is checked before anything changes; files come first and the database last."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from console import Progress
from turing.backup.archive import DATABASES, MEDIA, RUNS, BackupError, Contents, members, verify
from turing.backup.databases import Database, database, first_line, is_empty
from turing.backup.files import media_folder, require_room, same_content


@dataclass(frozen=True)
class Restored:
    """What was restored. `must_migrate` is set if this version has further migrations."""

    created_at: str
    media_files: int
    run_files: int
    must_migrate: bool


def restore_backup(source: Path, *, force: bool, progress: Progress) -> Restored:
    """Replace the site's database by the backup's, and add the backup's files.

    Files that are not in the backup stay. If a restore is cut short, the database is still the old one, and some files
    may already be there. Restoring again completes it. Raises `BackupError`.
    """
    try:
        with source.open("rb") as stream:
            return _restore(stream, force, progress)
    except BackupError as error:
        raise BackupError(f"{source}: {error}") from None
    except OSError as error:
        raise BackupError(f"{error.filename or source}: {error.strerror or error}.") from None
    except (DatabaseError, sqlite3.Error) as error:
        away = ": move its file away, with those that end in -wal and -shm" if connection.vendor == "sqlite" else ""
        raise BackupError(f"the present database cannot be used ({first_line(error)}){away}.") from None


def _restore(stream: IO[bytes], force: bool, progress: Progress) -> Restored:
    contents = verify(stream, progress)
    site = database()
    _check_fits(contents, site)
    if not (force or is_empty()):
        raise BackupError("the site's database is not empty: replace it with --force, after a backup of its own.")
    site.refuse_if_used()
    _check_room(contents)
    workplace = Path(tempfile.mkdtemp(dir=settings.DATA_DIR, prefix=".restoring-"))
    runs = Path(tempfile.mkdtemp(dir=_made(Path(settings.RUNS_ROOT)), prefix=".restoring-"))
    try:
        dump = workplace / DATABASES[contents.vendor]
        for name, _, content in _files(stream, contents, progress):
            section, _, rest = name.partition("/")
            if name == dump.name:
                _write(dump, content)
                site.check(dump, {(app, name) for app, name in contents.manifest["migrations"]})
            elif section == MEDIA:
                _store(rest, content)
            elif section == RUNS:
                _made((runs / rest).parent)
                _write(runs / rest, content)
        with _placed_runs(runs):
            site.restore(dump)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
        shutil.rmtree(runs, ignore_errors=True)
    executor = MigrationExecutor(connection)
    return Restored(
        created_at=str(contents.manifest.get("created_at", "")),
        media_files=contents.counts[MEDIA],
        run_files=contents.counts[RUNS],
        must_migrate=bool(executor.migration_plan(executor.loader.graph.leaf_nodes())),
    )


def _files(stream: IO[bytes], contents: Contents, progress: Progress) -> Iterator[tuple[str, int, IO[bytes]]]:
    with closing(members(stream)) as found:
        yield from progress(found, "Restoring", total=contents.files, unit="file")


def _check_fits(contents: Contents, site: Database) -> None:
    if contents.vendor != connection.vendor:
        made_on = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[contents.vendor]
        raise BackupError(f"it was made on {made_on}, and the site's database is {site.name} (DATABASE_URL).")
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(migration.replaces)
    unknown = sorted({(app, name) for app, name in contents.manifest["migrations"]} - known)
    if unknown:
        raise BackupError(
            f"it was made by a newer version of this software, with the migration {'.'.join(unknown[0])}: "
            "install that version first."
        )


def _check_room(contents: Contents) -> None:
    data = Path(settings.DATA_DIR)
    require_room(data, 2 * contents.sizes["database"], "the database")
    if (media := media_folder()) is not None:
        on_one_disk = 2 * contents.sizes["database"] + contents.sizes[RUNS]
        require_room(media, contents.sizes[MEDIA] + on_one_disk, "the backup")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, content: IO[bytes]) -> None:
    with path.open("xb") as stream:
        shutil.copyfileobj(content, stream, 1 << 20)


def _store(name: str, content: IO[bytes]) -> None:
    """Save the file in the storage under exactly this name, unless it is there already."""
    if default_storage.exists(name):
        with default_storage.open(name) as present:
            if same_content(present, content):
                return
        content.seek(0)
    # The site's own stores replace a file once the new one is complete. Others keep it and take another name.
    stored = default_storage.save(name, File(content))
    if stored != name:
        default_storage.delete(stored)
        default_storage.delete(name)
        content.seek(0)
        stored = default_storage.save(name, File(content))
    if stored != name:
        default_storage.delete(stored)
        raise BackupError(f"the storage does not take a file named {name}.")


@contextmanager
def _placed_runs(runs: Path) -> Iterator[None]:
    """Move folders of runs into RUNS_ROOT, and back again if what follows fails.

    An existing folder of a run is kept under another name, as a new training does.
    """
    placed: list[tuple[Path, Path, Path | None]] = []
    try:
        for folder in sorted(runs.iterdir()):
            place, earlier = Path(settings.RUNS_ROOT, folder.name), None
            if place.exists():
                earlier = place.with_name(f"{place.name}-before-{time.time_ns()}")
                place.rename(earlier)
            placed.append((folder, place, earlier))
            folder.replace(place)
        yield
    except BaseException:
        for folder, place, earlier in reversed(placed):
            if place.exists():
                place.rename(folder)
            if earlier:
                earlier.rename(place)
        raise
