"""Killed or cancelled imports report what is in the record, and can be started again."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.urls import reverse

from gan.importing import writing
from gan.models import LesionImage
from tests.conftest import PASSWORD
from tests.turing.jobs.test_uploads import do, export, send, uploads_left
from tests.turing.jobs.test_zips import zipped
from turing.jobs import queue, uploads
from turing.jobs.supervisor import Supervision
from turing.jobs.uploads import Upload
from turing.jobs.work import Commands
from turing.models import Job


class Killed(BaseException):
    """Stands for a signal that ends the process."""


@pytest.fixture
def visitor(client, researcher, settings, tmp_path):
    settings.UPLOADS_ROOT = tmp_path / "uploads"
    client.login(username=researcher.email, password=PASSWORD)
    return client


@pytest.fixture
def importing(visitor) -> Job:
    """A waiting import of five good images."""
    send(visitor, zipped(export()))
    visitor.post(reverse("job-import", args=[do(Job.objects.get()).pk]))
    return Job.objects.get(kind="import")


def die(*args, **kwargs):
    raise Killed


@pytest.mark.parametrize(("owner", "name"), [(Path, "rename"), (shutil, "rmtree")])
def test_an_import_that_is_killed_while_the_upload_goes_is_finished_when_it_begins_again(
    visitor, importing, settings, monkeypatch, owner, name
):
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die)
        with pytest.raises(Killed):
            do(importing)
    assert LesionImage.objects.count() == 5
    assert Upload(importing.arguments["upload"]).is_there == (name == "rename"), "all of it or nothing"
    importing.refresh_from_db()
    assert queue.end(importing, "failed", error="killed")
    visitor.post(reverse("job-again", args=[importing.pk]))
    done = do(importing)
    assert (done.state, done.report["imported"], done.report["rejected_count"]) == ("finished", 5, 1)
    assert LesionImage.objects.count() == 5
    uploads.remove_expired()
    assert uploads_left(settings) == []


def test_an_attempt_that_is_no_longer_wanted_leaves_the_upload_to_the_next(importing, monkeypatch):
    monkeypatch.setattr(queue, "keep", lambda job, **values: False)
    do(importing)
    assert Upload(importing.arguments["upload"]).is_there


ENDS = [("cancel", "cancelled", "was cancelled"), ("", "failed", "ended")]


@pytest.mark.parametrize(("ending", "state", "how"), ENDS)
def test_what_was_imported_before_the_end_is_told(importing, monkeypatch, ending, state, how):
    monkeypatch.setattr(writing, "BATCH", 2)
    told = []

    def tell(commands, report):
        told.append(report)
        if len(told) == 2:
            raise Killed

    monkeypatch.setattr(Commands, "tell", tell)
    with pytest.raises(Killed):
        do(importing)
    importing.refresh_from_db()
    supervision = Supervision(importing)
    supervision.process, supervision.ending = SimpleNamespace(returncode=-9), ending
    supervision.told = {"report": told[-1]}
    supervision._record_end()
    importing.refresh_from_db()
    assert importing.state == state
    assert importing.report["imported"] == LesionImage.objects.count() == 3
    assert f"3 images were imported before it {how}. Start it again to import the rest." in importing.error
    assert ("killed the work (signal 9), for example for lack of memory" in importing.error) == (state == "failed")
