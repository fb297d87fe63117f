"""A real gunicorn with the project's own configuration, and clients that speak plain sockets."""

import ctypes
import http.client
import http.cookiejar
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import database_url, free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    """A running gunicorn."""

    process: subprocess.Popen
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def status(self, request: bytes) -> int:
        """The status of the answer to these bytes."""
        with self.socket() as client:
            client.sendall(request)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            return answer.status

    def get(self, path: str) -> int:
        return self.status(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]


def end_with_parent() -> None:
    """Let the kernel end this process when pytest ends, however it ends."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@pytest.fixture
def serve(transactional_db, data_root, tmp_path) -> Iterator[Callable[..., Server]]:
    """Start a gunicorn on the test's database. `settings` are environment variables."""
    started: list[Server] = []

    def start(
        *options: str, port: int | None = None, python: str = sys.executable, folder: Path = ROOT, **settings: str
    ) -> Server:
        port = port or free_port()
        log = tmp_path / f"gunicorn-{len(started)}.log"
        own = {"DATABASE_URL": database_url(), "DATA_DIR": str(data_root), "SECRET_KEY": "test"}
        own["BACKGROUND_WORKER"] = "0"
        with log.open("w") as stream:
            process = subprocess.Popen(
                [python, "-m", "gunicorn", "turing.wsgi", "--bind", f"127.0.0.1:{port}", *options],
                cwd=folder,
                env=os.environ | own | settings,
                stdout=stream,
                stderr=stream,
                preexec_fn=end_with_parent,
            )
        server = Server(process, port, log)
        started.append(server)
        _wait_for(server)
        return server

    yield start
    for server in started:
        server.process.terminate()
    for server in started:
        try:
            server.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


def _wait_for(server: Server) -> None:
    for _ in range(300):
        assert server.process.poll() is None, server.log.read_text()
        try:
            if server.get("/healthz") == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        try:
            server.process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(server.log.read_text())


class Visitor:
    """A client with cookies."""

    def __init__(self, server: Server):
        self.server = server
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def open(self, path: str, **fields: str) -> tuple[str, str]:
        """The address and text of the page on which a GET (or, with fields, a POST with the CSRF token) ends."""
        data = None
        if fields:
            token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
            data = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": token}).encode()
        with self.opener.open(self.server.address + path, data, timeout=60) as page:
            return page.url, page.read().decode()
