"""Processes that tests start: none outlives the process that started it, however that one ends."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def start(command: Sequence[str], *, ends_by: int = signal.SIGTERM, **options: Any) -> subprocess.Popen:
    """Start a process in a group of its own that gets the signal when this process ends, by `kill -9` too.

    Only Linux can promise the latter; elsewhere `stop` alone ends the process. Options are those of `subprocess.Popen`.
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
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
