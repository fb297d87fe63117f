"""The worker's part in a job: it runs the job in a separate process, updates its row, and ends it when asked.

The process is `manage.py run_job`. It may load PyTorch, fill the memory or crash, because the worker only watches it.
"""

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils.crypto import get_random_string

from turing import places
from turing.jobs import processes, queue
from turing.jobs.channel import Reader
from turing.models import Job

BEAT = 1.0  # seconds between two looks at the row
HEARTBEAT = 10.0  # seconds between two signs of life if there is nothing else to write
PATIENCE = {"cancel": 20.0, "stop": 8.0, "lost": 0.0}  # seconds in which the process must end by itself
LOG_LINES = 200
RESULT_CHARACTERS = 20_000
PROGRESS = ("done", "total", "label", "log")
OUTCOME = ("result", "report", "error")  # message once the job has ended
WITHOUT_DATABASE = (OperationalError, InterfaceError)

logger = logging.getLogger(__name__)


class Orders:
    """What signals told this process. These are plain flags, because a signal can arrive at any line."""

    stop = False  # give back the current job, and end
    retire = False  # end after the current job
    parent: int | None = None  # when this process ends, everything ends

    def must_stop(self) -> bool:
        return self.stop or (self.parent is not None and os.getppid() != self.parent)


orders = Orders()
worker_name = f"{socket.gethostname()[:60]}-{os.getpid()}-{get_random_string(8)}"


def supervise(job_id: int, attempt: int) -> None:
    """Run the job to its end, however it ends. Does nothing if the attempt is no longer wanted."""
    job = queue.claim(job_id, attempt, worker_name)
    if job is not None:
        Supervision(job).run()


class Supervision:
    """One job in one process."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.told: dict[str, Any] = {}  # what the process reported, the latest of each name
        self.is_news = False
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.ending = ""  # why the process was asked to end, a key of PATIENCE
        self.deadline = 0.0
        self.next_beat = self.next_heartbeat = 0.0

    def run(self) -> None:
        mine, theirs = os.pipe()
        self.reader = Reader(mine)
        command = [*places.COMMAND, "run_job", "--job", str(self.job.pk), "--channel", str(theirs)]
        options = {"cwd": settings.BASE_DIR, "pass_fds": (theirs,), "stdin": subprocess.DEVNULL}
        try:
            try:
                self.process = processes.start(command, ends_by=signal.SIGKILL, **options)
            finally:
                os.close(theirs)
            try:
                self._watch()
            finally:
                processes.end_group(self.process)
                self.process.wait()
            self._take_news()
        finally:
            self.reader.close()
        self._surely(self._record_end)

    def _watch(self) -> None:
        while self.process.poll() is None:
            readable, _, _ = select.select([self.reader.descriptor], [], [], BEAT / 2)
            if readable:
                self._take_news()
                time.sleep(BEAT / 10)  # collect messages that come quickly
            if orders.must_stop():
                self._ask_to_end("stop")
            if time.monotonic() >= self.next_beat:
                self.next_beat = time.monotonic() + BEAT
                self._beat()
            if self.ending and time.monotonic() >= self.deadline:
                processes.end_group(self.process)
                self.process.wait()

    def _take_news(self) -> None:
        for message in self.reader.read():
            if "line" in message:
                self.log.append(message["line"])
                self.told["log"] = "\n".join(self.log)
            else:
                self.told |= message
            self.is_news = True

    def _beat(self) -> None:
        """Write news, and check whether the job is to be cancelled. If the database is busy, do it later."""
        try:
            close_old_connections()
            if self.is_news or time.monotonic() >= self.next_heartbeat:
                if not queue.keep(self.job, **_columns(self.told, PROGRESS)):
                    self._ask_to_end("lost")
                self.is_news, self.next_heartbeat = False, time.monotonic() + HEARTBEAT
            if Job.objects.filter(pk=self.job.pk, attempt=self.job.attempt, cancel_asked=True).exists():
                self._ask_to_end("cancel")
        except WITHOUT_DATABASE as error:
            logger.warning("Job %s: the database does not answer (%s)", self.job.pk, type(error).__name__)
            if not connection.in_atomic_block:
                connection.close()

    def _ask_to_end(self, reason: str) -> None:
        """Interrupt the process like Ctrl-C. Its current work is rolled back, so that nothing is left half done."""
        if not self.ending:
            self.ending, self.deadline = reason, time.monotonic() + PATIENCE[reason]
            self.process.send_signal(signal.SIGINT)

    def _record_end(self) -> None:
        code, job, told = self.process.returncode, self.job, _columns(self.told)
        if code == 0:
            done = {"done": told["total"]} if told.get("total") else {}
            queue.end(job, Job.State.FINISHED, **told | done)
        elif self.ending == "cancel":
            queue.end(job, Job.State.CANCELLED, **told | {"error": _kept(told, "was cancelled")})
        elif self.ending == "stop":
            queue.give_back(job)
        elif not self.ending:
            error = f"{told.get('error') or _reason(code)} {_kept(told, 'ended')}".strip()
            queue.end(job, Job.State.FAILED, **told | {"error": error})

    def _surely(self, act: Callable[[], None], seconds: float = 60) -> None:
        """Do it, even if the database is busy for a while."""
        until = time.monotonic() + seconds
        while True:
            try:
                return act()
            except WITHOUT_DATABASE:
                if time.monotonic() > until or orders.must_stop():
                    raise  # the job will then be found without a heartbeat
                connection.close()
                time.sleep(BEAT)


def _columns(told: dict[str, Any], names: tuple[str, ...] = PROGRESS + OUTCOME) -> dict[str, Any]:
    """Values of the row, cut to the lengths that it can hold."""
    known = {name: told[name] for name in names if name in told}
    if "label" in known:
        known["label"] = known["label"][:200]
    if "result" in known:
        known["result"] = known["result"][-RESULT_CHARACTERS:]
    return known


def _reason(code: int) -> str:
    if code == -signal.SIGKILL:
        return (
            "The operating system killed the work (signal 9), for example for lack of memory. You can start it again."
        )
    if code < 0:
        return f"The work ended by {signal.Signals(-code).name}. You can start it again."
    return "The work failed. The site's log says why."


def _kept(told: dict[str, Any], how: str) -> str:
    """A sentence about what an unfinished import has left in the record."""
    report = told.get("report") or {}
    if not report.get("imported") or report.get("dry_run") or report.get("complete"):
        return ""
    return f"{report['imported']} images were imported before it {how}. Start it again to import the rest."
