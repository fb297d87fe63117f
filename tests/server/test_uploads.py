"""A large upload goes through gunicorn to the disk, never into memory. A stranger's upload is not read."""

import http.client
import http.cookiejar
import os
import re
import secrets
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import PASSWORD
from tests.server.conftest import Visitor
from turing.jobs.uploads import Upload
from turing.models import Job
from turing.serving.server import BufferingWorker

SIZE = 80 * 2**20
BOUNDARY = secrets.token_hex(16)  # as long as a browser's: a short one can occur in the noise of the archive


@pytest.fixture
def archive(tmp_path) -> Path:
    """A zip of 80 MB with 200 files of noise."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as stream:
        for index in range(200):
            stream.writestr(f"melanoma/{index}.png", os.urandom(SIZE // 200))
    return path


def most_memory(server) -> int:
    """The most bytes that any web worker ever used."""
    status = [Path(f"/proc/{pid}/status").read_text() for pid in server.workers()]
    return max(int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) * 1024 for text in status)


def form(fields: dict[str, str]) -> tuple[bytes, bytes]:
    head = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="archive"; filename="a.zip"\r\n\r\n'.encode()
    return head, f"\r\n--{BOUNDARY}--\r\n".encode()


def begin(server, cookies: http.cookiejar.CookieJar, size: int) -> tuple[http.client.HTTPConnection, bytes]:
    """A request whose headers and fields are sent, and the bytes that must follow a zip of this size."""
    values = {cookie.name: cookie.value for cookie in cookies}
    head, tail = form({"csrfmiddlewaretoken": values.get("csrftoken", ""), "origin": "real", "name": "Clinic A"})
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    client.putrequest("POST", "/research/collections/")
    client.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    client.putheader("Content-Length", str(len(head) + size + len(tail)))
    client.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in values.items()))
    client.endheaders(head)
    return client, tail


def test_it_is_never_in_memory(serve, researcher, archive):
    server = serve()
    visitor = Visitor(server)
    visitor.open("/accounts/login/")
    visitor.open("/accounts/login/", username=researcher.email, password=PASSWORD)
    visitor.open("/research/collections/")
    before = most_memory(server)
    client, tail = begin(server, visitor.cookies, archive.stat().st_size)
    with archive.open("rb") as stream:
        while chunk := stream.read(2**20):
            client.send(chunk)
    client.send(tail)
    answer = client.getresponse()
    assert answer.status == 302
    job = Job.objects.get()
    assert answer.headers["Location"] == job.get_absolute_url()
    upload = Upload(job.arguments["upload"])
    assert upload.archive.stat().st_size == archive.stat().st_size
    assert most_memory(server) - before < SIZE / 4
    upload.remove()


def test_a_stranger_is_answered_before_anything_is_read(serve, settings):
    server = serve()
    client, _ = begin(server, http.cookiejar.CookieJar(), SIZE)
    answer = client.getresponse()
    assert answer.status == 302
    assert answer.headers["Location"].startswith("/accounts/login/")
    assert list(Path(settings.UPLOADS_ROOT).glob("*")) == []


class Connection:
    """The parts of gunicorn's connection that matter for its time limits."""

    def __init__(self, deadline: float | None) -> None:
        self.sock = object()
        self.parser = SimpleNamespace(unreader=SimpleNamespace(deadline=deadline))


def test_a_view_that_takes_large_bodies_may_take_its_time():
    worker = object.__new__(BufferingWorker)
    large, other, whole = Connection(5.0), Connection(5.0), Connection(None)
    worker.busy = dict.fromkeys((large, other, whole), 5.0)
    worker._allow(large.sock, 3600)
    worker._allow(whole.sock, 3600)
    assert worker.busy[large] == large.parser.unreader.deadline > time.monotonic() + 3600
    assert worker.busy[other] == other.parser.unreader.deadline == 5.0
    assert whole.parser.unreader.deadline is None, "what has arrived in full is not read on"
