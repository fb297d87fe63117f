"""The web image's packages are enough: a fresh environment with only these serves the site."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import PASSWORD
from tests.server.conftest import ROOT, Visitor


def closure(requirements: list[str]) -> dict[str, Distribution]:
    """The installed packages that these requirements bring in, including indirect ones, as with pip."""
    found: dict[str, Distribution] = {}
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        one = distribution(requirement.name)
        assert one.version in requirement.specifier, f"{requirement} is asked for, {one.version} is installed"
        extras = requirement.extras or {""}
        if requirement.name.lower() not in found or requirement.extras:
            found[requirement.name.lower()] = one
            waiting += [(Requirement(text), extra) for text in one.requires or [] for extra in extras]
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """A folder with what .dockerignore allows, and an environment with the packages that the web image installs.

    The packages are links to installed ones, so nothing is downloaded.
    """
    assert "pip install --no-cache-dir '.[postgres,s3,redis]'" in (ROOT / "deploy/Dockerfile").read_text()
    folder = tmp_path_factory.mktemp("image")
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source = ROOT / line[1:]
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / line[1:])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv/lib").glob("python*/site-packages")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [need for name in ("postgres", "s3", "redis") for need in project["optional-dependencies"][name]]
    for one in closure(project["dependencies"] + extras).values():
        for name in {path.parts[0] for path in one.files or []} - {"..", "__pycache__"}:
            if not (packages / name).exists():
                (packages / name).symlink_to(one.locate_file(name))
    return folder


def test_readers_and_researchers_are_served_without_the_training_packages(image, serve, study, reader, researcher):
    python = str(image / "venv/bin/python")
    none = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True)
    assert "No module named 'torch'" in none.stderr
    server = serve(python=python, folder=image)
    judge = Visitor(server)
    assert study.title in judge.open("/")[1]
    judge.open("/accounts/login/")
    judge.open("/accounts/login/", username=reader.user.email, password=PASSWORD)
    address, page = judge.open(f"/studies/{study.slug}/", consent="on")
    assert address.endswith("/trials/1/")
    assert 'class="stimulus"' in page
    other = Visitor(server)
    other.open("/accounts/login/")
    other.open("/accounts/login/", username=researcher.email, password=PASSWORD)
    for path in ("/research/", "/research/generators/", "/research/plan/", f"/research/studies/{study.slug}/results/"):
        assert other.open(path)[0].endswith(path)
    assert server.get("/readyz") == 200


def test_a_command_that_trains_says_what_it_needs(image, tmp_path):
    command = [str(image / "venv/bin/python"), "manage.py", "train_gan", "--summary"]
    environment = os.environ | {"DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=image, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install '.[train]'" in done.stderr
    assert "Traceback" not in done.stderr
