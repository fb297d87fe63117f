"""Limits how many pixels are decoded at once.

A few KB of PNG can hold a GB of pixels, and threads decode in parallel.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

THREADS = min(4, os.cpu_count() or 1)
PIXELS_AT_ONCE = 120_000_000  # pixels of about 20 bytes each while transparency is laid on white, 2.4 GB at most


class Room:
    """Lets work begin only while all current work stays below a limit.

    Work that is larger than the limit runs alone.
    """

    def __init__(self, limit: int = PIXELS_AT_ONCE) -> None:
        self.limit = limit
        self.taken = 0
        self._changed = Condition()

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """Wait until there is room for so many pixels, and hold it within the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self.taken or self.taken + size <= self.limit)
            self.taken += size
        try:
            yield
        finally:
            with self._changed:
                self.taken -= size
                self._changed.notify_all()
