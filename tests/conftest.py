"""What all tests share: separate folders, small collections of phantoms, a tiny trained run."""

import csv
import os
import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core import serializers
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection
from django.db.backends.sqlite3.base import DatabaseWrapper

from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import ATTRIBUTION, DIAGNOSES, draw_phantom
from gan.models import GeneratedImage, LesionImage, TrainingRun, TrainingStep
from turing.accounts import RESEARCHERS
from turing.models import Reader, Study, User
from turing.models.append_only import NAMES

# Playwright's loop runs in the thread of the test, which Django would take for an asynchronous context.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

PASSWORD = "dermoscope-77"
KEPT_MODELS = [LesionImage, TrainingRun, TrainingStep, GeneratedImage]


def pytest_collection_modifyitems(items):
    """Run browser tests last. While Playwright's loop runs, Django keeps database connections open for it.

    A restore must be the only user of the database and would find these connections.
    """
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def data_root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def own_folders(settings, data_root):
    settings.MEDIA_ROOT = data_root / "media"
    settings.RUNS_ROOT = data_root / "runs"
    settings.UPLOADS_ROOT = data_root / "uploads"


@pytest.fixture(autouse=True)
def static_files_are_looked_up_when_asked_for(settings):
    """Otherwise WhiteNoise looks at each of them for every test client, which took longer than most requests."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def phantom_export(tmp_path_factory) -> Path:
    """An ISIC export of 24 phantoms for each diagnosis. Every two of them show one lesion."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "images").mkdir()
    with (folder / "metadata.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["isic_id", "lesion_id", "diagnosis", "copyright_license", "attribution", "age_approx"])
        for diagnosis in DIAGNOSES:
            for index in range(24):
                name = f"PHANTOM_{diagnosis[0]}{index:03d}"
                content = png_bytes(draw_phantom(diagnosis, index, 96, 72))
                (folder / "images" / f"{name}.png").write_bytes(content)
                writer.writerow([name, f"{diagnosis}{index // 2}", diagnosis, "CC-0", ATTRIBUTION, "50"])
    return folder


@pytest.fixture
def phantoms(db, phantom_export) -> None:
    call_command("import_isic", str(phantom_export))
    assert LesionImage.objects.count() == 48


@pytest.fixture(scope="session")
def kept_run(tmp_path_factory) -> dict:
    """The first training of the session, kept for all later tests: rows as JSON, and the run's folder."""
    return {"folder": tmp_path_factory.mktemp("kept") / "run"}


@pytest.fixture
def run(request, db, kept_run) -> TrainingRun:
    """A run of two steps on both diagnoses, with eight samples of each."""
    if "rows" in kept_run:
        return _restore(kept_run)
    request.getfixturevalue("phantoms")
    options = {"size": 64, "steps": 2, "batch_size": 4, "held_out": 0.5, "phantoms": True, "precision": "float32"}
    call_command("train_gan", diagnosis=list(DIAGNOSES), name="tiny", **options)
    found = TrainingRun.objects.get(name="tiny")
    call_command("sample_gan", str(found.pk), count=8)  # compares them with the training images, too
    shutil.copytree(found.folder, kept_run["folder"])
    rows = [row for model in KEPT_MODELS for row in model.objects.order_by("pk")]
    kept_run["rows"] = serializers.serialize("json", rows)
    return found


def _restore(kept_run: dict) -> TrainingRun:
    for row in serializers.deserialize("json", kept_run["rows"]):
        row.save()
    with connection.cursor() as cursor:  # rows came with their keys; PostgreSQL would give those out again
        for statement in connection.ops.sequence_reset_sql(no_style(), KEPT_MODELS):
            cursor.execute(statement)
    found = TrainingRun.objects.get(name="tiny")
    shutil.rmtree(found.folder, ignore_errors=True)
    shutil.copytree(kept_run["folder"], found.folder)
    return found


@pytest.fixture
def draft(run, researcher) -> Study:
    """The researcher's draft of 20 stimuli: five real and five generated of each diagnosis."""
    options = {"real": 5, "generated": 5, "stimulus_size": 64, "owner": researcher.email}
    call_command("create_study", "Small study", run=[str(run.pk)], **options)
    return Study.objects.get(slug="small-study")


@pytest.fixture
def study(draft) -> Study:
    call_command("open_study", draft.slug)
    return Study.objects.get(pk=draft.pk)


def make_reader(email: str) -> Reader:
    user = User.objects.create_user(email, PASSWORD, name="Dr Test")
    profile = {"profession": "dermatologist", "specialty": "dermatology", "country": "TR"}
    return Reader.objects.create(user=user, years_experience=7, **profile)


@pytest.fixture
def reader(db) -> Reader:
    return make_reader("reader@test.example")


def make_researcher(email: str, name: str = "Dr Research") -> User:
    user = User.objects.create_user(email, PASSWORD, name=name)
    user.groups.add(Group.objects.get_or_create(name=RESEARCHERS)[0])
    return user


@pytest.fixture
def researcher(db) -> User:
    return make_researcher("researcher@test.example")


@pytest.fixture(scope="session", autouse=True)
def flush_passes_the_audit_trail():
    """A flush between tests empties SQLite's tables line by line, which the trail's trigger would refuse.

    The trigger is back after the flush, as after every `migrate`.
    """
    make_sql = DatabaseWrapper.ops_class.sql_flush

    def sql_flush(self, *args, **kwargs):
        statements = make_sql(self, *args, **kwargs)
        return [f"DROP TRIGGER IF EXISTS {NAMES['DELETE']}", *statements] if statements else statements

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseWrapper.ops_class, "sql_flush", sql_flush)
        yield
