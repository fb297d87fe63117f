"""The code keeps to the design's borders between packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

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
    assert "4 kept" in done.stdout
