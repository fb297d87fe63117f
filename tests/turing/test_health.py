"""/healthz says whether an answer can be taken now, and /readyz whether everything is there."""

import sqlite3

import pytest
from django.core.management import call_command
from django.db import connection

from turing.serving import health


@pytest.fixture(autouse=True)
def ask_the_database_for_migrations(monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)


@pytest.fixture
def locked(transactional_db):
    """The database takes no writes: another process writes (SQLite), or the server is a read-only copy."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
    else:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
            yield
            cursor.execute("RESET default_transaction_read_only")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_well_site_says_so(client, transactional_db, path, method):
    answer = getattr(client, method)(path)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert method == "head" or answer.json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_locked_database_is_told(client, locked, path):
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "failed": ["database"]}
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_usual_patience_with_a_locked_database_is_restored(client, locked):
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's own")

    def patience():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout")
            return cursor.fetchone()[0]

    before = patience()
    client.get("/healthz")
    assert patience() == before > health.PATIENCE_MS


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_full_disk_is_told(client, transactional_db, settings, path):
    settings.MIN_FREE_MB = 10**9  # a petabyte, which this disk has not
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.json()["failed"] == ["disk"]


def test_a_database_of_older_code_is_alive_but_not_ready(client, transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'axes'")
    try:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").json() == {"status": "unavailable", "failed": ["migrations"]}
    finally:
        call_command("migrate", "axes", fake=True, verbosity=0)
    assert client.get("/readyz").status_code == 200


def test_a_store_that_fails_is_told_without_its_reason(client, transactional_db, settings, monkeypatch):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "tests.turing.test_health.DeadStore"}}
    answer = client.get("/readyz")
    assert answer.json() == {"status": "unavailable", "failed": ["storage"]}
    assert client.get("/healthz").status_code == 200


class DeadStore:
    """A remote store that does not answer, faked at the network's edge."""

    def path(self, name):
        raise NotImplementedError

    def exists(self, name):
        raise OSError("bucket 'secret' at 10.0.0.7 timed out")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_nothing_can_be_posted_there(client, db, path):
    assert client.post(path).status_code == 405
