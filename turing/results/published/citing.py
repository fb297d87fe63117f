"""How to cite a published study: as text, as BibTeX and as CITATION.cff."""

import re

from turing.models import Study
from turing.results.archive.citation import citation_cff, names_of
from turing.version import name_and_version

SPECIAL = {one: f"\\{one}" for one in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}"}


def _kind(study: Study) -> str:
    return "a visual Turing test" if study.asks_judgement else "a purpose-blinded reader study"


def as_text(study: Study, address: str) -> str:
    """One line, as in a list of references."""
    authors = "; ".join(names_of(study))
    begin = f"{authors}. {study.title}" if authors else study.title
    return (
        f"{begin}: results of {_kind(study)}. {study.published_at:%Y}. {address} "
        f"(design SHA-256 {study.design_hash[:16]})"
    )


def as_bibtex(study: Study, address: str) -> str:
    """A `@misc` entry, which every BibTeX style knows. The key stays the same as long as the study's address does."""
    fields = {
        "author": " and ".join(f"{{{_tex(name)}}}" for name in names_of(study)),
        "title": f"{{{_tex(study.title)}}}: results of {_kind(study)}",
        "year": f"{study.published_at:%Y}",
        "howpublished": f"\\url{{{address}}}",
        "note": f"Design SHA-256 {study.design_hash[:16]}; {_tex(name_and_version())}",
    }
    lines = ",\n".join(f"  {key} = {{{value}}}" for key, value in fields.items() if value)
    return f"@misc{{{re.sub(r'[^a-z0-9-]', '', study.slug.lower())}{study.published_at:%Y},\n{lines}\n}}\n"


def as_cff(study: Study, address: str) -> bytes:
    """CITATION.cff 1.2.0 with the page's address."""
    return citation_cff(study, study.published_at.date(), address)


def _tex(text: str) -> str:
    """The text in one line, with LaTeX's special characters escaped."""
    return "".join(SPECIAL.get(one, one) for one in " ".join(text.split()))
