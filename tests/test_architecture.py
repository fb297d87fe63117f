"""The code keeps to the design's borders between packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from django.contrib.auth import get_backends
from django.utils.module_loading import import_string

from turing.jobs.queue import perform

ROOT = Path(__file__).resolve().parents[1]


def test_a_web_worker_starts_without_torch_matplotlib_and_scipy(data_root):
    code = (
        "import sys, turing.wsgi; from django.urls import get_resolver; get_resolver().url_patterns;"
        "print([name for name in ('torch', 'matplotlib', 'scipy', 'pyarrow') if name in sys.modules])"
    )
    environment = os.environ | {"DATA_DIR": str(data_root), "DJANGO_SETTINGS_MODULE": "turing.settings"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_imports_keep_to_the_house():
    lint = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "7 kept, 0 broken" in done.stdout


def test_names_that_sites_have_stored_stay_whatever_moves():
    """In entries of the job queue, and in the sessions of people who are logged in."""
    assert import_string("turing.jobs.queue.perform") is perform
    assert perform.module_path == "turing.jobs.queue.perform"
    assert "turing.people.backends.EmailBackend" in [
        f"{type(one).__module__}.{type(one).__name__}" for one in get_backends()
    ]
