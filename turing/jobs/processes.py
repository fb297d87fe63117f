"""Starts processes that end with their parent.

It uses only the standard library, because gunicorn's master imports it.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
FIRST_TO_GO = 500  # of 1000; Linux adds it to a process's share of the memory
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def start(command: Sequence[str], *, ends_by: int = signal.SIGTERM, **options: Any) -> subprocess.Popen:
    """Start a process in a group of its own that gets the signal when this process ends, even by `kill -9`.

    Only Linux guarantees the latter. Elsewhere the process must check whether its parent still exists.
    """
    starter = os.getpid()

    def follow() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, ends_by)
            if os.getppid() != starter:  # the parent ended before the line above
                os._exit(1)

    return subprocess.Popen(command, start_new_session=True, preexec_fn=follow, **options)


def stop(process: subprocess.Popen, by: int = signal.SIGTERM, patience: float = 20) -> None:
    """Ask the process to end. After `patience` seconds, kill its whole group."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            end_group(process)
            process.wait()


def end_group(process: subprocess.Popen) -> None:
    """Kill the process and everything that it started."""
    with suppress(ProcessLookupError, PermissionError):  # it has ended
        os.killpg(process.pid, signal.SIGKILL)


def go_first() -> None:
    """If memory runs out, let Linux kill this process and not the site that started its job."""
    with suppress(OSError):  # another system
        own = Path("/proc/self/oom_score_adj")
        own.write_text(str(max(FIRST_TO_GO, int(own.read_text()))))
