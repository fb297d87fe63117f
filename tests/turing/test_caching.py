"""All machines may share the cache, and the site runs without it if it is down."""

import shutil
import subprocess

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse

from tests.servers import free_port
from turing import stores
from turing.jobs import processes
from turing.people.throttle import too_often
from turing.results.counting import SIMULATED
from turing.results.study_analysis import analyse_study
from turing.studies.simulation import Observer, simulate_readers


@pytest.fixture
def answered(study):
    for _ in simulate_readers(study, 3, Observer(), seed=0):
        pass
    return study


def _use(address, monkeypatch, settings):
    monkeypatch.setenv("CACHE_URL", address)
    settings.CACHES = {"default": stores.cache(settings.BASE_DIR)}


def test_results_are_shown_while_the_cache_is_away(answered, researcher, client, monkeypatch, settings):
    researcher.is_superuser = True  # sees every study
    researcher.save()
    _use("redis://127.0.0.1:9/1", monkeypatch, settings)
    client.force_login(researcher)
    assert client.get(reverse("results", args=[answered.slug])).status_code == 200
    assert client.get(reverse("figure", args=[answered.slug, "rates", "svg"])).status_code == 200


def test_a_door_that_is_counted_in_the_cache_stays_open_while_it_is_away(monkeypatch, settings):
    _use("redis://127.0.0.1:9/1", monkeypatch, settings)
    assert not too_often("registration", "reader@test.example", limit=0)


@pytest.fixture
def redis_server(tmp_path):
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        pytest.skip("REDIS WAS NOT TESTED: no redis-server or valkey-server on this machine")
    port = free_port()
    server = processes.start(
        [binary, "--port", str(port), "--save", "", "--dir", str(tmp_path)], stdout=subprocess.PIPE
    )
    for line in server.stdout:
        if b"Ready to accept connections" in line:
            break
    yield f"redis://127.0.0.1:{port}/1"
    processes.stop(server)


def test_an_analysis_that_one_process_made_is_found_by_another(answered, redis_server, monkeypatch, settings):
    _use(redis_server, monkeypatch, settings)
    made = analyse_study(answered, SIMULATED)
    del caches["default"]  # as another process: a connection of its own
    monkeypatch.setattr("turing.statistics.analysis.analyse", None)  # which would fail
    assert analyse_study(answered, SIMULATED) == made


def test_what_two_machines_count_is_counted_together(redis_server, monkeypatch, settings):
    _use(redis_server, monkeypatch, settings)
    assert [too_often("door", "reader@test.example", limit=2) for _ in range(2)] == [False, False]
    del caches["default"]  # the other machine
    assert too_often("door", "reader@test.example", limit=2)


def test_an_analysis_of_other_code_is_not_found(tmp_path):
    package = tmp_path / "turing"
    package.mkdir()
    (package / "analysis.py").write_text("one = 1\n")
    before = stores._fingerprint(package)
    (package / "analysis.py").write_text("one = 2\n")
    assert stores._fingerprint(package) != before


def test_an_address_of_another_kind_is_refused_without_being_told(monkeypatch, settings):
    monkeypatch.setenv("CACHE_URL", "memcached://:secret@host")
    with pytest.raises(ImproperlyConfigured, match="CACHE_URL must begin with redis") as refusal:
        stores.cache(settings.BASE_DIR)
    assert "secret" not in str(refusal.value)


def test_without_an_address_each_process_keeps_its_own(monkeypatch, settings):
    monkeypatch.delenv("CACHE_URL", raising=False)
    assert stores.cache(settings.BASE_DIR) == {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
