"""The table of known collections: how each is recognised, what its columns mean, and what its source says about it.

To add a collection, add a `Format` here and a drawn example of it to the tests. `docs/collections.md` holds the table.
Column names are compared in the form that `key` gives them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gan.foundation.diagnoses import LEVELS

DERMOSCOPIC, CLINICAL = "dermoscopic", "clinical"
NON_COMMERCIAL = "CC-BY-NC"

# Roles that a column may have, and that `--columns` may name.
ROLES = (
    "file", "id", "diagnosis", "lesion", "patient", "licence", "attribution", "type", "age", "sex", "site", "skin",
)  # fmt: skip
# Names that these columns have in most collections.
USUAL = {
    "lesion": ("lesion_id",),
    "patient": ("patient_id",),
    "licence": ("copyright_license", "license", "licence"),
    "attribution": ("attribution",),
    "type": ("image_type",),
    "age": ("age_approx", "age_approximate", "age"),
    "sex": ("sex", "gender"),
    "site": (
        "anatom_site_general_challenge", "anatom_site_general", "anatom_site", "localization", "region", "site",
    ),
    "skin": ("fitzpatrick_skin_type", "fitspatrick", "fitzpatrick", "skin_type"),
}  # fmt: skip


@dataclass(frozen=True)
class Format:
    """One known collection. `needs`: sets of columns, one of which must be there. `columns`: names by role."""

    name: str
    title: str
    needs: tuple[frozenset[str], ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    collection: str = ""
    image_type: str = DERMOSCOPIC  # '' if the user must say it
    licence: str = "unknown"
    attribution: str = "unknown"
    doi: str = ""
    classes: Mapping[str, str] = field(
        default_factory=dict
    )  # label by column, if each class has a column and one of them is marked
    unmarked: str = ""  # the label of a row in which no class is marked, if the source defines one
    codes: Mapping[str, str] = field(default_factory=dict)  # labels that only this collection has
    gathered: Mapping[str, str] = field(default_factory=dict)  # subtypes, and the name under which they are imported
    binary: tuple[str, ...] = ()  # columns that only say benign or malignant
    companions: tuple[frozenset[str], ...] = ()  # further tables that are joined by the image's name
    masks: str = ""  # paths that are drawings of the lesion's area, not photographs
    own_ids: bool = False  # whether ids of images, lesions and patients are those of the ISIC Archive


def key(column: str) -> str:
    """A column's name in normal form: lower case, '_' between words, without the old archive's `meta.clinical.`

    >>> key("meta.clinical.age_approx"), key("Image Name"), key("MEL")
    ('age_approx', 'image_name', 'mel')
    """
    name = re.sub(r"[\s.]+", "_", column.strip().lower())
    return re.sub(r"^meta_((clinical|acquisition|unstructured)_)?", "", name)


def _classes(labels: str) -> dict[str, str]:
    return {label.lower(): label for label in labels.split()}


SEGMENTED = r"(_segmentation|_superpixels|_attribute_\w+)\.\w+$"

ARCHIVE = Format(
    "isic-archive",
    "ISIC Archive export",
    needs=(
        *(frozenset({"isic_id", column}) for column in ("diagnosis", *LEVELS)),
        frozenset({"_id", "name", "diagnosis"}),
        frozenset({"name", "diagnosis", "benign_malignant"}),
    ),
    columns={"file": ("isic_id", "name"), "id": ("isic_id", "name"), "diagnosis": ("diagnosis",)},
    collection="ISIC archive",
    attribution="unknown",
    doi="10.48550/arXiv.1902.03368",
    binary=("benign_malignant",),
    own_ids=True,
)
FOLDERS = Format("folders", "plain folders, one per diagnosis", image_type="", collection="")
COLUMNS = Format("columns", "table with the columns that were named", image_type="", collection="")

FORMATS = (
    ARCHIVE,
    Format(
        "isic-2016",
        "ISIC 2016 challenge",
        needs=(frozenset({"image_id", "isic_2016_label"}),),  # the file has no header; `reading` adds one
        columns={"file": ("image_id",), "id": ("image_id",)},
        collection="ISIC 2016",
        licence="CC-0",
        attribution="ISIC 2016 challenge (Gutman et al. 2016, doi:10.48550/arXiv.1605.01397)",
        doi="10.48550/arXiv.1605.01397",
        binary=("isic_2016_label",),
        masks=SEGMENTED,
        own_ids=True,
    ),
    Format(
        "isic-2017",
        "ISIC 2017 challenge",
        needs=(frozenset({"image_id", "melanoma", "seborrheic_keratosis"}),),
        columns={"file": ("image_id",), "id": ("image_id",)},
        collection="ISIC 2017",
        licence="CC-0",
        attribution="ISIC 2017 challenge (Codella et al. 2018, doi:10.1109/ISBI.2018.8363547)",
        doi="10.1109/ISBI.2018.8363547",
        classes={"melanoma": "melanoma", "seborrheic_keratosis": "seborrheic keratosis"},
        unmarked="nevus",  # the one of the challenge's three diagnoses that has no column
        companions=(frozenset({"image_id", "age_approximate"}),),
        masks=SEGMENTED,
        own_ids=True,
    ),
    Format(
        "isic-2018",
        "ISIC 2018 challenge, task 3",
        needs=(frozenset({"image", *_classes("MEL NV BCC AKIEC BKL DF VASC")}),),
        columns={"file": ("image",), "id": ("image",)},
        collection="ISIC 2018",
        licence=NON_COMMERCIAL,
        attribution="ISIC 2018 challenge (Codella et al. 2019, doi:10.48550/arXiv.1902.03368; "
        "Tschandl et al. 2018, doi:10.1038/sdata.2018.161)",
        doi="10.48550/arXiv.1902.03368",
        classes=_classes("MEL NV BCC AKIEC BKL DF VASC"),
        companions=(frozenset({"image", "lesion_id"}),),
        masks=SEGMENTED,
        own_ids=True,
    ),
    Format(
        "isic-2019",
        "ISIC 2019 challenge",
        needs=(
            frozenset({"image", *_classes("MEL NV BCC AK BKL DF VASC SCC")}),
            frozenset({"image", *_classes("MEL NV BCC AKIEC BKL DF VASC SCC")}),
        ),
        columns={"file": ("image",), "id": ("image",)},
        collection="ISIC 2019",
        licence=NON_COMMERCIAL,
        attribution="ISIC 2019 challenge (Tschandl et al. 2018, doi:10.1038/sdata.2018.161; Codella et al. 2018, "
        "doi:10.1109/ISBI.2018.8363547; Hernandez-Perez et al. 2024, doi:10.1038/s41597-024-03387-w)",
        doi="10.1038/s41597-024-03387-w",
        classes=_classes("MEL NV BCC AK AKIEC BKL DF VASC SCC UNK"),
        companions=(frozenset({"image", "lesion_id"}), frozenset({"image", "age_approx"})),
        own_ids=True,
    ),
    Format(
        "isic-2020",
        "ISIC 2020 challenge",
        needs=(frozenset({"image_name", "benign_malignant"}), frozenset({"image_name", "target"})),
        columns={"file": ("image_name",), "id": ("image_name",), "diagnosis": ("diagnosis",)},
        collection="ISIC 2020",
        licence=NON_COMMERCIAL,
        attribution="ISIC 2020 challenge (Rotemberg et al. 2021, doi:10.1038/s41597-021-00815-z)",
        doi="10.1038/s41597-021-00815-z",
        binary=("benign_malignant", "target"),
        own_ids=True,
    ),
    Format(
        "ham10000",
        "HAM10000",
        needs=(frozenset({"image_id", "dx"}),),
        columns={"file": ("image_id",), "id": ("image_id",), "diagnosis": ("dx",)},
        collection="HAM10000",
        licence=NON_COMMERCIAL,
        attribution="HAM10000 (Tschandl et al. 2018, doi:10.1038/sdata.2018.161)",
        doi="10.1038/sdata.2018.161",
        masks=SEGMENTED,
        own_ids=True,
    ),
    Format(
        "bcn20000",
        "BCN20000",
        needs=(frozenset({"bcn_filename", "diagnosis"}), frozenset({"bcn_filename", "isic_id", "diagnosis"})),
        columns={
            "file": ("bcn_filename", "isic_id"),
            "id": ("isic_id", "bcn_filename"),
            "diagnosis": ("diagnosis",),
        },
        collection="BCN20000",
        licence=NON_COMMERCIAL,
        attribution="BCN20000 (Hernandez-Perez et al. 2024, doi:10.1038/s41597-024-03387-w)",
        doi="10.1038/s41597-024-03387-w",
        codes={"ood": "unknown"},  # out of distribution, not in any class
        own_ids=True,
    ),
    Format(
        "ph2",
        "PH2",
        needs=(
            frozenset({"name", "clinical_diagnosis", "asymmetry"}),
            frozenset({"image_name", "common_nevus", "atypical_nevus", "melanoma"}),
        ),
        columns={
            "file": ("name", "image_name"),
            "id": ("name", "image_name"),
            "diagnosis": ("clinical_diagnosis",),
        },
        collection="PH2",
        licence="research and education only",
        attribution="PH2 (Mendonca et al. 2013, doi:10.1109/EMBC.2013.6610779)",
        doi="10.1109/EMBC.2013.6610779",
        classes={"common_nevus": "common nevus", "atypical_nevus": "atypical nevus", "melanoma": "melanoma"},
        codes={"0": "common nevus", "1": "atypical nevus", "2": "melanoma"},
        gathered={"common nevus": "nevus", "atypical nevus": "nevus"},
        masks=r"(_lesion|_roi)/|(_lesion|_R\d+_Label\d+|_roi\d*)\.\w+$",
    ),
    Format(
        "pad-ufes-20",
        "PAD-UFES-20",
        needs=(frozenset({"img_id", "diagnostic", "patient_id"}),),
        columns={"file": ("img_id",), "id": ("img_id",), "diagnosis": ("diagnostic",)},
        collection="PAD-UFES-20",
        image_type=CLINICAL,
        licence="CC-BY 4.0",
        attribution="PAD-UFES-20 (Pacheco et al. 2020, doi:10.1016/j.dib.2020.106221)",
        doi="10.1016/j.dib.2020.106221",
    ),
)
BY_NAME = {form.name: form for form in (*FORMATS, FOLDERS, COLUMNS)}
