"""Test runs do not disturb each other, end what they started, and show where they hung."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.servers import ROOT

SERVE = """
import django
django.setup()
from pathlib import Path
from tests.servers import gunicorn
with gunicorn(Path("{folder}")) as server:
    pid = server.process.pid
    workers = Path(f"/proc/{{pid}}/task/{{pid}}/children").read_text()
    print(pid, workers, flush=True)
    input()
"""
HANG = """
import shutil
from playwright.sync_api import sync_playwright

def test_that_hangs():
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"]).new_page()
        page.evaluate("new Promise(() => {})")
"""


def pytest_in(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen:
    """Another run of pytest in this checkout."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={folder}", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATA_DIR")}
    options = {"cwd": ROOT, "env": environment | variables, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, stderr=subprocess.STDOUT, **options)


def test_database_and_data_are_in_a_folder_of_the_runs_own(db):
    assert not settings.DATA_DIR.is_relative_to(ROOT)
    if connection.vendor == "sqlite":
        assert Path(connection.settings_dict["NAME"]).is_relative_to(settings.DATA_DIR)


def test_two_runs_at_once_do_not_meet(tmp_path):
    test = "tests/test_commands.py::test_createresearcher_makes_a_researcher_once"
    runs = [pytest_in(tmp_path / name, test) for name in "ab"]
    for run in runs:
        said, _ = run.communicate(timeout=120)
        assert run.returncode == 0, said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent ended")
def test_a_server_ends_with_a_run_that_is_killed(tmp_path):
    """`kill -9` ends pytest, so it cannot clean up anything."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "turing.settings", "DATA_DIR": str(tmp_path)}
    run = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(folder=tmp_path)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = [int(pid) for pid in run.stdout.readline().split()]
    assert len(pids) == 3, "a master and two workers"
    alive = [os.pidfd_open(pid) for pid in pids]
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    for one in alive:
        assert select.select([one], [], [], 30)[0], "gunicorn lives on"
        os.close(one)


def test_a_test_that_hangs_ends_the_run_and_says_where_it_stood(tmp_path):
    path = tmp_path / "test_hang.py"
    path.write_text(HANG)
    run = pytest_in(tmp_path / "run", "-c", "pyproject.toml", f"--rootdir={tmp_path}", str(path), "--timeout=15")
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 1
    assert "test_hang.py::test_that_hangs took longer than 15 s" in said
    assert 'page.evaluate("new Promise(() => {})")' in said


def test_without_postgresql_the_run_says_so_loudly_and_passes(tmp_path):
    run = pytest_in(tmp_path / "run", "--database", "postgresql", "tests/test_commands.py", POSTGRESQL_BINARIES="none")
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 0
    assert "NOTHING WAS TESTED ON POSTGRESQL" in said
    assert "scripts/setup-postgres" in said


def test_keys_are_pressed_on_pages_in_front():
    """Only `tests.browser.pages.press` presses keys."""
    files = sorted((ROOT / "tests" / "browser").glob("*.py"))
    assert [path.name for path in files if "keyboard.press(" in path.read_text()] == ["pages.py"]


def test_no_test_waits_for_a_context_of_the_browser_to_close():
    """See the fixture `chromium`: such a wait may never end."""
    files = sorted((ROOT / "tests" / "browser").glob("*.py"))
    assert [path.name for path in files if "context.close(" in path.read_text()] == []


def test_browser_tests_come_last_on_every_worker(request):
    assert request.config.option.loadscopereorder is False
