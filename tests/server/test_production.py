"""A public site refuses to start with dangerous settings, and passes Django's own checks."""

import os
import subprocess
import sys

import pytest

from tests.server.conftest import ROOT

GOOD_KEY = "".join(chr(97 + index % 26) for index in range(60))
SAFE = {"HTTPS": "1", "ALLOWED_HOSTS": "study.clinic.example", "SECRET_KEY": GOOD_KEY, "DEBUG": "0"}


def run(tmp_path, *command: str, **settings: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"DATA_DIR": str(tmp_path), "DATABASE_URL": ""} | settings
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # Playwright's tests need it, and Django's check finds it
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def start(tmp_path, **settings: str) -> subprocess.CompletedProcess:
    """Let gunicorn only load the site."""
    code = "from turing.wsgi import application; print('started')"
    return run(tmp_path, "-c", code, **settings)


def test_check_deploy_is_clean(tmp_path):
    done = run(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", HTTPS="1")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("bad", [{"DEBUG": "1"}, {"SECRET_KEY": "secret"}, {"ALLOWED_HOSTS": "*"}])
def test_check_deploy_finds_what_the_start_refuses(tmp_path, bad):
    done = run(tmp_path, "manage.py", "check", "--deploy", **SAFE | bad)
    assert done.returncode == 1
    assert f"turing.E001) {next(iter(bad))}" in done.stderr


@pytest.mark.parametrize(
    "bad",
    [
        {"DEBUG": "1"},
        {"SECRET_KEY": "secret"},
        {"SECRET_KEY": "a" * 60},
        {"SECRET_KEY": "django-insecure-" + GOOD_KEY},
        {"ALLOWED_HOSTS": ""},
        {"ALLOWED_HOSTS": "*"},
    ],
)
def test_a_public_site_does_not_start_unsafe(tmp_path, bad):
    done = start(tmp_path, **SAFE | bad)
    assert "started" not in done.stdout
    assert f"- {next(iter(bad))} is" in done.stderr or f"- {next(iter(bad))} holds" in done.stderr


def test_a_public_site_does_not_start_with_a_key_that_others_can_read(tmp_path):
    (tmp_path / "secret_key").write_text(GOOD_KEY)
    (tmp_path / "secret_key").chmod(0o644)
    done = start(tmp_path, **SAFE | {"SECRET_KEY": ""})
    assert "started" not in done.stdout
    assert "chmod 600" in done.stderr


def test_a_safe_public_site_starts_and_says_that_e_mail_goes_nowhere(tmp_path):
    done = start(tmp_path, **SAFE)
    assert "started" in done.stdout, done.stderr
    assert "EMAIL_BACKEND" in done.stderr


def test_a_laptop_starts_with_defaults(tmp_path):
    assert "started" in start(tmp_path, HTTPS="0", ALLOWED_HOSTS="", SECRET_KEY="", DEBUG="0").stdout


def test_gunicorn_ends_with_the_reason_and_no_traceback(tmp_path):
    done = run(tmp_path, "-m", "gunicorn", "turing.wsgi", "--bind", "127.0.0.1:0", **SAFE | {"DEBUG": "1"})
    assert done.returncode != 0
    assert "DEBUG is 1" in done.stderr
    assert "Traceback" not in done.stderr


def test_behind_a_proxy_pages_ask_for_https_and_probes_do_not(serve):
    server = serve("--workers", "1", **SAFE)
    plain = "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\r\n"
    assert server.status(plain.format("/", "study.clinic.example", "").encode()) == 301
    assert server.status(plain.format("/", "study.clinic.example", "X-Forwarded-Proto: https\r\n").encode()) == 200
    assert server.status(plain.format("/healthz", "127.0.0.1", "").encode()) == 200
    assert server.status(plain.format("/", "evil.example", "X-Forwarded-Proto: https\r\n").encode()) == 400
