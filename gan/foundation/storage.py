"""Stores image files by content, so that no name reveals what an image is."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

THREADS = 8  # requests to a remote store at once
IMAGE_FILES = 0x696D616765  # number of the lock; any that nothing else in the database uses


def content_name(content: bytes, suffix: str) -> str:
    """Storage name of the bytes, such as `images/3f/3fa9….png`."""
    digest = hashlib.sha256(content).hexdigest()
    return f"images/{digest[:2]}/{digest}{suffix}"


def save_content(content: bytes, suffix: str) -> str:
    """Store the bytes under their hash, and return the name. Bytes that are there already are not written again."""
    name = content_name(content, suffix)
    return name if _stored_length(name) == len(content) else default_storage.save(name, ContentFile(content))


def missing_files(names: Sequence[str]) -> set[str]:
    """Those of the names under which nothing is stored."""
    with ThreadPoolExecutor(THREADS) as pool:
        return {name for name, length in zip(names, pool.map(_stored_length, names), strict=True) if length is None}


def lock_files() -> None:
    """Until the end of the transaction, let no other process that calls this save or delete images' files.

    Equal bytes are one file. While an import has not committed its rows, a deletion of other images sees none that use
    the file, and removes it. So an import locks, looks whether its files are there, and commits. A deletion locks
    before it looks which files are still used. SQLite locks the whole database at the beginning of every transaction.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [IMAGE_FILES])


def _stored_length(name: str) -> int | None:
    """The number of bytes under the name, in one request to a remote store; None if there is no such file."""
    try:
        return default_storage.size(name)
    except FileNotFoundError:
        return None
