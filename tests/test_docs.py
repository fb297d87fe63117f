"""The documentation site. `make lint` builds it strictly; these tests check what a build does not show."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from scripts import docs_hooks

ROOT = Path(__file__).resolve().parents[1]


def test_the_command_reference_holds_every_option_of_every_command(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.syspath_prepend(str(ROOT))
    page = docs_hooks.commands_page()
    for name, app in get_commands().items():
        if app in docs_hooks.APPS:
            section = page.partition(f"{{ #{name} }}")[2].partition("\n### ")[0]
            options = load_command_class(app, name).create_parser("manage.py", name)._option_string_actions
            written = {option for option in options if re.search(rf"`{option}[ `]", section)}
            missing = set(options) - written - docs_hooks.DJANGOS - {"-h", "-v"}
            assert not missing, f"{name}: {missing}"


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<img src="a.png" srcset="a.png 1x, https://cdn.example/b.png 2x">',
        '<p style="background: url(https://cdn.example/x.png)">',
    ],
)
def test_a_page_that_loads_from_another_host_is_noticed(page):
    assert docs_hooks.loads(page, ".html")


def test_links_that_a_reader_follows_may_lead_anywhere():
    assert not docs_hooks.loads('<a href="https://doi.org/10.1/x">x</a><img src="a.png">', ".html")
    assert docs_hooks.loads("@font-face { src: url('https://fonts.example/x.woff2') }", ".css")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_files_that_the_top_pages_link_to_exist(name):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))
    assert not [link for link in links if not (ROOT / link).exists()]


def test_links_between_pages_also_work_where_the_files_are_read_without_the_site():
    """A forge shows docs/ as it lies there, without the pages that are made when the site is built."""
    broken = [
        (page.name, link)
        for page in (ROOT / "docs").rglob("*.md")
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not broken
    link = "[x](../../CONTRIBUTING.md#tests)"
    assert docs_hooks.links_within_the_site(link, "start/developer.md") == "[x](../contributing.md#tests)"


def test_paths_that_pages_name_exist():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        (page.name, path)
        for page in pages
        for path in re.findall(
            r"(?<![\w./-])((?:gan|turing|tests|benchmarks|scripts)/[\w./-]*\w)", page.read_text("utf-8")
        )
    }
    assert len(named) > 50
    assert not [(page, path) for page, path in named if not (ROOT / path).exists()]


def test_modules_that_docstrings_name_exist():
    named = {
        (path.name, module)
        for package in ("gan", "turing")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
        for module in re.findall(r"`((?:gan|turing)\.\w+)[\w.]*`", path.read_text("utf-8"))
    }
    assert len(named) > 5
    places = [(name, ROOT / module.replace(".", "/")) for name, module in named]
    for package in (ROOT / "gan").glob("*/__init__.py"):  # their docstrings list the package's modules
        modules = re.findall(r"`([a-z_0-9]+)`", package.read_text("utf-8"))
        places += [(str(package), package.parent / module) for module in modules]
    assert not [(name, place) for name, place in places if not (place.is_dir() or place.with_suffix(".py").exists())]


@pytest.mark.parametrize("link", ["other.md", "#nowhere", "page.md#nowhere"])
def test_the_build_fails_for_a_link_that_leads_nowhere(tmp_path, link):
    """It uses the Makefile's command, because `--quiet` would hide warnings from `--strict`, too."""
    (command,) = re.findall(r"(mkdocs build .*)", (ROOT / "Makefile").read_text())
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs/page.md"
    own = "plugins: []\nhooks: []\nnav: []\nextra_css: []\ntheme: mkdocs\ndocs_dir: docs\nsite_dir: site\n"
    (tmp_path / "mkdocs.yml").write_text(f"INHERIT: {ROOT / 'mkdocs.yml'}\n{own}")
    for target, status in ((link, 1), ("#a", 0)):
        page.write_text(f"# A\n\n[a link]({target})\n")
        call = [sys.executable, "-m", *command.split(), "--config-file", str(tmp_path / "mkdocs.yml")]
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
