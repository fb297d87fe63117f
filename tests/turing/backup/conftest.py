"""A small site to back up, another place to restore it to, and the content of both."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dj_database_url
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.utils import ConnectionHandler

from gan.foundation.storage import save_content
from gan.models import LesionImage
from tests.conftest import make_reader
from tests.servers import ROOT, database_url


def rows(of=connection) -> dict[str, list[tuple]]:
    """Every row of every table except sessions, which no backup holds."""
    found = {}
    with of.cursor() as cursor:
        for name in sorted(set(of.introspection.table_names(cursor)) - {"django_session"}):
            cursor.execute(f"SELECT * FROM {of.ops.quote_name(name)}")
            found[name] = sorted(cursor.fetchall(), key=repr)
    return found


def files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def backup(path: Path, **options) -> dict:
    out = io.StringIO()
    call_command("backup", str(path), "--json", stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.fixture
def folders(settings, tmp_path) -> Path:
    """Separate media and runs for the test, because those of the session hold files of other tests."""
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_ROOT, settings.RUNS_ROOT = settings.DATA_DIR / "media", settings.DATA_DIR / "runs"
    settings.MEDIA_ROOT.mkdir(parents=True)
    return settings.DATA_DIR


@pytest.fixture
def small_site(folders, transactional_db) -> Path:
    """One reader and three images: enough to be lost."""
    make_reader("reader@test.example")
    for number in range(3):
        content = f"image {number} ".encode() * 500
        values = {"width": 1, "height": 1, "licence": "CC-0", "attribution": "nobody", "diagnosis": "melanoma"}
        digest = hashlib.sha256(content).hexdigest()
        LesionImage.objects.create(isic_id=f"I{number}", file=save_content(content, ".png"), sha256=digest, **values)
    return folders


@dataclass(frozen=True)
class Place:
    """Another installation: its database and its data folder."""

    url: str
    data: Path

    def manage(self, *arguments: str) -> subprocess.CompletedProcess:
        environment = os.environ | {"DATABASE_URL": self.url, "DATA_DIR": str(self.data)}
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    def connection(self):
        return ConnectionHandler({"default": dj_database_url.parse(self.url)})["default"]


@pytest.fixture
def elsewhere(transactional_db, tmp_path) -> Iterator[Place]:
    data = tmp_path / "elsewhere"
    if connection.vendor == "sqlite":
        yield Place(f"sqlite:///{data / 'db.sqlite3'}", data)
        return
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE elsewhere")
    yield Place(database_url().rpartition("/")[0] + "/elsewhere", data)
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE elsewhere WITH (FORCE)")
