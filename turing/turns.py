"""Who writes next where the database lets one connection write at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection

_turn = threading.Lock()


@contextmanager
def turn_to_write() -> Iterator[None]:
    """On SQLite the threads of a process write one after the other. Raises OperationalError when the wait is too long.

    Without it they wait in SQLite, each asleep for longer and longer while newcomers pass by: the unluckiest of 65
    readers at once waited for more than half a second.
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
