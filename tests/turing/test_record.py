"""Generators and collections can be renamed and deleted as long as nothing uses them."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from gan.foundation.errors import GanError
from gan.foundation.run_lock import locked
from gan.foundation.storage import content_name
from gan.imaging.image_files import png_bytes, sha256
from gan.imaging.phantoms import draw_phantom
from gan.importing.generated import About, import_generated
from gan.importing.writing import Writer
from gan.models import GeneratedImage, Generator, LesionImage, TrainingRun
from gan.runs.sampling import Sample, register
from turing.errors import StudyError
from turing.jobs import queue
from turing.models import AuditLine, Job, Study
from turing.studies.record import delete_collection, delete_generator, uses_of_generator

pytestmark = pytest.mark.django_db


def draw(folder, count, seed):
    (folder / "melanoma").mkdir(parents=True)
    for index in range(count):
        (folder / "melanoma" / f"{index}.png").write_bytes(png_bytes(draw_phantom("melanoma", seed + index, 64, 64)))
    return str(folder)


@pytest.fixture
def vendor(db, tmp_path) -> Generator:
    """A generator with two images, one of which another generator has, too."""
    call_command("import_generated", draw(tmp_path / "vendor", 2, 5000), name="Vendor", phantoms=True)
    call_command("import_generated", draw(tmp_path / "other", 1, 5000), name="Other", phantoms=True)
    return Generator.objects.get(name="Vendor")


@pytest.fixture
def clinic(db, tmp_path) -> str:
    call_command("import_images", draw(tmp_path / "clinic", 2, 6000), collection="Clinic & Co", type="clinical")
    return "Clinic & Co"


def test_a_generator_is_renamed_and_the_trail_has_a_line(vendor, client, researcher):
    client.force_login(researcher)
    address = reverse("generator-rename", args=[vendor.pk])
    client.post(address, {"name": "StyleGAN", "version": "3"})
    assert str(Generator.objects.get(pk=vendor.pk)) == "StyleGAN 3"
    line = AuditLine.objects.get(what="renamed")
    assert line.detail == {"generator": vendor.pk, "was": "Vendor", "now": "StyleGAN 3"}
    answer = client.post(address, {"name": "Other", "version": ""}, follow=True)
    assert "There is a generator called Other already" in answer.content.decode()
    for wrong in ("", "two\nlines", "x" * 81):
        assert "New name:" in client.post(address, {"name": wrong}, follow=True).content.decode()
    assert str(Generator.objects.get(pk=vendor.pk)) == "StyleGAN 3"


def test_a_deleted_generator_takes_its_images_and_the_files_that_only_it_has(vendor, client, researcher):
    client.force_login(researcher)
    files = {one.sha256: one.file for one in vendor.generated_images.all()}
    shared = GeneratedImage.objects.get(generator__name="Other")
    page = client.get(vendor.get_absolute_url()).content.decode()
    assert "Delete for good" in page
    answer = client.post(reverse("generator-delete", args=[vendor.pk]), follow=True)
    assert "Vendor is deleted, with 2 images" in answer.content.decode()
    assert not Generator.objects.filter(pk=vendor.pk).exists()
    assert {digest: default_storage.exists(name) for digest, name in files.items()} == {
        digest: digest == shared.sha256 for digest in files
    }
    assert AuditLine.objects.get(what="deleted").detail == {"generator": vendor.pk, "was": "Vendor", "images": 2}


def test_what_a_study_uses_stays(run, researcher, client, study):
    client.force_login(researcher)
    page = client.get(reverse("run", args=[run.pk])).content.decode()
    assert "You cannot rename or delete this generator: 1 study uses it." in page
    for name in ("generator-rename", "generator-delete"):
        answer = client.post(reverse(name, args=[run.pk]), {"name": "x"}, follow=True)
        assert "1 study uses it" in answer.content.decode()
    name = LesionImage.objects.values_list("collection", flat=True).first()
    answer = client.post(reverse("collection-delete"), {"collection": name}, follow=True).content.decode()
    assert "1 study shows images of it and 1 generator was trained on images of it" in answer
    assert LesionImage.objects.filter(collection=name).count() == 48
    assert Study.objects.get().generators.get().name == "tiny"
    assert not AuditLine.objects.filter(what__in=("renamed", "deleted")).exists()


def test_what_a_job_works_with_stays_until_it_has_ended(vendor, client, researcher):
    client.force_login(researcher)
    job = queue.start(Job.Kind.AUDIT, {"run": vendor.pk, "again": False}, researcher)
    address = reverse("generator-delete", args=[vendor.pk])
    assert "a job is at work with it" in client.post(address, follow=True).content.decode()
    queue.cancel(job)
    assert "is deleted" in client.post(address, follow=True).content.decode()


def test_a_collection_is_renamed_and_deleted(clinic, client, researcher):
    client.force_login(researcher)
    assert "Clinic &amp; Co" in client.get(reverse("collections")).content.decode()
    answer = client.post(reverse("collection-rename"), {"collection": clinic, "name": "Clinic B"}, follow=True)
    assert "2 images belong to Clinic B now" in answer.content.decode()
    files = list(LesionImage.objects.filter(collection="Clinic B").values_list("file", flat=True))
    assert len(files) == 2
    assert client.get(reverse("collection"), {"name": clinic}).status_code == 404
    answer = client.post(reverse("collection-delete"), {"collection": "Clinic B"}, follow=True)
    assert "Clinic B is deleted, with 2 images" in answer.content.decode()
    assert not LesionImage.objects.exists()
    assert not any(map(default_storage.exists, files))
    assert [line.what for line in AuditLine.objects.order_by("pk")] == ["renamed", "deleted"]


def after_reading(act):
    """Progress that does the act once everything has been read, before the images are committed."""

    def progress(items, description, total=None, unit="it"):
        yield from items
        act()

    return progress


def test_files_of_an_import_outlive_a_generator_with_the_same_images_that_is_deleted_meanwhile(
    vendor, researcher, tmp_path
):
    delete = after_reading(lambda: delete_generator(vendor, researcher))
    import_generated(tmp_path / "vendor", About("Vendor", "2"), phantoms=True, progress=delete)
    images = GeneratedImage.objects.filter(generator__version="2")
    assert len(images) == 2
    assert [sha256(image.read()) for image in images] == [image.sha256 for image in images]


def test_an_import_for_a_generator_that_is_deleted_meanwhile_ends_with_one_line(vendor, researcher, tmp_path):
    more = draw(tmp_path / "more", 1, 5100)
    delete = after_reading(lambda: delete_generator(vendor, researcher))
    with pytest.raises(GanError, match="Vendor was deleted while its images were read"):
        import_generated(Path(more), About("Vendor"), phantoms=True, progress=delete)
    assert not Generator.objects.filter(name="Vendor").exists()


def test_files_of_an_import_outlive_a_collection_with_the_same_images_that_is_deleted_meanwhile(
    clinic, researcher, tmp_path, monkeypatch
):
    made = Writer._made

    def delete_first(self, *args):
        if LesionImage.objects.filter(collection=clinic).exists():
            delete_collection(clinic, researcher)
        return made(self, *args)

    monkeypatch.setattr(Writer, "_made", delete_first)
    call_command("import_images", str(tmp_path / "clinic"), collection="Later", type="clinical")
    images = LesionImage.objects.filter(collection="Later")
    assert len(images) == LesionImage.objects.count() == 2
    assert [sha256(image.read()) for image in images] == [image.sha256 for image in images]


def test_the_file_of_a_sample_is_there_though_an_equal_image_was_deleted_meanwhile(run, monkeypatch):
    sample = Sample("melanoma", 77, 1.0, png_bytes(draw_phantom("melanoma", 7000, 64, 64)))
    stored = content_name(sample.png, ".png")
    # What another process deleted just before it let go of the lock.
    monkeypatch.setattr("gan.runs.sampling.lock_files", lambda: default_storage.delete(stored))
    image, is_new = register(run, sample)
    assert is_new
    assert image.read() == sample.png


def test_nothing_is_renamed_or_deleted_while_an_import_is_at_work(vendor, client, researcher):
    client.force_login(researcher)
    job = queue.start(Job.Kind.IMPORT, {"upload": "x"}, researcher)
    for name in ("generator-rename", "generator-delete"):
        answer = client.post(reverse(name, args=[vendor.pk]), {"name": "x"}, follow=True).content.decode()
        assert "an import is at work" in answer
    queue.cancel(job)
    answer = client.post(reverse("generator-delete", args=[vendor.pk]), follow=True).content.decode()
    assert "is deleted" in answer


def test_a_run_is_not_deleted_while_a_process_trains_it_and_is_after_the_process_was_killed(run, client, researcher):
    client.force_login(researcher)
    run.generated_images.all().delete()  # their files stay for other tests
    TrainingRun.objects.filter(pk=run.pk).update(status="running")
    address = reverse("generator-delete", args=[run.pk])
    with locked(run.folder):
        assert "it is being trained" in client.post(address, follow=True).content.decode()
    assert "is deleted, with 0 images" in client.post(address, follow=True).content.decode()
    assert not run.folder.exists()


@pytest.mark.parametrize(("days", "is_trained"), [(0, True), (2, False)])
def test_a_run_without_a_lock_is_being_trained_only_if_it_is_new(run, days, is_trained):
    shutil.rmtree(run.folder)
    started = timezone.now() - timedelta(days=days)
    TrainingRun.objects.filter(pk=run.pk).update(status="running", started_at=started)
    assert uses_of_generator(TrainingRun.objects.get()) == ("it is being trained" if is_trained else "")


def test_a_run_with_a_snapshot_that_is_a_generator_goes_after_it(run, client, researcher):
    client.force_login(researcher)
    run.generated_images.all().delete()  # their files stay for other tests
    copied = {name: getattr(run, name) for name in ("diagnoses", "size", "model", "settings", "status")}
    snapshot = TrainingRun.objects.create(name="tiny, step 1", snapshot_of_id=run.pk, snapshot_step=1, **copied)
    page = client.get(run.get_absolute_url()).content.decode()
    assert "1 snapshot of it is a generator of its own" in page
    address = reverse("generator-delete", args=[run.pk])
    answer = client.post(address, follow=True).content.decode()
    assert "It cannot be deleted: 1 snapshot of it is a generator of its own." in answer
    client.post(reverse("generator-delete", args=[snapshot.pk]))
    assert "is deleted" in client.post(address, follow=True).content.decode()
    assert not TrainingRun.objects.exists()


def test_a_snapshot_that_is_taken_while_its_run_is_deleted_stops_the_deletion(run, researcher, monkeypatch):
    TrainingRun.objects.create(name="late", size=64, snapshot_of_id=run.pk, snapshot_step=1, status="finished")
    monkeypatch.setattr("turing.studies.record.uses_of_generator", lambda generator: "")  # asked before it was taken
    with pytest.raises(StudyError, match="a snapshot of it uses it by now"):
        delete_generator(run, researcher)
    assert run.generated_images.count() == 16
    assert not AuditLine.objects.exists()


def test_a_generator_that_is_deleted_twice_is_said_to_be_gone(vendor, researcher):
    again = Generator.objects.get(pk=vendor.pk)
    delete_generator(vendor, researcher)
    with pytest.raises(StudyError, match="Vendor was deleted meanwhile"):
        delete_generator(again, researcher)
