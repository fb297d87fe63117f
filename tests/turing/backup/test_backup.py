"""A backup holds everything, as of one moment, and can be restored completely."""

import http.client
import json
import resource
import shutil
import stat
import tarfile
import threading
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from gan.models import LesionImage
from tests.conftest import make_reader
from tests.servers import gunicorn
from tests.turing.backup.conftest import backup, files, rows
from turing.backup import creating
from turing.backup.archive import BackupError
from turing.backup.databases import database
from turing.models import Reading, Response, User
from turing.reading.passage import start_reading

CSRF = "c" * 32


def test_a_backup_restored_elsewhere_is_the_same_row_for_row_and_file_for_file(
    data_root, transactional_db, study, researcher, elsewhere, tmp_path
):
    call_command("simulate_readers", study.slug, readers=3)
    made = backup(tmp_path / "site.tar", with_runs=True)
    assert made["missing_files"] == []
    done = elsewhere.manage("restore", str(tmp_path / "site.tar"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["media_files"], found["must_migrate"]) == (made["media_files"], False)
    with closing(elsewhere.connection()) as other:
        assert rows(other) == rows()
    assert files(elsewhere.data / "media") == files(data_root / "media")
    runs = files(data_root / "runs")
    assert files(elsewhere.data / "runs") == {name: digest for name, digest in runs.items() if "lock" not in name}
    assert len(runs) > 5
    assert len(files(data_root / "media")) == made["media_files"] > 60
    again = elsewhere.manage("export_results", study.slug, "--format", "csv", "--readers", "simulated")
    assert len(again.stdout.splitlines()) == 3 * 20 + 1
    # New rows get keys of their own: the counters came along.
    assert elsewhere.manage("simulate_readers", study.slug, "--readers", "1", "--seed", "9").returncode == 0


class Answering(threading.Thread):
    """A reader who answers one image after the other over HTTP, and remembers what was acknowledged."""

    def __init__(self, address: str, reading: Reading, acknowledged: list, enough: threading.Event):
        super().__init__()
        client = Client()
        client.force_login(reading.reader.user)
        session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        self.headers = {
            "Cookie": f"{django_settings.SESSION_COOKIE_NAME}={session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self.address, self.reading_id, self.slug = urlsplit(address), reading.pk, reading.study.slug
        self.total = reading.trials.count()
        self.acknowledged, self.enough = acknowledged, enough

    def run(self):
        for position in range(1, self.total + 1):
            answer = "real" if (position + self.reading_id) % 3 else "generated"
            body = f"position={position}&answer={answer}&confidence=2&response_time_ms=700"
            line = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=60)
            line.request("POST", f"/studies/{self.slug}/trials/{position}/", body, self.headers)
            if line.getresponse().status == 302:
                self.acknowledged.append((self.reading_id, position, answer))
            line.close()
            if len(self.acknowledged) >= 10:
                self.enough.set()


def stored() -> set[tuple]:
    return set(Response.objects.values_list("trial__reading_id", "trial__position", "answer"))


def test_every_answer_acknowledged_before_a_backup_began_is_in_it(data_root, transactional_db, study, tmp_path):
    """Four readers answer while it is made. The site must be stopped before it is restored."""
    readings = [start_reading(study, make_reader(f"{number}@test.example")) for number in range(4)]
    acknowledged, enough = [], threading.Event()
    with gunicorn(
        data_root, options=["--threads", "2"], variables={"SECRET_KEY": django_settings.SECRET_KEY}
    ) as server:
        readers = [Answering(server.address, reading, acknowledged, enough) for reading in readings]
        for reader in readers:
            reader.start()
        assert enough.wait(120), server.log.read_text()
        before = set(acknowledged)
        backup(tmp_path / "site.tar")
        for reader in readers:
            reader.join()
        assert len(acknowledged) == 80
        everything = stored()
        assert everything == set(acknowledged)
        with pytest.raises(CommandError, match="Stop the site"):
            call_command("restore", str(tmp_path / "site.tar"), force=True)
        assert stored() == everything
    call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert before <= stored() <= everything
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_backup_is_for_its_owner_alone_and_logs_nobody_in(small_site, client, tmp_path):
    client.force_login(User.objects.get())
    session = client.session.session_key
    backup(tmp_path / "site.tar")
    assert stat.S_IMODE((tmp_path / "site.tar").stat().st_mode) == 0o600
    assert session.encode() not in (tmp_path / "site.tar").read_bytes()
    call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert User.objects.get().reader
    assert client.get("/accounts/profile/").status_code == 302


def test_it_can_be_read_without_this_program(small_site, tmp_path):
    backup(tmp_path / "site.tar")
    with tarfile.open(tmp_path / "site.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
        names = tar.getnames()
    assert names[0] == "manifest.json"
    listed = (tmp_path / "out" / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in listed)}
    found = files(tmp_path / "out")
    del found["SHA256SUMS"]
    assert sums == found


def test_a_file_that_exists_is_replaced_with_force_alone(small_site, tmp_path):
    target = tmp_path / "site.tar"
    target.write_text("last week's")
    with pytest.raises(CommandError, match="exists"):
        backup(target)
    assert target.read_text() == "last week's"
    backup(target, force=True)
    assert tarfile.is_tarfile(target)


@pytest.mark.parametrize("name", ["nowhere/site.tar", "data/media/site.tar", "."])
def test_a_target_that_cannot_be_is_refused(small_site, tmp_path, name):
    before = files(tmp_path)
    with pytest.raises(CommandError):
        backup(tmp_path / name)
    assert {name: digest for name, digest in files(tmp_path).items() if "sqlite3" not in name} == {
        name: digest for name, digest in before.items() if "sqlite3" not in name
    }


@contextmanager
def disk_of(size: int):
    """No file may grow beyond this size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [50_000, 800_000])
def test_a_disk_that_fills_up_leaves_no_half_written_file(small_site, tmp_path, size):
    default_storage.save("large.bin", ContentFile(bytes(2_000_000)))
    target = tmp_path / "backups" / "site.tar"
    target.parent.mkdir()
    with disk_of(size), pytest.raises(CommandError) as failure:
        backup(target)
    assert "\n" not in str(failure.value)
    assert list(target.parent.iterdir()) == []
    backup(target)


def test_a_file_that_the_storage_lacks_is_named(small_site, tmp_path):
    lost = LesionImage.objects.first().file
    default_storage.delete(lost)
    assert backup(tmp_path / "site.tar")["missing_files"] == [lost]


def test_a_run_that_is_deleted_meanwhile_is_counted_and_the_backup_is_made(small_site, tmp_path, monkeypatch, capsys):
    runs = small_site / "runs"
    for name in ("1/log.csv", "1/step.safetensors", "2/log.csv", "2/.x9.part"):
        (runs / name).parent.mkdir(parents=True, exist_ok=True)
        (runs / name).write_text(name)
    packed = creating._add_stored

    def delete(writer, name, **options):  # while images are packed, when the files of runs are already listed
        shutil.rmtree(runs / "1", ignore_errors=True)
        return packed(writer, name, **options)

    monkeypatch.setattr(creating, "_add_stored", delete)
    made = backup(tmp_path / "site.tar", with_runs=True)
    assert (made["run_files"], made["vanished_run_files"], made["media_files"]) == (1, 2, 3)
    assert "not in it: 2 files of training runs" in capsys.readouterr().err
    with tarfile.open(tmp_path / "site.tar") as tar:
        assert [name for name in tar.getnames() if name.startswith("runs/")] == ["runs/2/log.csv"]
    call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert (runs / "2/log.csv").read_text() == "2/log.csv"


def test_images_in_a_store_that_is_no_folder_are_backed_up_too(settings, folders, transactional_db, tmp_path):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    content = {f"images/{number}/{number}.png": f"image {number}".encode() for number in range(3)}
    for name, image in content.items():
        default_storage.save(name, ContentFile(image))
    assert backup(tmp_path / "site.tar")["media_files"] == 3
    first, second, third = content
    default_storage.delete(first)
    with default_storage.open(second, "wb") as stream:
        stream.write(b"another image")
    call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert {name: default_storage.open(name).read() for name in content} == content
    assert default_storage.exists(third)


def test_a_restore_that_fails_leaves_runs_and_images_as_they_were(small_site, tmp_path, monkeypatch):
    run = small_site / "runs" / "1"
    run.mkdir(parents=True)
    (run / "snapshot").write_text("of the backup")
    backup(tmp_path / "site.tar", with_runs=True)
    (run / "snapshot").write_text("of today")
    large = LesionImage.objects.first().file
    (small_site / "media" / large).write_text("another image")
    before = files(small_site)

    def refuse(self, dump):
        raise BackupError("the database is in use")

    monkeypatch.setattr(type(database()), "restore", refuse)
    with pytest.raises(CommandError, match="in use"):
        call_command("restore", str(tmp_path / "site.tar"), force=True)
    after = files(small_site)
    assert {name: one for name, one in after.items() if "media" not in name} == {
        name: one for name, one in before.items() if "media" not in name
    }
    assert list((small_site / "runs").iterdir()) == [run]
    monkeypatch.undo()
    (small_site / "media" / large).write_text("another image")
    with disk_of(2_000), pytest.raises(CommandError):  # the disk is full before the image is written
        call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert (small_site / "media" / large).read_text() == "another image"
    call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert (run / "snapshot").read_text() == "of the backup"


def test_images_come_back_and_those_that_are_right_stay(small_site, tmp_path):
    before = files(small_site / "media")
    backup(tmp_path / "site.tar")
    lost, damaged, kept = LesionImage.objects.values_list("file", flat=True)
    default_storage.delete(lost)
    (small_site / "media" / damaged).write_text("another image")
    written = (small_site / "media" / kept).stat().st_mtime_ns
    default_storage.save("added-since.png", ContentFile(b"new"))
    LesionImage.objects.all().delete()
    call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert LesionImage.objects.count() == 3
    after = files(small_site / "media")
    assert after.pop("added-since.png")
    assert after == before
    assert (small_site / "media" / kept).stat().st_mtime_ns == written
