"""Keeps one background worker running as long as gunicorn runs: starts it, restarts it, and ends it.

gunicorn's master starts this as a separate process and loads nothing of the site for it. The module is small and does
nothing else, so that little in it can fail.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from turing import places
from turing.jobs import processes

WORKER_PATIENCE = 15  # seconds for a worker to end its job and itself
KEEPER_PATIENCE = 20
LONGEST_PAUSE = 60  # seconds between two starts of a worker that ends at once
NICE = 10  # readers' requests have priority over background work
GOOD_RUN = 60  # seconds after which a worker counts as started


def start(folder: Path) -> subprocess.Popen:
    """Start the keeper, from gunicorn's master. `folder` is the one that data paths start from."""
    # A worker needs no pool of connections, and its metrics do not belong to web requests.
    own = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    command = [sys.executable, "-m", "turing.jobs.keeper", str(os.getpid())]
    return processes.start(command, ends_by=signal.SIGTERM, cwd=folder, env=own | {"DATABASE_POOL": "0"})


def stop(keeper: subprocess.Popen) -> None:
    """End the keeper and its worker, from gunicorn's master. The current job begins again with the next worker."""
    processes.stop(keeper, patience=KEEPER_PATIENCE)


class Keeper:
    """The main loop of the keeper's process."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.stopping = False
        self.renewing = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._renew)

    def _stop(self, *signal_and_frame: object) -> None:
        self.stopping = True

    def _renew(self, *signal_and_frame: object) -> None:
        self.renewing = True

    def run(self) -> None:
        pause = 1.0
        while not self._is_over():
            began = time.monotonic()
            command = [*places.COMMAND, "run_worker", "--parent", str(os.getpid())]
            worker = processes.start(command, ends_by=signal.SIGTERM)
            while worker.poll() is None and not self._is_over():
                if self.renewing:  # new code was deployed, so the worker ends after its current job
                    self.renewing = False
                    worker.send_signal(signal.SIGHUP)
                time.sleep(0.2)
            processes.stop(worker, patience=WORKER_PATIENCE)
            failed_early = worker.returncode != 0 and time.monotonic() - began < GOOD_RUN
            pause = min(2 * pause, LONGEST_PAUSE) if failed_early else 1.0
            until = time.monotonic() + pause
            while time.monotonic() < until and not self._is_over():
                time.sleep(0.2)

    def _is_over(self) -> bool:
        return self.stopping or os.getppid() != self.parent


if __name__ == "__main__":
    os.nice(NICE)
    Keeper(int(sys.argv[1])).run()
