"""The archive as a Psych-DS dataset: schema.org metadata at its root, and the answers under the required name.

Source: the rules and conventions of Psych-DS (https://psychds-docs.readthedocs.io). `docs/archive.md` says what
conforms.
"""

import re
from typing import Any

from turing.models import Study
from turing.results.archive.citation import names_of

DESCRIPTION = "dataset_description.json"
VERSION = "Psych-DS 0.4.0"


def data_path(study: Study) -> str:
    """The path of the second copy of the answers, named as Psych-DS requires.

    The name has a keyword of letters, a value of letters and digits, and the ending `_data`.
    """
    return f"data/study-{re.sub('[^a-zA-Z0-9]', '', study.slug) or 'unnamed'}_data.csv"


def dataset_description(study: Study, package: dict[str, Any]) -> dict[str, Any]:
    """dataset_description.json: JSON-LD in the vocabulary of schema.org; `package` is the codebook with the columns."""
    answers = next(one for one in package["resources"] if one["name"] == "responses")
    creators = [{"@type": "Person", "name": name} for name in names_of(study)]
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": study.title,
        "description": package["description"],
        "schemaVersion": VERSION,
        "identifier": package["id"],
        "keywords": ["visual Turing test", "reader study", "synthetic images", "dermatology", *study.diagnoses],
        **({"creator": creators} if creators else {}),
        "variableMeasured": [_variable(field) for field in answers["schema"]["fields"]],
    }


def _variable(field: dict[str, Any]) -> dict[str, Any]:
    """A column as a PropertyValue of schema.org."""
    limits = field.get("constraints", {})
    allowed = f" One of: {', '.join(map(str, limits['enum']))}." if "enum" in limits else ""
    found = {"@type": "PropertyValue", "name": field["name"], "description": field["description"] + allowed}
    found |= {name: limits[key] for name, key in (("minValue", "minimum"), ("maxValue", "maximum")) if key in limits}
    return found | ({"unitText": "milliseconds"} if field["name"].endswith("_ms") else {})
