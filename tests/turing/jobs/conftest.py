"""A worker on the test's database."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT, database_url
from tests.turing.jobs.fakes import fake_work
from turing.jobs import processes


@pytest.fixture
def work(tmp_path) -> Callable[[str], dict[str, str]]:
    """Gives the environment in which curation is the given body of a function of `job` and `commands`."""
    return lambda body: fake_work(tmp_path / "fakes", body)


@pytest.fixture
def worker(transactional_db, data_root, tmp_path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts `manage.py run_worker` on the test's database."""
    started = []

    def start(*options: str, **variables: str) -> subprocess.Popen:
        own = {"DATABASE_URL": database_url(), "DATA_DIR": str(data_root), "SECRET_KEY": "test"}
        with (tmp_path / "worker.log").open("a") as log:
            process = processes.start(
                [sys.executable, "manage.py", "run_worker", *options],
                cwd=ROOT,
                env=os.environ | own | variables,
                stdout=log,
                stderr=log,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        processes.stop(process)


@pytest.fixture
def worker_log(tmp_path) -> Path:
    return tmp_path / "worker.log"
