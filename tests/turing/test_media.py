"""Images are in a folder or in a bucket, and the site behaves the same with both."""

import os
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.models import F
from django.urls import reverse

from gan.foundation.storage import content_name, save_content
from gan.models import GeneratedImage, LesionImage
from tests.stores import BUCKET, client_of, environment_of, s3_store
from turing import stores
from turing.backup.files import stored_names
from turing.backup.restoring import _store
from turing.errors import StudyError
from turing.media.folder import FolderMedia
from turing.models import Stimulus, Study, Trial
from turing.reading.passage import start_reading
from turing.studies.choosing import choose_images
from turing.studies.lifecycle import open_study


@pytest.fixture(scope="session")
def endpoint():
    with s3_store() as address:
        yield address


@pytest.fixture
def bucket(endpoint, monkeypatch, settings):
    """The site keeps its images in the bucket; the fixture is a client that looks into it."""
    _use(environment_of(endpoint), monkeypatch, settings)
    client = client_of(endpoint)
    yield client
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])


def _use(environment, monkeypatch, settings):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = settings.STORAGES | {"default": stores.media()}


@pytest.fixture(params=["folder", "bucket"])
def store(request, settings, tmp_path):
    """Both kinds of store, empty."""
    settings.MEDIA_ROOT = tmp_path
    return request.getfixturevalue("bucket") if request.param == "bucket" else None


def _names(folder: str) -> list[str]:
    return sorted(name for name in default_storage.listdir(folder)[1])


def test_a_file_is_read_as_it_was_saved(store):
    name = save_content(b"pixels", ".png")
    assert name == content_name(b"pixels", ".png")
    with default_storage.open(name) as stream:
        assert stream.read() == b"pixels"
    assert default_storage.size(name) == 6
    assert default_storage.get_modified_time(name).tzinfo is not None


def test_a_file_that_was_cut_short_is_written_again_under_its_own_name(store):
    name = content_name(b"whole pixels", ".png")
    default_storage.save(name, ContentFile(b"whole"))
    assert save_content(b"whole pixels", ".png") == name
    assert default_storage.open(name).read() == b"whole pixels"


def test_many_who_save_the_same_bytes_at_once_leave_one_file(store):
    content = os.urandom(200_000)
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: save_content(content, ".png"), range(32)))
    assert names == {content_name(content, ".png")}
    name = names.pop()
    assert _names(name.rsplit("/", 1)[0]) == [name.rsplit("/", 1)[1]]
    assert default_storage.open(name).read() == content


def test_who_reads_while_it_is_saved_again_never_sees_a_part(store):
    contents = [bytes([value]) * 300_000 for value in range(2)]
    default_storage.save("images/one.png", ContentFile(contents[0]))

    def write(turn):
        default_storage.save("images/one.png", ContentFile(contents[turn % 2]))

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, turn) for turn in range(20)]
        seen = {default_storage.open("images/one.png").read() for _ in range(40)}
        for one in writing:
            one.result()
    assert seen <= set(contents)


def test_a_file_that_is_not_there_is_a_missing_file(store):
    assert not default_storage.exists("images/none.png")
    for look in (default_storage.open, default_storage.size, default_storage.get_modified_time):
        with pytest.raises(FileNotFoundError):
            look("images/none.png")
    default_storage.delete("images/none.png")


def test_a_name_that_leads_out_of_the_store_is_refused(store):
    with pytest.raises(Exception, match=r"denied|traversal|outside"):
        default_storage.save("../out.png", ContentFile(b"x"))


@pytest.fixture
def filled(run, bucket) -> Study:
    """A draft whose run's images lie in the bucket."""
    folder = FolderMedia()
    for image in [*GeneratedImage.objects.all(), *LesionImage.objects.all()]:
        with folder.open(image.file) as stream:
            default_storage.save(image.file, stream)
    call_command("create_study", "Small study", run=[str(run.pk)], real=5, generated=5, stimulus_size=64)
    return Study.objects.get(slug="small-study")


def test_a_study_in_a_bucket_has_the_stimuli_of_one_in_a_folder_and_passes_the_audit(
    filled, bucket, settings, reader, client
):
    in_bucket = open_study(filled)
    shas = sorted(in_bucket.stimuli.values_list("sha256", flat=True))
    call_command("audit_blinding", in_bucket.slug)  # exits 1 on a leak
    headers_of_bucket = _headers(client, reader, in_bucket)
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "turing.media.folder.FolderMedia"}}
    call_command("create_study", "Other", run=[str(filled.generators.get().pk)], real=5, generated=5, stimulus_size=64)
    Study.objects.filter(slug="other").update(seed=in_bucket.seed)
    in_folder = open_study(Study.objects.get(slug="other"))
    assert sorted(in_folder.stimuli.values_list("sha256", flat=True)) == shas
    assert _headers(client, reader, in_folder) == headers_of_bucket


def _headers(client, reader, study) -> set:
    """Status, length and headers of all stimuli's answers, each once."""
    client.force_login(reader.user)
    start_reading(study, reader)
    replies = [client.get(item.get_absolute_url()) for item in study.stimuli.all()]
    return {(reply.status_code, len(reply.content), tuple(sorted(reply.headers.items()))) for reply in replies}


def test_objects_are_private_and_named_as_in_a_folder(filled, bucket):
    study = open_study(filled)
    for stimulus in study.stimuli.all():
        assert stimulus.file == f"stimuli/{stimulus.pk}.png"
        stored = bucket.head_object(Bucket=BUCKET, Key=stimulus.file)
        assert (stored["ContentType"], stored["Metadata"]) == ("image/png", {})
        grants = bucket.get_object_acl(Bucket=BUCKET, Key=stimulus.file)["Grants"]
        assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]
    assert len(bucket.list_objects_v2(Bucket=BUCKET, Prefix="stimuli/")["Contents"]) == 20


def test_a_study_of_which_an_image_is_missing_stays_a_draft_and_leaves_nothing_in_the_store(filled, bucket):
    Study.objects.filter(pk=filled.pk).update(generated_per_diagnosis=8)  # all there are
    lost = GeneratedImage.objects.last()
    bucket.delete_object(Bucket=BUCKET, Key=lost.file)
    with pytest.raises(StudyError, match=f"An image cannot be read: {lost}: its file {lost.file} is missing"):
        open_study(filled)
    assert Study.objects.get(pk=filled.pk).is_draft
    assert not Stimulus.objects.exists()
    assert "Contents" not in bucket.list_objects_v2(Bucket=BUCKET, Prefix="stimuli/")


def test_a_study_that_is_changed_while_its_images_are_made_is_not_opened(draft, monkeypatch):
    def choose(study):
        Study.objects.filter(pk=study.pk).update(revision=F("revision") + 1)
        return choose_images(study)

    monkeypatch.setattr("turing.studies.lifecycle.choose_images", choose)
    with pytest.raises(StudyError, match="changed the study while its images were made"):
        open_study(draft)
    assert not Stimulus.objects.exists()


def test_an_image_whose_store_does_not_answer_is_503_to_be_asked_for_again(
    study, reader, client, monkeypatch, settings
):
    reading = start_reading(study, reader)
    client.force_login(reader.user)
    stimulus = Trial.objects.filter(reading=reading).first().stimulus
    _use(environment_of("http://127.0.0.1:9"), monkeypatch, settings)
    client.raise_request_exception = False
    reply = client.get(stimulus.get_absolute_url())
    assert (reply.status_code, reply["Retry-After"]) == (503, "5")
    assert client.get(reverse("home")).status_code == 200


def test_a_command_says_in_one_line_that_the_store_does_not_answer(study, monkeypatch, settings):
    _use(environment_of("http://127.0.0.1:9"), monkeypatch, settings)
    with pytest.raises(CommandError, match="The store does not answer"):
        call_command("audit_blinding", study.slug)


def test_all_threads_of_a_process_share_one_connection(bucket):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: id(default_storage.connection), range(64)))) == 1


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"MEDIA_STORE": "ftp"}, "MEDIA_STORE"),
        ({"MEDIA_STORE": "s3"}, "S3_BUCKET"),
        ({"MEDIA_STORE": "s3", "S3_BUCKET": "b", "AWS_ACCESS_KEY_ID": "k"}, "AWS_SECRET_ACCESS_KEY"),
        ({"MEDIA_STORE": "s3", "S3_BUCKET": "b", "AWS_SECRET_ACCESS_KEY_FILE": "/none"}, "AWS_SECRET_ACCESS_KEY_FILE"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused_by_name(monkeypatch, values, named):
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=named):
        stores.media()


def test_the_secret_may_lie_in_a_file(endpoint, tmp_path, monkeypatch):
    path = tmp_path / "secret"
    path.write_text("from-file\n")
    path.chmod(0o600)
    for name, value in environment_of(endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY_FILE", str(path))
    assert stores.media()["OPTIONS"]["secret_key"] == "from-file"


def test_a_bucket_is_backed_up_and_restored(transactional_db, filled, bucket, tmp_path):
    open_study(filled)
    before = {name: default_storage.open(name).read() for name in stored_names()}
    backup = tmp_path / "site.tar"
    call_command("backup", str(backup))
    for name in before:
        bucket.delete_object(Bucket=BUCKET, Key=name)
    with tarfile.open(backup) as archive:
        for member in archive.getmembers():
            if member.name.startswith("media/"):
                _store(member.name.removeprefix("media/"), archive.extractfile(member))
    assert {name: default_storage.open(name).read() for name in stored_names()} == before
    assert len(before) > 60
