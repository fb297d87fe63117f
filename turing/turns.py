"""Lets threads take turns in writing, for databases that let one connection write at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection

_turn = threading.Lock()


@contextmanager
def turn_to_write() -> Iterator[None]:
    """On SQLite, let the threads of a process write one after the other.

    Raises OperationalError if the wait is too long. Otherwise they would wait in SQLite, each asleep for longer and
    longer while newcomers pass by. Of 65 readers at once, the unluckiest then waited for more than half a second.
    """
    if connection.vendor != "sqlite":
        yield
        return
    if not _turn.acquire(timeout=settings.LOCK_TIMEOUT_S):
        raise OperationalError("database is locked")
    try:
        yield
    finally:
        _turn.release()
