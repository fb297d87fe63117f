"""Names of diagnoses: one spelling for each, whatever a collection calls them."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from console import UNSTORABLE
from gan.foundation.errors import GanError

# Codes as their sources define them: HAM10000 (Tschandl et al. 2018, doi:10.1038/sdata.2018.161), ISIC 2018 and 2019,
# PAD-UFES-20 (Pacheco et al. 2020, doi:10.1016/j.dib.2020.106221).
ABBREVIATIONS = {
    "mel": "melanoma",
    "bcc": "basal cell carcinoma",
    "nv": "nevus",
    "nev": "nevus",
    "bkl": "benign keratosis",
    "scc": "squamous cell carcinoma",
    "ak": "actinic keratosis",
    "ack": "actinic keratosis",
    "akiec": "actinic keratosis or intraepithelial carcinoma",  # one class in HAM10000, which cannot be separated
    "bod": "bowen's disease",
    "sek": "seborrheic keratosis",
    "df": "dermatofibroma",
    "vasc": "vascular lesion",
}
# Further names that collections use for one diagnosis each. An unknown name is imported, too. The report marks it, and
# the import asks about it if it may not be a diagnosis at all.
KNOWN = {
    *ABBREVIATIONS.values(), "common nevus", "atypical nevus", "dysplastic nevus", "blue nevus", "spitz nevus",
    "melanoma in situ", "lentigo", "solar lentigo", "lentigo simplex", "lentigo maligna",
    "lichenoid keratosis", "pigmented benign keratosis", "keratoacanthoma", "angioma", "hemangioma", "angiokeratoma",
    "pyogenic granuloma", "verruca", "psoriasis", "eczema", "acne", "atypical melanocytic proliferation",
    "cafe au lait macule", "neurofibroma", "merkel cell carcinoma", "healthy skin",
}  # fmt: skip
# Words for an unknown diagnosis. `unk` is ISIC 2019's; programs write the others for an empty value.
NO_DIAGNOSIS = {"", "unknown", "unk", "n/a", "na", "nan", "none", "null"}
BINARY = {"benign", "malignant", "indeterminate", "indeterminate/benign", "indeterminate/malignant"}
LONGEST = 120  # characters
LEVELS = [f"diagnosis_{level}" for level in range(1, 6)]


def normalise_diagnosis(text: str) -> str:
    """The plain name in the field: lower case, single spaces, abbreviations spelled out, ', NOS' dropped.

    >>> normalise_diagnosis("Basal-cell_carcinoma"), normalise_diagnosis("MEL"), normalise_diagnosis("Melanoma, NOS")
    ('basal cell carcinoma', 'melanoma', 'melanoma')
    """
    name = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", text).strip().lower()).strip()
    name = re.sub(r",? nos$", "", name)
    return ABBREVIATIONS.get(name, name)


def diagnosis_of_row(row: Mapping[str, str]) -> str:
    """The diagnosis in one row of ISIC metadata, or '' if it has none.

    Old exports have the column `diagnosis`. New ones have a hierarchy from `diagnosis_1` (benign or malignant) to
    `diagnosis_5` (most specific). Subtypes of melanoma, basal cell carcinoma and nevus get the parent's name, as in the
    seed paper. For other diagnoses the most specific level is used.
    """
    if is_diagnosis(row.get("diagnosis", "")):
        return normalise_diagnosis(row["diagnosis"])
    levels = [normalise_diagnosis(row[level]) for level in LEVELS if is_diagnosis(row.get(level, ""))]
    for level in levels:
        if level.startswith("melanoma") and "metastas" not in level:
            return "melanoma"
        if level.startswith(("basal cell carcinoma", "nevus")):
            return "basal cell carcinoma" if level.startswith("basal") else "nevus"
    # The first level says only 'benign' or 'malignant', which is not a diagnosis to study.
    specific = levels[1:] if row.get("diagnosis_1", "").strip() else levels
    return specific[-1] if specific else ""


def is_diagnosis(text: str) -> bool:
    """False for an empty text and for words such as 'unknown'."""
    return normalise_diagnosis(text) not in NO_DIAGNOSIS


def says_which(name: str) -> bool:
    """Whether a normalised name says what a lesion is. A number, or only benign or malignant, does not."""
    return is_diagnosis(name) and name not in BINARY and not re.fullmatch(r"[0-9.]+", name)


def checked_diagnosis(text: str, what: str) -> str:
    """The diagnosis in its standard spelling.

    Raises `GanError` beginning with `what` if the text is not a diagnosis.
    """
    name = normalise_diagnosis(text)
    if not says_which(name) or len(name) > LONGEST or UNSTORABLE.search(name) or not name.isprintable():
        raise GanError(f"{what}: {text[:80]!r} is not the name of a diagnosis.")
    return name


def slug_of(diagnosis: str) -> str:
    """A name for files and folders, such as `basal-cell-carcinoma`. Two diagnoses never share one.

    If plain letters cannot spell the diagnosis, for example in Cyrillic, eight digits of its hash follow.
    """
    name = diagnosis.lower()
    slug = plain_slug(diagnosis)
    if slug.replace("-", " ") == name:
        return slug
    return f"{slug}-{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"


def plain_slug(diagnosis: str) -> str:
    """The slug of earlier versions, which several diagnoses may share. Folders of older runs are named so."""
    return re.sub(r"[^a-z0-9]+", "-", diagnosis.lower()).strip("-") or "diagnosis"
