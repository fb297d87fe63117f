"""Measures how long work takes."""

import time
from collections.abc import Callable


def fastest(work: Callable[[], object], rounds: int = 1) -> float:
    """Seconds of the fastest of some rounds."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
