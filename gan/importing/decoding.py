"""How much is decoded at once: a few KB of a PNG can be a GB of pixels, and threads decode side by side."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

THREADS = min(4, os.cpu_count() or 1)
PIXELS_AT_ONCE = 120_000_000  # of about 20 bytes each while transparency is laid on white: 2.4 GB at most


class Room:
    """Lets work begin only while all that is at work stays below a limit; what is larger than that works alone."""

    def __init__(self, limit: int = PIXELS_AT_ONCE) -> None:
        self.limit = limit
        self.taken = 0
        self._changed = Condition()

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """Waits until there is room for so many pixels, and holds it within the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self.taken or self.taken + size <= self.limit)
            self.taken += size
        try:
            yield
        finally:
            with self._changed:
                self.taken -= size
                self._changed.notify_all()
