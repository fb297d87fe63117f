"""MkDocs hooks: pages made from code, formulas, diagrams that follow the theme. The site loads from no other host.

MkDocs calls these functions by their names: https://www.mkdocs.org/user-guide/plugins/#events.
"""

import argparse
import atexit
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
APPS = {"gan": "Images and generators", "turing": "Studies, readers and the site"}
# Options that Django gives every command.
DJANGOS = {
    "--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color",
    "--skip-checks", "--help-all",
}  # fmt: skip
# The markup that pymdownx.arithmatex makes from LaTeX between dollars.
FORMULA = r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>'
# Files outside docs/ that are also pages of the site.
BESIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from code, and those that lie beside docs/."""
    made = {"commands.md": commands_page(), "api.md": api_page()}
    for name, page in BESIDE.items():
        made[page] = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def commands_page() -> str:
    """Every command of this project from its argparse parser, as Markdown."""
    parsers = list(command_parsers())
    lines = [
        "# Commands",
        "",
        "`python manage.py COMMAND` in a checkout, `lesion-turing COMMAND` where the package is installed. "
        "This page is made from the commands themselves when the site is built.",
        "",
        "Every command also takes Django's options; `--verbosity 0` and `--traceback` are the useful ones. "
        "A mistake in an option ends a command with one line and exit status 1 or 2. "
        "Where a command has `--json`, only JSON goes to standard output.",
        "",
    ]
    for app, title in APPS.items():
        ours = [(name, parser) for owner, name, parser in parsers if owner == app]
        lines += [f"## {title}", "", "| command | does |", "| --- | --- |"]
        lines += [f"| [`{name}`](#{name}) | {first_sentence(parser.description or '')} |" for name, parser in ours]
        lines.append("")
        for name, parser in ours:
            lines += [*command_section(name, parser), ""]
    return "\n".join(lines)


def command_parsers() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """App, name and parser of every command of this project."""
    sys.path.insert(0, str(ROOT))
    if "DATA_DIR" not in os.environ:
        os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="docs-")
        atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turing.settings")
    os.environ["COLUMNS"] = "100"  # argparse breaks its usage lines there
    import django
    from django.core.management import get_commands, load_command_class

    django.setup()
    for name, app in sorted(get_commands().items()):
        if app in APPS:
            yield app, name, load_command_class(app, name).create_parser("manage.py", name)


def command_section(name: str, parser: argparse.ArgumentParser) -> list[str]:
    """One command: its purpose, an example, its arguments."""
    lines = [f"### {name} {{ #{name} }}", "", escaped(parser.description or ""), ""]
    example = (parser.epilog or "").removeprefix("Example:\n")
    lines += ["```sh", *(f"python {line.strip()}" if line.strip().startswith("manage.py") else line.strip()
              for line in example.splitlines() if line.strip()), "```", ""]  # fmt: skip
    formatter = argparse.HelpFormatter(parser.prog, width=10_000)
    for action in parser._actions:
        if DJANGOS & set(action.option_strings) or action.help == argparse.SUPPRESS:
            continue
        called = ", ".join(f"`{one}`" for one in invocations(formatter, action))
        meaning = escaped(formatter._expand_help(action)) if action.help else ""
        needed = "**needed** " if action.required else ""
        lines += [called, f":   {needed}{meaning}", ""]
    return lines


def invocations(formatter: argparse.HelpFormatter, action: argparse.Action) -> list[str]:
    """Each way to write the argument, such as `--count N`."""
    if not action.option_strings:
        return [formatter._format_args(action, action.metavar or action.dest)]
    if action.nargs == 0:
        return list(action.option_strings)
    value = formatter._format_args(action, formatter._get_default_metavar_for_optional(action))
    return [f"{option} {value}" for option in action.option_strings]


def escaped(text: str) -> str:
    """The help text, with characters escaped that Markdown would read as markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", " ".join(text.split()))


def first_sentence(text: str) -> str:
    return escaped(re.split(r"(?<=[.:;]) ", " ".join(text.split()))[0].rstrip(":;"))


def api_page() -> str:
    """The reference of `turing.statistics`: one section for each module, filled by mkdocstrings from the docstrings."""
    modules = sorted(path.stem for path in (ROOT / "turing/statistics").glob("*.py") if path.stem != "__init__")
    lines = [
        "# Statistics in Python",
        "",
        "`turing.statistics` takes arrays and gives numbers. It uses numpy and scipy, and nothing of Django or of the "
        "site, so you can use it on the data of any reader study:",
        "",
        "```python",
        "from turing.statistics.mrmc import mrmc_rate",
        "",
        "rate = mrmc_rate(reader=[1, 1, 2, 2, 3, 3], image=[1, 2, 1, 2, 1, 2], score=[1, 0, 1, 1, 1, 0])",
        "print(rate.estimate, rate.ci95)",
        "```",
        "",
        "[Formulas](formulas.md) gives the formulas, [Statistics](statistics.md) how each figure was checked.",
        "",
    ]
    for module in modules:
        lines += [f"## {module}", "", f"::: turing.statistics.{module}", ""]
    return "\n".join(lines)


def on_page_markdown(markdown: str, page: Page, **about: object) -> str:
    """Give pages with diagrams the width of their table of contents, and let links beside docs/ lead to their pages."""
    if re.search(r"\]\(pictures/\S+\.svg\)", markdown):
        page.meta["hide"] = ["toc"]
    return links_within_the_site(markdown, page.file.src_uri)


def links_within_the_site(markdown: str, source: str) -> str:
    """The Markdown of the page `source`, whose links to files beside docs/ work on a forge, with links for the site."""
    up = "../" * source.count("/")
    for name, page in BESIDE.items():
        markdown = markdown.replace(f"](../{up}{name}", f"]({up}{page}")
    return markdown


def on_page_content(html: str, config: MkDocsConfig, **about: object) -> str:
    """Turn LaTeX into MathML, and put SVG diagrams into the page, where the theme's colours apply."""

    def rendered(formula: re.Match) -> str:
        latex = unescape(formula["latex"]).strip()
        if formula["tag"] == "span":
            return convert(latex, display="inline")
        return f'<div class="formula" tabindex="0">{convert(latex, display="block")}</div>'

    def inlined(image: re.Match) -> str:
        path = Path(config.docs_dir) / "pictures" / image["name"]
        svg = re.sub(r"<\?xml.*?\?>\s*", "", path.read_text(encoding="utf-8"))
        return f'<div class="diagram" tabindex="0">{svg}</div>'

    html = re.sub(FORMULA, rendered, html, flags=re.DOTALL)
    return re.sub(r'<p><img [^>]*src="[^"]*pictures/(?P<name>[\w-]+\.svg)"[^>]*/?></p>', inlined, html)


def on_post_build(config: MkDocsConfig) -> None:
    """Raise if a page or a style sheet loads anything from another host."""
    strangers = []
    for path in Path(config.site_dir).rglob("*"):
        if path.suffix in (".html", ".css"):
            found = loads(path.read_text(encoding="utf-8"), path.suffix)
            strangers += [f"{path.relative_to(config.site_dir)} loads {address}" for address in found]
    if strangers:
        raise PluginError("The site must load nothing from another host:\n" + "\n".join(sorted(strangers)))


def loads(text: str, kind: str) -> list[str]:
    """Addresses on other hosts that a browser requests when it shows this page or style sheet."""
    if kind == ".css":
        asked = re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)
    else:
        reader = Loads()
        reader.feed(text)
        asked = reader.asked
    return [address for address in asked if re.match(r"(https?:)?//", address)]


class Loads(HTMLParser):
    """Collects what a page loads by itself, without links that a reader follows."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev", "alternate"):
            self.asked.append(values.get("href") or "")
        if tag != "a":
            self.asked += [values.get("src") or "", *re.findall(r"\S+(?=\s+[\d.]+[wx])", values.get("srcset") or "")]
        self.asked += re.findall(r"url\(\s*['\"]?([^'\")]+)", values.get("style") or "")
