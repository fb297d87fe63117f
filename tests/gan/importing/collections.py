"""A tiny drawn example of every known collection, in the layout of its source."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from tests.hostile.inputs import picture

PH2_TEXT = """|| Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry || Colors ||
|| IMD002 || || 0 || 1 || 4 ||
|| IMD003 || || 1 || 1 || 4 ||
|| IMD058 || Melanoma in situ || 2 || 2 || 3  4 ||

Legends:
    Clinical Diagnosis: 0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma.
"""
PH2_SHEET = """PH2 dataset,,,,,
,,,,,
Image Name,Histological Diagnosis,Common Nevus,Atypical Nevus,Melanoma,"Asymmetry
(0/1/2)"
IMD002,,X,,,0
IMD003,,,X,,1
IMD058,,,,X,2
"""


def mask() -> bytes:
    image = Image.new("RGB", (64, 48))
    ImageDraw.Draw(image).ellipse((10, 10, 50, 40), fill="white")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def images(folder: Path, *names: str) -> None:
    """Image files with different content, in the format of their extension."""
    for index, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {".jpg": "JPEG", ".bmp": "BMP", ".png": "PNG"}[path.suffix]
        path.write_bytes(mask() if "mask" in name or "_lesion" in name else picture(index, kind))


def table(path: Path, text: str) -> None:
    """A CSV whose fields are separated by blanks in `text`. A dot stands for an empty field."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        rows = (line.split() for line in text.strip().splitlines())
        csv.writer(stream).writerows([["" if field == "." else field for field in row] for row in rows])


def isic_archive(folder: Path) -> None:
    images(folder, *(f"images/ISIC_000000{index}.jpg" for index in range(1, 4)))
    table(
        folder / "metadata.csv",
        """isic_id diagnosis_1 diagnosis_3 age_approx sex anatom_site_general image_type lesion_id patient_id
        ISIC_0000001 Malignant Melanoma 55 female head/neck dermoscopic IL_1 IP_1
        ISIC_0000002 Benign Nevus 40 male . dermoscopic IL_2 IP_1
        ISIC_0000003 Malignant . . . . clinical:close-up . .""",
    )


def isic_archive_of_before(folder: Path) -> None:
    images(folder, "ISIC_0000001.jpg", "ISIC_0000002.jpg")
    table(
        folder / "export.csv",
        """_id name meta.clinical.diagnosis meta.clinical.age_approx meta.acquisition.image_type dataset.name
        5a2e name-less melanoma 50 dermoscopic SONIC
        5a2f ISIC_0000001 melanoma 55 dermoscopic UDA-1
        5a30 ISIC_0000002 nevus 35 dermoscopic UDA-1""",
    )


def isic_2016(folder: Path) -> None:
    images(folder, "ISIC_0000000.jpg", "ISIC_0000001.jpg", "ISIC_0000000_segmentation.png")
    (folder / "ISBI2016_ISIC_Part3_Training_GroundTruth.csv").write_text(
        "ISIC_0000000,benign\nISIC_0000001,malignant\n"
    )


def isic_2016_test(folder: Path) -> None:
    images(folder, "ISIC_0000003.jpg", "ISIC_0000004.jpg")
    (folder / "ISBI2016_ISIC_Part3_Test_GroundTruth.csv").write_text("ISIC_0000003,0.0\nISIC_0000004,1.0\n")


def isic_2017(folder: Path) -> None:
    images(folder, *(f"ISIC_000000{index}.jpg" for index in range(3)))
    table(
        folder / "ISIC-2017_Training_Part3_GroundTruth.csv",
        """image_id melanoma seborrheic_keratosis
        ISIC_0000000 0.0 0.0
        ISIC_0000001 1.0 0.0
        ISIC_0000002 0.0 1.0""",
    )
    table(folder / "ISIC-2017_Training_Data_metadata.csv", "image_id age_approximate sex\nISIC_0000001 35 male")


def isic_2018(folder: Path) -> None:
    images(folder, *(f"input/ISIC_002430{index}.jpg" for index in range(4)))
    table(
        folder / "ISIC2018_Task3_Training_GroundTruth.csv",
        """image MEL NV BCC AKIEC BKL DF VASC
        ISIC_0024300 0.0 1.0 0.0 0.0 0.0 0.0 0.0
        ISIC_0024301 0.0 0.0 0.0 1.0 0.0 0.0 0.0
        ISIC_0024302 0.0 0.0 0.0 0.0 0.0 0.0 0.0
        ISIC_0024303 1.0 1.0 0.0 0.0 0.0 0.0 0.0""",
    )
    table(
        folder / "ISIC2018_Task3_Training_LesionGroupings.csv",
        "image lesion_id diagnosis_confirm_type\nISIC_0024300 HAM_0000550 follow-up\nISIC_0024301 HAM_0003577 histo",
    )


def isic_2019(folder: Path) -> None:
    images(folder, "ISIC_0000000.jpg", "ISIC_0000002_downsampled.jpg", "ISIC_0000003.jpg")
    table(
        folder / "ISIC_2019_Training_GroundTruth.csv",
        """image MEL NV BCC AK BKL DF VASC SCC UNK
        ISIC_0000000 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0 0.0
        ISIC_0000002_downsampled 0.0 0.0 0.0 1.0 0.0 0.0 0.0 0.0 0.0
        ISIC_0000003 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 1.0""",
    )
    table(
        folder / "ISIC_2019_Training_Metadata.csv",
        "image age_approx anatom_site_general lesion_id sex\nISIC_0000000 55 anterior_torso MSK4_0000001 female",
    )


def isic_2020(folder: Path) -> None:
    images(folder, *(f"train/ISIC_001{index}.jpg" for index in ("5000", "5001", "5002")))
    columns = "image_name patient_id sex age_approx anatom_site_general_challenge diagnosis benign_malignant target"
    rows = """ISIC_0015000 IP_7279968 male 45.0 head/neck unknown benign 0
        ISIC_0015001 IP_7279968 female 45.0 torso nevus benign 0
        ISIC_0015002 IP_1 female 70.0 torso melanoma malignant 1"""
    table(folder / "train.csv", f"{columns}\n{rows}")
    table(folder / "ISIC_2020_Training_GroundTruth_v2.csv", "image_name lesion_id target\nISIC_0015001 IL_9 0")


def ham10000(folder: Path) -> None:
    images(folder, "part_1/ISIC_0027419.jpg", "part_2/ISIC_0025030.jpg", "masks/ISIC_0027419_segmentation.png")
    table(
        folder / "HAM10000_metadata",
        """lesion_id image_id dx dx_type age sex localization dataset
        HAM_0000118 ISIC_0027419 bkl histo 80.0 male scalp vidir_modern
        HAM_0000119 ISIC_0025030 akiec histo . unknown unknown rosendahl""",
    )


def bcn20000(folder: Path) -> None:
    images(folder, "bcn_20k_train/BCN_0000000001.jpg", "bcn_20k_train/BCN_0000000003.jpg")
    table(
        folder / "bcn_20k_train.csv",
        """bcn_filename age_approx anatom_site_general diagnosis lesion_id capture_date sex split
        BCN_0000000001.jpg 55 anterior_torso MEL BCN_0003884 2012-05-16 male train
        BCN_0000000003.jpg 50 anterior_torso OOD BCN_0000019 2015-07-09 female train""",
    )


def _ph2_images(folder: Path) -> None:
    lesions = ("IMD002", "IMD003", "IMD058")
    for name in lesions:
        inside = f"PH2 Dataset images/{name}/{name}"
        images(folder, f"{inside}_lesion/{name}_lesion.bmp", f"{inside}_roi/{name}_R1_Label3.bmp")
    images(folder, *(f"PH2 Dataset images/{name}/{name}_Dermoscopic_Image/{name}.bmp" for name in lesions))


def ph2(folder: Path) -> None:
    _ph2_images(folder)
    (folder / "PH2_dataset.txt").write_text(PH2_TEXT)


def ph2_sheet(folder: Path) -> None:
    _ph2_images(folder)
    (folder / "PH2_dataset.csv").write_text(PH2_SHEET)


def pad_ufes_20(folder: Path) -> None:
    images(folder, "images/PAT_8_15_820.png", "images/PAT_8_16_12.png", "images/PAT_46_881_939.png")
    table(
        folder / "metadata.csv",
        """patient_id lesion_id smoke age region gender fitspatrick diagnostic img_id biopsed
        PAT_8 15 False 8 ARM FEMALE 3.0 ACK PAT_8_15_820.png False
        PAT_8 16 False 8 NECK FEMALE 3.0 BOD PAT_8_16_12.png True
        PAT_46 881 . 55 NECK . . BCC PAT_46_881_939.png True""",
    )


def folders(folder: Path) -> None:
    images(folder, "train/melanoma/a.png", "train/nv/b.png", "test/nv/c.png", "test/unknown/d.png")


# By the layout: its name, the format that it is of, and what its images are: id, diagnosis, type.
Expected = dict[str, tuple[str, str]]
DERM, CLIN = "dermoscopic", "clinical"
COLLECTIONS: dict[str, tuple[Callable[[Path], None], str, dict, Expected]] = {
    "isic-archive": (isic_archive, "isic-archive", {}, {
        "ISIC_0000001": ("melanoma", DERM), "ISIC_0000002": ("nevus", DERM),
    }),
    "isic-archive of before": (isic_archive_of_before, "isic-archive", {}, {
        "ISIC_0000001": ("melanoma", DERM), "ISIC_0000002": ("nevus", DERM),
    }),
    "isic-2016": (isic_2016, "isic-2016", {"renamed": {"malignant": "MEL"}}, {"ISIC_0000001": ("melanoma", DERM)}),
    "isic-2016 test": (isic_2016_test, "isic-2016", {"renamed": {"benign": "nevus", "malignant": "melanoma"}}, {
        "ISIC_0000003": ("nevus", DERM), "ISIC_0000004": ("melanoma", DERM),
    }),
    "isic-2017": (isic_2017, "isic-2017", {}, {
        "ISIC_0000000": ("nevus", DERM), "ISIC_0000001": ("melanoma", DERM),
        "ISIC_0000002": ("seborrheic keratosis", DERM),
    }),
    "isic-2018": (isic_2018, "isic-2018", {}, {
        "ISIC_0024300": ("nevus", DERM),
        "ISIC_0024301": ("actinic keratosis or intraepithelial carcinoma", DERM),
    }),
    "isic-2019": (isic_2019, "isic-2019", {}, {
        "ISIC_0000000": ("squamous cell carcinoma", DERM), "ISIC_0000002": ("actinic keratosis", DERM),
    }),
    "isic-2020": (isic_2020, "isic-2020", {}, {
        "ISIC_0015001": ("nevus", DERM), "ISIC_0015002": ("melanoma", DERM),
    }),
    "ham10000": (ham10000, "ham10000", {}, {
        "ISIC_0027419": ("benign keratosis", DERM),
        "ISIC_0025030": ("actinic keratosis or intraepithelial carcinoma", DERM),
    }),
    "bcn20000": (bcn20000, "bcn20000", {}, {"BCN20000_BCN_0000000001": ("melanoma", DERM)}),
    "ph2": (ph2, "ph2", {}, {
        "PH2_IMD002": ("nevus", DERM), "PH2_IMD003": ("nevus", DERM), "PH2_IMD058": ("melanoma", DERM),
    }),
    "ph2 sheet": (ph2_sheet, "ph2", {}, {
        "PH2_IMD002": ("nevus", DERM), "PH2_IMD003": ("nevus", DERM), "PH2_IMD058": ("melanoma", DERM),
    }),
    "pad-ufes-20": (pad_ufes_20, "pad-ufes-20", {}, {
        "PAD-UFES-20_PAT_8_15_820": ("actinic keratosis", CLIN),
        "PAD-UFES-20_PAT_8_16_12": ("bowen's disease", CLIN),
        "PAD-UFES-20_PAT_46_881_939": ("basal cell carcinoma", CLIN),
    }),
    "folders": (folders, "folders", {"collection": "Clinic", "image_type": "clinical"}, {
        "Clinic_a": ("melanoma", CLIN), "Clinic_b": ("nevus", CLIN), "Clinic_c": ("nevus", CLIN),
    }),
}  # fmt: skip
