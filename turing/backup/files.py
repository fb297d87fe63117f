"""Image files in the storage, folders of training runs, and the disk space that they need."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.apps import apps
from django.conf import settings
from django.core.files.storage import Storage, default_storage
from django.db.models import FileField

from files import PART
from turing.backup.archive import CHUNK, BackupError


def stored_names(storage: Storage = default_storage, folder: str = "") -> Iterator[str]:
    """Names of all files in the storage."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(files):
        yield f"{folder}/{name}" if folder else name
    for name in sorted(folders):
        yield from stored_names(storage, f"{folder}/{name}" if folder else name)


def named_files() -> set[str]:
    """Names of all files that the database refers to."""
    names: set[str] = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.name == "file" or isinstance(field, FileField):
                names.update(model._default_manager.values_list(field.name, flat=True).iterator())
    return names - {"", None}


def run_files() -> Iterator[Path]:
    """Plain files below RUNS_ROOT, without the locks of running trainings and files that are not complete yet."""
    for folder, folders, files in os.walk(settings.RUNS_ROOT):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and name != "lock" and not name.endswith(PART):
                yield path


def media_folder() -> Path | None:
    """The storage's folder; None if it is not on this machine."""
    try:
        return Path(default_storage.path(""))
    except NotImplementedError:
        return None


def require_room(folder: Path, size: int, purpose: str) -> None:
    """Raise `BackupError` if the disk of the folder has less free space than this."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < size:
        raise BackupError(f"{folder}: {purpose} needs {size / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free. Make room.")


def same_content(first: IO[bytes], second: IO[bytes]) -> bool:
    while (chunk := first.read(CHUNK)) == second.read(CHUNK):
        if not chunk:
            return True
    return False
