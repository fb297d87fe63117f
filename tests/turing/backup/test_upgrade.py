"""A site of the first version is upgraded to today's version without losing data or changing figures."""

import gzip
import json
import math
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from tests.conftest import PASSWORD
from tests.servers import ROOT
from tests.turing.backup.conftest import Place

FIRST = Path(__file__).parent / "first_version"
FIRST_MIGRATIONS = [("gan", "0001"), ("turing", "0001")]
# Of a better method since then: intervals and what they rest on. Counts, estimates, plain binomial intervals, variance
# components, and what stands for each reader and each image are the same to the last digit.
CHANGED = {"ci95", "variance", "df", "method", "warnings"}
LOOK = """
import django, json
django.setup()
from turing.models import Response, Study, User
from turing.results.study_analysis import analyse_study
from turing.results.counting import populations_of
from turing.studies.design import is_as_opened
found = {}
for study in Study.objects.exclude(state="draft"):
    analyses = {population.name: analyse_study(study, population) for population in populations_of(study)}
    found[study.slug] = {
        "design_hash": study.design_hash, "is_as_opened": is_as_opened(study, study.stimuli.all()),
        "analyses": analyses
    }
users = {user.email: user.check_password(%r) and user.is_researcher for user in User.objects.all()}
rows = {model.__name__: model.objects.count() for model in (Response, Study, User)}
print(json.dumps({"studies": found, "researchers": users, "rows": rows}))
"""


@pytest.fixture
def first_version(elsewhere, tmp_path) -> Place:
    """The database of a site of the first version."""
    elsewhere.data.mkdir()
    old = elsewhere.data / "db.sqlite3"
    old.write_bytes(gzip.decompress(FIRST.with_suffix(".sqlite3.gz").read_bytes()))
    if connection.vendor == "postgresql":
        for app, name in FIRST_MIGRATIONS:
            succeed(elsewhere, "migrate", app, name)
        with closing(sqlite3.connect(old)) as source, closing(elsewhere.connection()) as target:
            copy_rows(source, target)
    return elsewhere


def copy_rows(source: sqlite3.Connection, target) -> None:
    """Rows of our tables as texts, which PostgreSQL converts to its columns' types."""
    names = [name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    target.set_autocommit(False)  # rows may refer to others that come later
    with target.cursor() as cursor:
        cursor.execute("ALTER TABLE turing_user ADD COLUMN is_staff boolean NOT NULL")  # since left out of 0001
        for name in names:
            if not name.startswith(("gan_", "turing_", "auth_group")):
                continue
            rows = source.execute(f"SELECT * FROM {name}")
            columns = [column for column, *_ in rows.description]
            insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
            for row in rows:
                cursor.execute(insert, [value if value is None else str(value) for value in row])
            if "id" in columns and name != "turing_stimulus":
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")
    target.commit()


def succeed(place: Place, *arguments: str) -> str:
    done = place.manage(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def look(place: Place) -> dict:
    environment = os.environ | {"DATABASE_URL": place.url, "DATA_DIR": str(place.data)}
    environment["DJANGO_SETTINGS_MODULE"] = "turing.settings"
    command = [sys.executable, "-c", LOOK % PASSWORD]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def differences(then, now, where: str = "") -> list[str]:
    """Where today's figures differ from the old ones, which were None if they could not be computed."""
    if then is None:
        return []
    if isinstance(then, dict):
        keys = then.keys() - CHANGED
        return [line for key in keys for line in differences(then[key], (now or {}).get(key), f"{where}/{key}")]
    if isinstance(then, list):
        if len(then) != len(now or []):
            return [f"{where}: {then} then, {now} now"]
        pairs = enumerate(zip(then, now, strict=True))
        return [line for index, (one, other) in pairs for line in differences(one, other, f"{where}[{index}]")]
    if isinstance(then, float) and isinstance(now, int | float) and math.isclose(then, now, rel_tol=1e-9):
        return []
    return [] if then == now else [f"{where}: {then} then, {now} now"]


def test_a_site_of_the_first_version_migrates_and_gives_the_same_analysis(first_version):
    recorded = json.loads(FIRST.with_suffix(".json").read_text())
    succeed(first_version, "migrate")
    succeed(first_version, "migrate", "--check")
    found = look(first_version)
    assert found["rows"] == {"Response": 241, "Study": 3, "User": 10}
    assert {email for email, is_researcher in found["researchers"].items() if is_researcher} == {
        "researcher@test.example"
    }
    assert found["studies"].keys() == recorded.keys()
    for slug, study in found["studies"].items():
        then = recorded[slug]
        assert study["design_hash"] == then["design_hash"]
        assert study["is_as_opened"]
        assert len(then["analyses"]) == len(study["analyses"])
        assert differences(then["analyses"], study["analyses"]) == []


def test_a_backup_of_the_first_version_is_restored_and_then_migrated(first_version, tmp_path):
    """Today's version knows its migrations, and says what is left to do."""
    path = str(tmp_path / "site.tar")
    succeed(first_version, "backup", path)
    assert "run manage.py migrate" in succeed(first_version, "restore", path, "--force")
    succeed(first_version, "migrate")
    assert look(first_version)["rows"]["Response"] == 241


def test_readers_register_and_answer_in_a_site_of_the_first_version(first_version):
    succeed(first_version, "migrate")
    succeed(first_version, "simulate_readers", "partly", "--readers", "2")
    assert look(first_version)["rows"] == {"Response": 241 + 2 * 20, "Study": 3, "User": 12}
