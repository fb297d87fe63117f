"""The lock that a training holds on its run's folder. Uses no PyTorch, so that pages can ask for it."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"  # file in the run's folder
TRIES, PAUSE_S = 5, 0.05  # because `is_locked` has the lock for a moment, too


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder. The system frees it when the process ends in any way.

    Raises `BlockingIOError` if another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        for left in reversed(range(TRIES)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(PAUSE_S)
        yield


def is_locked(folder: Path) -> bool | None:
    """Whether a process holds the lock of the folder; None if there is no lock, because nothing ever held it here."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except OSError:  # it is held, or another user's
        return True
    return False
