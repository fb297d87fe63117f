"""Values of single fields as collections write them: type of image, age, sex, site, skin type."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from gan.foundation.diagnoses import is_diagnosis

SKIN_TYPES = ("I", "II", "III", "IV", "V", "VI")
# English, German, Turkish, French, Spanish, Portuguese, Italian, Dutch. German 'w', Turkish 'k' and 'e' stand for one
# sex only. 'd' (divers) is neither, and 'h' and 'v' are not clear enough.
WOMEN = """
f female woman w weiblich frau k kadın kadin femme féminin feminin mujer femenino femenina mulher feminino feminina
donna femmina femminile vrouw vrouwelijk
"""  # noqa: RUF001
MEN = """
male man männlich maennlich mann e erkek homme masculin hombre masculino masculina homem uomo maschio maschile
mannelijk
"""
# A man in most languages, but in Spanish and Portuguese a woman (mujer, mulher). The column's other values decide.
AMBIGUOUS = "m"
FEMALE, MALE = set(WOMEN.split()), set(MEN.split())


def image_type_of(text: str) -> str:
    """`dermoscopic`, `clinical: close-up`, …; '' if nothing is given."""
    said = " ".join(text.lower().split())[:40]
    return "dermoscopic" if said in ("dermoscopy", "dermatoscopic", "dermatoscopy") else said


def age_of(text: str) -> int | None:
    """Years from 0 to 120, with a decimal point or comma; None for anything else, such as a range."""
    try:
        age = float(re.sub(r"^(\d+),(\d+)$", r"\1.\2", text.strip()))
    except ValueError:
        return None
    return round(age) if 0 <= age <= 120 else None


def sexes_of(values: Iterable[str], told: Mapping[str, str]) -> dict[str, str]:
    """`female` or `male` for each clear value of a column, in lower case; `told` has priority.

    `m` is male if the column also has another code or word for women, such as `f` or `w`, or a word for men that begins
    with it. Beside `h` (hombre, homem), or alone, it may mean a woman, and is left out.
    """
    said = {_plain(value) for value in values}
    found = dict.fromkeys(said & FEMALE, "female") | dict.fromkeys(said & MALE, "male")
    others = {one for one in said & FEMALE if not one.startswith("m")} | {one for one in said & MALE if one[0] == "m"}
    if AMBIGUOUS in said and others:
        found[AMBIGUOUS] = "male"
    return found | {_plain(value): sex for value, sex in told.items()}


def sex_of(text: str, sexes: Mapping[str, str]) -> str:
    """The result of `sexes_of` for the value; '' if there is none."""
    return sexes.get(_plain(text), "")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().lower()


def site_of(text: str) -> str:
    said = " ".join(text.replace("_", " ").lower().split())[:80]
    return said if is_diagnosis(said) else ""  # 'unknown' and the like


def skin_type_of(text: str) -> str:
    """Fitzpatrick's type as I to VI, from Roman numerals or numbers."""
    said = text.strip().upper().removeprefix("TYPE ").removesuffix(".0")
    if said.isdecimal() and said.isascii() and 1 <= int(said[:4]) <= 6:
        return SKIN_TYPES[int(said[:4]) - 1]
    return said if said in SKIN_TYPES else ""
