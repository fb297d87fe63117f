"""The worker's part of a job: runs it in a process of its own, keeps its row up to date, ends it when asked.

The process is `manage.py run_job`. It may load PyTorch, fill the memory or crash: the worker only watches it.
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
HEARTBEAT = 10.0  # seconds between two signs of life where nothing else is to be written
PATIENCE = {"cancel": 20.0, "stop": 8.0, "lost": 0.0}  # seconds to end by itself
LOG_LINES = 200
RESULT_CHARACTERS = 20_000
PROGRESS = ("done", "total", "label", "log")
OUTCOME = ("result", "report", "error")  # told once the job has ended
WITHOUT_DATABASE = (OperationalError, InterfaceError)

logger = logging.getLogger(__name__)


class Orders:
    """What signals told this process; plain flags, since a signal may come at any line."""

    stop = False  # give back the job in hand, and end
    retire = False  # end after the job in hand
    parent: int | None = None  # when it has ended, all ends

    def must_stop(self) -> bool:
        return self.stop or (self.parent is not None and os.getppid() != self.parent)


orders = Orders()
worker_name = f"{socket.gethostname()[:60]}-{os.getpid()}-{get_random_string(8)}"


def supervise(job_id: int, attempt: int) -> None:
    """Run the job to its end, whatever that is. Does nothing where the attempt is no longer wanted."""
    job = queue.claim(job_id, attempt, worker_name)
    if job is not None:
        Supervision(job).run()


class Supervision:
    """One job in one process."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.told: dict[str, Any] = {}  # by the process, the last of each name
        self.is_news = False
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.ending = ""  # why the process was asked to end, as PATIENCE has it
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
                time.sleep(BEAT / 10)  # gather what comes fast
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
        """Write what is new, and look whether the job is to be cancelled; a database that is busy is asked later."""
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
        """As Ctrl-C does: what the work has in hand is rolled back, and nothing half-done stays."""
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
        """Do it, also where the database is busy for a while."""
        until = time.monotonic() + seconds
        while True:
            try:
                return act()
            except WITHOUT_DATABASE:
                if time.monotonic() > until or orders.must_stop():
                    raise  # the job is found without a heartbeat then
                connection.close()
                time.sleep(BEAT)


def _columns(told: dict[str, Any], names: tuple[str, ...] = PROGRESS + OUTCOME) -> dict[str, Any]:
    """Values of the row, of the lengths that it holds."""
    known = {name: told[name] for name in names if name in told}
    if "label" in known:
        known["label"] = known["label"][:200]
    if "result" in known:
        known["result"] = known["result"][-RESULT_CHARACTERS:]
    return known


def _reason(code: int) -> str:
    if code == -signal.SIGKILL:
        return "The work was ended from outside (signal 9), for example for lack of memory. It can be started again."
    if code < 0:
        return f"The work ended by {signal.Signals(-code).name}. It can be started again."
    return "The work could not be done; the site's log says why."


def _kept(told: dict[str, Any], how: str) -> str:
    """What an import that did not come to its end has left in the record."""
    report = told.get("report") or {}
    if not report.get("imported") or report.get("dry_run") or report.get("complete"):
        return ""
    return f"{report['imported']} images were imported before it {how}; start again to bring in the rest."
