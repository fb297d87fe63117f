"""Processes that end with whoever started them. Only the standard library: gunicorn's master imports this."""

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
FIRST_TO_GO = 500  # of 1000 that Linux adds to a process's share of the memory
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def start(command: Sequence[str], *, ends_by: int = signal.SIGTERM, **options: Any) -> subprocess.Popen:
    """Start a process in a group of its own that gets the signal when this process ends, by `kill -9` too.

    Only Linux promises the latter; elsewhere the process has to look whether its parent is still there.
    """
    starter = os.getpid()

    def follow() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, ends_by)
            if os.getppid() != starter:  # it ended before the line above
                os._exit(1)

    return subprocess.Popen(command, start_new_session=True, preexec_fn=follow, **options)


def stop(process: subprocess.Popen, by: int = signal.SIGTERM, patience: float = 20) -> None:
    """Ask the process to end; after `patience` seconds end its whole group."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            end_group(process)
            process.wait()


def end_group(process: subprocess.Popen) -> None:
    """Kill the process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):  # it has ended
        os.killpg(process.pid, signal.SIGKILL)


def go_first() -> None:
    """Where the memory is full, Linux shall end this process and not the site, from which its job came."""
    with suppress(OSError):  # another system
        own = Path("/proc/self/oom_score_adj")
        own.write_text(str(max(FIRST_TO_GO, int(own.read_text()))))
