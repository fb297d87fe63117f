"""While another process locks the database, answers are refused within seconds; afterwards they are taken again."""

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.urls import reverse

from turing.models import Response
from turing.reading.passage import start_reading


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Nobody else can write responses."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()
        return
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE turing_response IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("as_script", [True, False])
def test_an_answer_meets_a_lock_and_is_taken_when_sent_again(study, reader, client, as_script):
    client.raise_request_exception = False
    client.force_login(reader.user)
    start_reading(study, reader)
    address = reverse("trial", args=[study.slug, 1])
    values = {"position": 1, "answer": "real", "confidence": 2}
    headers = {"Accept": "application/json"} if as_script else {}
    with locked():
        refused = client.post(address, values, headers=headers)
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    if as_script:
        assert refused.json()["later"] == "busy"
    assert not Response.objects.exists()
    assert client.post(address, values, headers=headers).status_code == (200 if as_script else 302)
    assert Response.objects.count() == 1


def test_sqlite_writes_every_commit_to_the_disk_before_it_is_acknowledged(db):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL does so by default")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
