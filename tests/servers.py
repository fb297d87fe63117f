"""A real gunicorn on the test's database and files."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from turing.jobs import processes

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Server:
    """A gunicorn that answers."""

    address: str
    process: subprocess.Popen
    log: Path


def database_url() -> str:
    """The address of the test database, for another process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    user = ":".join(quote(part, safe="") for part in (values["USER"], values["PASSWORD"]) if part)
    port = f":{values['PORT']}" if values["PORT"] else ""
    return f"postgres://{user}@{quote(values['HOST'], safe='')}{port}/{values['NAME']}"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def gunicorn(
    data: Path, *, workers: int = 2, options: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Serve the test's database and the data folder until the block ends.

    `options` are gunicorn's own, `variables` go into its environment. It ends with the process that called this.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    own = {"DATABASE_URL": database_url(), "DATA_DIR": str(data), "SECRET_KEY": "test", "BACKGROUND_WORKER": "0"}
    command = [sys.executable, "-m", "gunicorn", "turing.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(workers), "--graceful-timeout", "5", *options]
    path = data / f"gunicorn-{port}.log"
    with path.open("w") as log:
        environment = os.environ | own | dict(variables or {})
        process = processes.start(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"{address}/healthz", process, path)
        yield Server(address, process, path)
    finally:
        processes.stop(process)


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, f"gunicorn ended at its start:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            try:
                process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"gunicorn did not answer:\n{log.read_text()}")
