"""If a disk fills up during an upload, the sender is told, and nothing of the upload stays."""

import errno
import os
from pathlib import Path

import pytest
from django.urls import reverse

from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from tests.conftest import PASSWORD
from tests.turing.jobs.test_uploads import export, folder_of, send, send_folder, uploads_left
from tests.turing.jobs.test_zips import zipped
from turing.jobs import receiving, uploads
from turing.models import Job

FULL = "disk is full. Nothing was kept"


@pytest.fixture
def visitor(client, researcher, settings, tmp_path):
    settings.UPLOADS_ROOT = tmp_path / "uploads"
    client.login(username=researcher.email, password=PASSWORD)
    return client


class Disk:
    """A file on a disk that fails at one of the calls."""

    def __init__(self, stream, at: str, number: int) -> None:
        self.stream, self.at, self.number = stream, at, number

    def write(self, content: bytes) -> None:
        if self.at == "write":
            raise OSError(self.number, os.strerror(self.number))
        self.stream.write(content)

    def close(self) -> None:
        self.stream.close()
        if self.at == "close":
            raise OSError(self.number, os.strerror(self.number))


@pytest.fixture
def refuse(monkeypatch):
    """Let the disk fail at `write`, at `close` or at a method of `Path`, for files in an upload's folder."""

    def make(at: str, number: int) -> None:
        before = getattr(Path, "open" if at in ("write", "close") else at)

        def act(path, *args, **kwargs):
            if "uploads" not in path.parts:
                return before(path, *args, **kwargs)
            if at in ("write", "close"):
                return Disk(before(path, *args, **kwargs), at, number)
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(Path, "open" if at in ("write", "close") else at, act)

    return make


@pytest.mark.parametrize("at", ["mkdir", "open", "write", "close"])
@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (errno.ENOSPC, 507, FULL),
        (errno.EDQUOT, 507, FULL),
        (errno.EIO, 503, "cannot write to its disk: Input/output error. Nothing was kept"),
    ],
)
def test_the_sender_is_told_and_nothing_stays(visitor, settings, refuse, at, number, status, said):
    refuse(at, number)
    for answer in (send(visitor, zipped(export())), send_folder(visitor, export())):
        assert answer.status_code == status
        assert said in answer.content.decode().replace("&#x27;", "'")
    assert not Job.objects.exists()
    assert uploads_left(settings) == []


def test_a_script_is_told_in_json(visitor, settings, refuse):
    refuse("write", errno.ENOSPC)
    body, kind = folder_of({"a.png": png_bytes(draw_phantom("melanoma", 0, 64, 64))})
    answer = visitor.post(reverse("collections"), body, content_type=kind, headers={"accept": "application/json"})
    assert answer.status_code == 507
    assert FULL in answer.json()["error"]
    assert uploads_left(settings) == []


def test_a_disk_that_would_be_too_full_is_told_before_anything_is_read(visitor, settings, monkeypatch):
    settings.MIN_FREE_MB = 2**40
    monkeypatch.setattr(receiving, "receive", None)
    monkeypatch.setattr(uploads, "new_upload", None)
    answer = send(visitor, zipped(export()))
    assert answer.status_code == 507
    assert "too little room" in answer.content.decode()
    assert uploads_left(settings) == []
