"""A gunicorn under load, and the process that sends the load."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from benchmarks.load.databases import children, tree_cpu

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Site:
    """gunicorn as the README starts it, on its own port. `application` is the site, or the site with bare views."""

    def __init__(self, variables: dict[str, str], log: Path, application: str = "turing.wsgi", workers: int = 2):
        self.port, self.log = free_port(), log
        # Without the background worker, because the cost of readers is measured, and chaos kills web workers.
        self.variables = os.environ | {"BACKGROUND_WORKER": "0"} | variables
        self.command = [sys.executable, "-m", "gunicorn", application, "--workers", str(workers)]
        self.command += ["--bind", f"127.0.0.1:{self.port}"]
        self.start()

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.variables, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, path: str = "/healthz", seconds: float = 60) -> None:
        """Wait until the page answers 200."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise SystemExit(f"gunicorn ended at its start; {self.log} says:\n{self.log.read_text()[-2000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10):
                    return
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"gunicorn did not answer in {seconds:.0f} s; see {self.log}")

    def cpu(self) -> float:
        """Processor seconds of master and workers."""
        return tree_cpu(self.process.pid)

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def memory(self) -> dict[str, float]:
        """Megabytes of the largest worker: `rss`, and `pss`, which divides memory that workers share."""
        found = [_memory_of(pid) for pid in self.workers()]
        return {key: max(one[key] for one in found) for key in ("rss", "pss")}

    def kill_worker(self, index: int) -> None:
        alive = self.workers()
        if alive:
            os.kill(alive[index % len(alive)], signal.SIGKILL)

    def kill_master(self) -> None:
        """Kill only the master. Its workers notice, and end by themselves."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def _memory_of(pid: int) -> dict[str, float]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {"rss": int(lines["Rss"].split()[0]) / 1024, "pss": int(lines["Pss"].split()[0]) / 1024}


class Generator:
    """The process that sends requests. It does one job at a time."""

    def __init__(self):
        command = [sys.executable, "-m", "benchmarks.load.generator"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, site: Site, **job) -> None:
        self.process.stdin.write(json.dumps(job | {"host": "127.0.0.1", "port": site.port}) + "\n")
        self.process.stdin.flush()

    def finish(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def run(self, site: Site, **job) -> dict:
        self.begin(site, **job)
        return self.finish()

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)
