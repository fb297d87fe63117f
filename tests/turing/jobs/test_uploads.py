"""A researcher uploads a collection, sees how it was recognised, and imports it. Nothing is half imported."""

import csv
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, get_commands
from django.db import connection
from django.test import Client
from django.urls import reverse

from console import UserError
from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import LesionImage
from tests.conftest import PASSWORD
from tests.turing.jobs.test_zips import zipped
from turing.jobs import queue
from turing.jobs.collections import import_checked
from turing.jobs.imports import without_place
from turing.jobs.uploads import Upload, new_upload
from turing.models import Job

ABOUT = {"origin": "real", "name": "Clinic A", "licence": "CC-BY-4.0", "attribution": "Clinic A"}
has_import_images = pytest.mark.skipif("import_images" not in get_commands(), reason="needs import_images")
has_import_generated = pytest.mark.skipif("import_generated" not in get_commands(), reason="needs import_generated")


@pytest.fixture
def visitor(client, researcher):
    client.login(username=researcher.email, password=PASSWORD)
    return client


@pytest.fixture(autouse=True)
def clean(settings, data_root):
    yield
    for folder in Path(settings.UPLOADS_ROOT).glob("*"):
        Upload(folder.name).remove()


def uploads_left(settings) -> list[str]:
    return sorted(folder.name for folder in Path(settings.UPLOADS_ROOT).glob("*"))


def export(count: int = 6) -> dict[str, bytes]:
    """An ISIC export of phantoms, one of whose files is damaged."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["isic_id", "lesion_id", "diagnosis", "copyright_license", "attribution"])
    files = {}
    for index in range(count):
        writer.writerow([f"ISIC_{index:07d}", f"L{index}", "melanoma", "CC-0", "A"])
        files[f"export/ISIC_{index:07d}.png"] = png_bytes(draw_phantom("melanoma", index, 64, 64))
    files["export/ISIC_0000000.png"] = b"no image"
    return files | {"export/metadata.csv": table.getvalue().encode()}


def send(client, content: bytes | None = None, **fields):
    archive = {} if content is None else {"archive": SimpleUploadedFile("a.zip", content)}
    return client.post(reverse("collections"), ABOUT | archive | fields)


def do(job: Job) -> Job:
    """Do the job in this process, in the same way as its own process would."""
    job.refresh_from_db()
    claimed = queue.claim(job.pk, job.attempt, "test")
    from turing.jobs.channel import Channel
    from turing.jobs.work import WORK, Commands

    with open("/dev/null", "w") as nothing:
        commands = Commands(Channel(nothing.fileno()))
        queue.end(claimed, "finished", report=WORK[job.kind](claimed, commands))
    return Job.objects.get(pk=job.pk)


def test_a_zip_is_looked_at_first_and_then_imported(visitor, settings):
    answer = send(visitor, zipped(export()))
    job = Job.objects.get()
    assert answer["Location"] == job.get_absolute_url()
    assert (job.kind, job.arguments["name"]) == ("check", "Clinic A")
    job = do(job)
    assert not LesionImage.objects.exists(), "a look writes nothing"
    page = visitor.get(job.get_absolute_url()).content.decode()
    assert "Nothing is written yet" in page
    answer = visitor.post(reverse("job-import", args=[job.pk]))
    importing = Job.objects.first()
    assert (importing.kind, answer["Location"]) == ("import", importing.get_absolute_url())
    importing = do(importing)
    assert (importing.report["imported"], importing.report["rejected_count"]) == (5, 1)
    assert LesionImage.objects.count() == 5
    page = visitor.get(importing.get_absolute_url()).content.decode()
    assert "ISIC_0000000" in page
    assert "not a readable image" in page
    assert uploads_left(settings) == []


@has_import_images
def test_the_look_says_how_diagnoses_are_mapped(visitor):
    send(visitor, zipped(export()))
    job = do(Job.objects.get())
    assert "melanoma" in visitor.get(job.get_absolute_url()).content.decode()
    assert job.report["mapping"][0]["diagnosis"] == "melanoma"


@has_import_generated
def test_generated_images_are_looked_at_and_imported(visitor):
    files = {f"melanoma/{index}.png": png_bytes(draw_phantom("melanoma", index, 64, 64)) for index in range(3)}
    send(visitor, zipped(files), origin="generated", name="StyleGAN", version="3", source="https://example.org")
    job = do(Job.objects.get())
    assert job.report["imported"] == 3
    visitor.post(reverse("job-import", args=[job.pk]))
    assert do(Job.objects.first()).report["generator"]


def folder_of(files: dict[str, bytes]) -> tuple[bytes, str]:
    """A form as a browser sends it for a folder: each file's name contains its folders."""
    head = "--end-of-a-part\r\nContent-Disposition: form-data; name="
    body = "".join(f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in ABOUT.items()).encode()
    for name, content in files.items():
        body += f'{head}"folder"; filename="{name}"\r\n'.encode()
        body += b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n"
    return body + b"--end-of-a-part--\r\n", "multipart/form-data; boundary=end-of-a-part"


def send_folder(client, files):
    body, kind = folder_of(files)
    return client.post(reverse("collections"), body, content_type=kind)


def test_a_folder_keeps_its_folders(visitor):
    send_folder(visitor, export() | {"export/.DS_Store": b"x", "export/notes.docx": b"x"})
    job = Job.objects.get()
    upload = Upload(job.arguments["upload"])
    found = {path.relative_to(upload.files).as_posix() for path in upload.files.rglob("*") if path.is_file()}
    assert found == set(export())
    job = do(job)
    visitor.post(reverse("job-import", args=[job.pk]))
    assert do(Job.objects.first()).report["imported"] == 5


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a/../../../x.png": b"1"}, "must not lead out"),
        ({"/etc/x.png": b"1"}, "must not begin with"),
        ({"a/x.png": b"1", "A/X.png": b"2"}, "two files have this name"),
        ({"a/x.png": b"1", "a/b.zip": b"2"}, "contains an archive"),
        ({"a/x.exe": b"1"}, "at least one image"),
        ({"a.png": b"1", "a.png/b.png": b"2"}, "cannot be kept"),
    ],
)
def test_folders_that_hold_what_they_should_not_are_refused(visitor, settings, files, why):
    answer = send_folder(visitor, files)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Job.objects.exists()
    assert uploads_left(settings) == []


def test_nothing_of_a_bad_upload_stays(visitor, settings):
    for content in (b"no zip", zipped({"../a.png": b"1"}), zipped({})):
        answer = send(visitor, content)
        assert answer.status_code == 422
    assert send(visitor).status_code == 422, "no file at all"
    assert send(visitor, zipped(export()), name="").status_code == 422
    assert not Job.objects.exists()
    assert uploads_left(settings) == []


def test_too_much_is_refused_while_it_comes(visitor, settings):
    settings.UPLOAD_LIMIT = 1000
    answer = send(visitor, zipped({"a.png": b"1"}) + bytes(2000))
    assert "that an upload may have" in answer.content.decode()
    settings.UPLOAD_LIMIT, settings.UPLOAD_FILES = 10**6, 3
    assert "More than the 3 files" in send_folder(visitor, export()).content.decode()
    assert uploads_left(settings) == []


def test_a_script_is_told_in_json(visitor):
    fields = ABOUT | {"archive": SimpleUploadedFile("a.zip", b"no zip")}
    answer = visitor.post(reverse("collections"), fields, headers={"accept": "application/json"})
    assert answer.status_code == 422
    assert "not a zip file" in json.loads(answer.content)["error"]
    fields["archive"] = SimpleUploadedFile("a.zip", zipped(export()))
    answer = visitor.post(reverse("collections"), fields, headers={"accept": "application/json"})
    assert answer.json() == {"job": Job.objects.get().get_absolute_url()}


def test_nobody_else_can_send_anything(reader, researcher, settings):
    strict = Client(enforce_csrf_checks=True)
    assert send(strict, zipped(export())).status_code == 302, "to log in"
    strict.force_login(reader.user)
    assert send(strict, zipped(export())).status_code == 403
    strict.force_login(researcher)
    assert send(strict, zipped(export())).status_code == 403, "without the token"
    assert uploads_left(settings) == []
    strict.get(reverse("collections"))
    token = strict.cookies["csrftoken"].value
    assert send(strict, zipped(export()), csrfmiddlewaretoken=token).status_code == 302
    assert Job.objects.count() == 1


def test_it_can_be_read_in_another_way_or_thrown_away(visitor, settings):
    send(visitor, zipped(export()))
    job = do(Job.objects.get())
    visitor.post(reverse("job-check", args=[job.pk]), {"columns": "diagnosis=dx\nfile=photo", "map": "MM=melanoma"})
    again = Job.objects.first()
    assert again.arguments["columns"] == ["diagnosis=dx", "file=photo"]
    assert "use this upload" not in visitor.get(job.get_absolute_url()).content.decode()
    busy = visitor.post(reverse("job-discard", args=[job.pk]), follow=True)
    assert "Cancel the job first" in busy.content.decode()
    queue.cancel(again)
    bad = visitor.post(reverse("job-check", args=[job.pk]), {"columns": "diagnosis"}, follow=True)
    assert "NAME=VALUE" in bad.content.decode()
    visitor.post(reverse("job-discard", args=[job.pk]))
    assert uploads_left(settings) == []
    gone = visitor.post(reverse("job-import", args=[job.pk]), follow=True)
    assert "uploaded files are gone" in gone.content.decode()
    assert Job.objects.count() == 2


def test_only_what_was_looked_at_is_imported_and_a_second_press_leads_to_the_first_job(visitor, researcher):
    send(visitor, zipped(export()))
    job = Job.objects.get()
    early = visitor.post(reverse("job-import", args=[job.pk]), follow=True)
    assert "Check the upload first" in early.content.decode()
    do(job)
    presses = [visitor.post(reverse("job-import", args=[job.pk])) for _ in range(2)]
    begun = Job.objects.get(kind="import")
    assert [answer["Location"] for answer in presses] == [begun.get_absolute_url()] * 2
    look = visitor.post(reverse("job-check", args=[job.pk]), follow=True)
    assert "already being imported" in look.content.decode()


def test_two_looks_in_the_same_way_are_one(visitor):
    send(visitor, zipped(export()))
    job = do(Job.objects.get())
    ways = [{"map": "MM=melanoma"}, {"map": "MM=melanoma"}, {"map": "MM=nevus"}]
    answers = [visitor.post(reverse("job-check", args=[job.pk]), way)["Location"] for way in ways]
    assert len(set(answers)) == 2
    assert answers[0] == answers[1]


@pytest.mark.django_db(transaction=True)
def test_six_presses_at_once_make_one_job(researcher):
    job = queue.start("check", {"upload": new_upload().key}, researcher)
    Upload(job.arguments["upload"]).files.mkdir()
    Job.objects.update(state="finished")
    job.refresh_from_db()
    together = threading.Barrier(6)

    def press(_) -> int:
        together.wait()
        try:
            return import_checked(job, researcher).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(press, range(6))) == {Job.objects.get(kind="import").pk}


def test_an_import_does_not_start_again_beside_another_of_the_same_upload(visitor, researcher):
    send(visitor, zipped(export()))
    first = queue.start("import", Job.objects.get().arguments, researcher)
    Job.objects.update(state="failed")
    second = queue.start("import", first.arguments, researcher)
    again = visitor.post(reverse("job-again", args=[first.pk]), follow=True)
    assert f"Job {second.pk} uses the same upload" in again.content.decode()
    assert list(Job.objects.unfinished()) == [second]
    queue.cancel(second)
    visitor.post(reverse("job-again", args=[first.pk]))
    assert list(Job.objects.unfinished()) == [first]


def test_expired_uploads_are_counted(db, capsys):
    call_command("clear_expired", json=True)
    assert json.loads(capsys.readouterr().out)["uploads"] == 0


def test_what_is_told_names_files_as_they_were_uploaded(visitor, settings):
    pictures = {name: content for name, content in export().items() if name.endswith(".png")}
    send(visitor, zipped(pictures | {"odd/Befunde.csv": b"a,b\n1,2\n"}))
    with pytest.raises(UserError, match=r"odd/Befunde\.csv") as caught:
        do(Job.objects.get())
    assert str(settings.UPLOADS_ROOT) not in str(caught.value)
    assert Job.objects.get().arguments["upload"] not in str(caught.value)
    upload = Upload("0" * 32)
    report = {"rejected": [{"file": f"{upload.files}/odd/Befunde.csv", "reason": f"{upload.folder}: no"}], "n": 3}
    told = {"rejected": [{"file": "odd/Befunde.csv", "reason": "the upload: no"}], "n": 3}
    assert without_place(report, upload) == told
