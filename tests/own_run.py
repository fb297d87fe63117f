"""Sets up pytest before Django: a separate folder, database and environment for each run, and a time limit per test.

It is loaded by `-p tests.own_run` in pyproject.toml, because a conftest is loaded after Django has read its settings.
"""

import fcntl
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

import greenlet
import pytest
import pytest_timeout

from tests import postgres
from turing import environment

PREFIX = "lesion-turing-tests-"
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}


def pytest_addoption(parser):
    parser.addoption(
        "--database",
        default="sqlite",
        metavar="sqlite|postgresql|URL",
        help="database of the tests. postgresql: a cluster of the run's own. On any but SQLite, tests that use no "
        "database are left out, since they run on SQLite already.",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    """Make the folder, and point Django to it before it reads its settings."""
    early_config.missing_database = None
    for name in environment.VARIABLES:  # what stands in the developer's shell is not under test
        os.environ.pop(name, None)
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # other tests use the other cores
    folder = _own_folder()
    early_config.own_folder = folder
    early_config.add_cleanup(lambda: _remove(folder))
    os.environ["DATA_DIR"] = str(folder / "data")
    wanted = early_config.known_args_namespace.database
    if wanted == "postgresql":
        try:
            os.environ["DATABASE_URL"], stop = postgres.start(folder / "cluster")
            early_config.add_cleanup(stop)
        except postgres.Unavailable as reason:
            early_config.missing_database = str(reason)
    elif wanted != "sqlite":
        os.environ["DATABASE_URL"] = wanted
    return (yield)


def _own_folder() -> Path:
    """A new temporary folder, locked while this process lives. Removes folders of runs that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _lock(left)
        # A new folder may not be locked yet.
        if lock is not None and os.fstat(lock).st_mtime < time.time() - 600:
            _remove(left)
        if lock is not None:
            os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    _lock(folder)  # never closed: the system lets go of it with the process, however that ends
    return folder


def _remove(folder: Path) -> None:
    with suppress(RecursionError):  # a test of hostile files may leave very deep folders
        shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int | None:
    """The folder's lock; None if another process has it or the folder belongs to another user."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    # Pytest's usual folder is shared with other runs, which tidy up in it.
    config.option.basetemp = config.option.basetemp or str(config.own_folder / "tests")
    # xdist would begin with the longest files. Browser tests come last on each worker, too: see tests/conftest.py.
    config.option.loadscopereorder = False


def pytest_sessionstart(session):
    if reason := session.config.missing_database:
        pytest.exit(f"NOTHING WAS TESTED ON POSTGRESQL. {reason}.", returncode=0)


def pytest_collection_modifyitems(config, items):
    if config.option.database != "sqlite":
        left_out = [item for item in items if not DATABASE_FIXTURES & set(item.fixturenames)]
        items[:] = [item for item in items if DATABASE_FIXTURES & set(item.fixturenames)]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item, settings):
    """At the limit, print where every thread is and end the run, because a hung browser cannot be recovered."""
    test = greenlet.getcurrent()  # Playwright waits in another one
    timer = threading.Timer(settings.timeout, _give_up, (item, settings.timeout, test))
    timer.daemon = True
    timer.start()
    item.cancel_timeout = timer.cancel
    return True


def _give_up(item, limit: float, test: greenlet.greenlet) -> None:
    if pytest_timeout.is_debugging():
        return
    try:
        if capture := item.config.pluginmanager.getplugin("capturemanager"):
            capture.suspend_global_capture(in_=True)
        print(f"\n{item.nodeid} took longer than {limit:.0f} s. Where it stood:", file=sys.stderr)
        for title, frame in _stacks(test):
            print(f"\n--- {title}\n{''.join(traceback.format_stack(frame))}", file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(1)


def _stacks(test: greenlet.greenlet):
    """Title and frame of every other thread, and of the test if it waits for another greenlet."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for identity, frame in sys._current_frames().items():
        if identity != threading.get_ident():
            yield f"thread {names.get(identity, identity)}", frame
    if test.gr_frame is not None:
        yield "the test", test.gr_frame
