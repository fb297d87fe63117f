"""Texts for translators: `python scripts/messages.py` updates the files in locale/ and compiles them.

Babel reads Python files, and the calls that Django's own `templatize` makes from templates. It needs no system package.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
CATALOGS = sorted(ROOT.glob("locale/*/LC_MESSAGES/django.po"))
KEYWORDS = {"_", "gettext", "gettext_lazy", "gettext_noop", "noop", "ngettext", "pgettext", "npgettext"}
STRING = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\bn?gettext\({STRING}(?:,\s*{STRING})?")
Message = str | tuple[str, ...]


def used() -> Iterator[tuple[Message, str]]:
    """Every text to be translated, with its file."""
    if not settings.configured:
        settings.configure()
    for path in [*sorted(ROOT.glob("templates/**/*.html")), *sorted(ROOT.glob("turing/**/*.py"))]:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            text = "\n".join(match[0] + ")" for match in CALL.finditer(templatize(text)))
        for _, function, messages, _ in extract_python(BytesIO(text.encode()), KEYWORDS, [], {}):
            keys = messages if isinstance(messages, tuple) else (messages,)
            forms = tuple(one for one in keys if isinstance(one, str))
            if forms:
                plural = function.startswith("n") and function in DEFAULT_KEYWORDS
                yield (forms[:2] if plural else forms[0]), str(path.relative_to(ROOT))


def read(path: Path) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parents[1].name, domain="django")


def compiled(catalog: Catalog) -> bytes:
    buffer = BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def main() -> None:
    template = Catalog(domain="django")
    for message, place in used():
        template.add(message, locations=[(place, 0)])
    for path in CATALOGS:
        catalog = read(path)
        created = catalog.creation_date
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.creation_date = catalog.revision_date = created  # so that a file changes only if its texts do
        catalog.project, catalog.version = "lesion-turing", "1"
        catalog.msgid_bugs_address = catalog.last_translator = ""
        catalog.language_team = path.parents[1].name
        buffer = BytesIO()
        write_po(buffer, catalog, width=120, include_lineno=False, sort_output=True)
        path.write_bytes(buffer.getvalue())
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        empty = [one.id for one in catalog if one.id and not all(one.string if one.pluralizable else [one.string])]
        print(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {len(empty)} without a translation")
        for one in empty:
            print(f"  {one!r}")


if __name__ == "__main__":
    main()
