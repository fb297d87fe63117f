"""Names of diagnoses: one spelling each, whatever the export called them."""

import re
from collections.abc import Mapping

ABBREVIATIONS = {
    "mel": "melanoma",
    "bcc": "basal cell carcinoma",
    "nv": "nevus",
    "bkl": "benign keratosis",
    "scc": "squamous cell carcinoma",
    "ak": "actinic keratosis",
}
LEVELS = [f"diagnosis_{level}" for level in range(1, 6)]


def normalise_diagnosis(text: str) -> str:
    """The field's plain name: lower case, single spaces, abbreviations spelled out, ', NOS' dropped.

    >>> normalise_diagnosis("Basal-cell_carcinoma"), normalise_diagnosis("MEL"), normalise_diagnosis("Melanoma, NOS")
    ('basal cell carcinoma', 'melanoma', 'melanoma')
    """
    name = re.sub(r"[\s_-]+", " ", text.strip().lower())
    name = re.sub(r",? nos$", "", name)
    return ABBREVIATIONS.get(name, name)


def diagnosis_of_row(row: Mapping[str, str]) -> str:
    """The diagnosis in one row of ISIC metadata, or '' where it has none.

    Old exports have the column `diagnosis`; new ones a hierarchy `diagnosis_1` (benign or malignant) to
    `diagnosis_5` (most specific). Subtypes of melanoma, basal cell carcinoma and nevus are gathered under
    the parent's name, as the seed paper did; any other diagnosis is the most specific level given.
    """
    if row.get("diagnosis", "").strip():
        return normalise_diagnosis(row["diagnosis"])
    levels = [normalise_diagnosis(row[level]) for level in LEVELS if row.get(level, "").strip()]
    for level in levels:
        if level.startswith("melanoma") and "metastas" not in level:
            return "melanoma"
        if level.startswith(("basal cell carcinoma", "nevus")):
            return "basal cell carcinoma" if level.startswith("basal") else "nevus"
    # The first level alone says only 'benign' or 'malignant': no diagnosis to study.
    specific = levels[1:] if row.get("diagnosis_1", "").strip() else levels
    return specific[-1] if specific else ""


def slug_of(diagnosis: str) -> str:
    """A name for files and folders, such as `basal-cell-carcinoma`."""
    return re.sub(r"[^a-z0-9]+", "-", diagnosis.lower()).strip("-") or "diagnosis"
