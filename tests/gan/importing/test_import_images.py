"""`import_images` recognises common collections, reports how it maps them, and asks instead of guessing."""

import io
import json
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from console import UserError
from gan.importing import sheets
from gan.importing.formats import BY_NAME
from gan.importing.real import import_images
from gan.models import LesionImage, is_non_commercial
from tables import read_text
from tests.gan.importing.collections import COLLECTIONS, ham10000, images, isic_2018, isic_2020, pad_ufes_20, ph2, table
from tests.hostile.inputs import bomb, picture

pytestmark = pytest.mark.django_db


def reasons(report) -> dict[str, str]:
    return {one.file: one.reason for one in report.rejected}


def mapping(report) -> dict[str, tuple[str, int]]:
    return {one.original: (one.diagnosis, one.images) for one in report.mapping}


def run(folder: Path, *options: str) -> dict:
    out = io.StringIO()
    call_command("import_images", str(folder), *options, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_known_collection_comes_in_as_its_source_describes_it(name, tmp_path):
    make, format, options, expected = COLLECTIONS[name]
    make(tmp_path)
    told = []
    report = import_images(tmp_path, tell=lambda report: told.append((report.recognised, report.imported)), **options)
    found = {one.isic_id: (one.diagnosis, one.image_type) for one in LesionImage.objects.all()}
    assert found == expected
    assert report.imported == len(expected)
    assert told == [(report.recognised, 0)], "what is recognised is told before anything is written"
    assert BY_NAME[format].title.split(",")[0] in report.recognised
    again = import_images(tmp_path, **options)
    assert (again.imported, again.already_present) == (0, len(expected))
    assert import_images(tmp_path, format=format, **options).already_present == len(expected)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_dry_run_says_the_same_and_writes_nothing(name, tmp_path):
    make, _, options, expected = COLLECTIONS[name]
    make(tmp_path)
    before = set(default_storage.listdir("")[0])
    dry = import_images(tmp_path, dry_run=True, **options)
    assert not LesionImage.objects.exists()
    assert set(default_storage.listdir("")[0]) == before
    assert (dry.imported, dry.already_present) == (0, 0)
    assert sum(one.images for one in dry.mapping if one.diagnosis) == len(expected)
    report = import_images(tmp_path, **options)
    assert (report.recognised, report.mapping) == (dry.recognised, dry.mapping)
    assert set(report.rejected) == set(dry.rejected)
    assert import_images(tmp_path, dry_run=True, **options).already_present == len(expected)


def test_every_known_format_has_an_example():
    assert {format for _, format, _, _ in COLLECTIONS.values()} == set(BY_NAME) - {"columns"}


def test_columns_of_the_source_become_columns_of_ours_and_the_others_are_kept(tmp_path):
    pad_ufes_20(tmp_path)
    report = import_images(tmp_path)
    image = LesionImage.objects.get(isic_id="PAD-UFES-20_PAT_8_15_820")
    assert (image.collection, image.lesion_id, image.patient_id) == (
        "PAD-UFES-20", "PAD-UFES-20_15", "PAD-UFES-20_PAT_8",
    )  # fmt: skip
    assert (image.age, image.sex, image.site, image.fitzpatrick_skin_type) == (8, "female", "arm", "III")
    assert image.licence == "CC-BY 4.0"
    assert "10.1016/j.dib.2020.106221" in image.attribution
    assert report.unused_columns == ["smoke", "biopsed"]
    assert image.metadata["biopsed"] == "False"
    other = LesionImage.objects.get(isic_id="PAD-UFES-20_PAT_46_881_939")
    assert (other.sex, other.fitzpatrick_skin_type) == ("", "")


def test_tables_of_one_collection_are_joined(tmp_path):
    isic_2018(tmp_path / "a")
    report = import_images(tmp_path / "a")
    assert LesionImage.objects.get(isic_id="ISIC_0024301").lesion_id == "HAM_0003577"
    assert LesionImage.objects.get(isic_id="ISIC_0024301").metadata["diagnosis_confirm_type"] == "histo"
    assert reasons(report) == {
        "input/ISIC_0024302.jpg": "line 4: ISIC_0024302: none of MEL, NV, BCC, AKIEC, BKL, DF, VASC is marked",
        "input/ISIC_0024303.jpg": "line 5: ISIC_0024303: MEL and NV are both marked; an image has one diagnosis",
    }
    isic_2020(tmp_path / "b")
    import_images(tmp_path / "b")
    image = LesionImage.objects.get(isic_id="ISIC_0015001")
    assert (image.lesion_id, image.patient_id) == ("IL_9", "IP_7279968")


def test_benign_and_malignant_are_no_diagnosis_and_the_report_says_what_to_do(tmp_path):
    isic_2020(tmp_path)
    report = import_images(tmp_path)
    assert mapping(report) == {"benign": ("", 1), "nevus": ("nevus", 1), "melanoma": ("melanoma", 1)}
    assert "--map benign=DIAGNOSIS" in reasons(report)["train/ISIC_0015000.jpg"]
    assert import_images(tmp_path, renamed={"benign": "NV"}).imported == 1
    with pytest.raises(UserError, match="--map begnin: no image has this diagnosis"):
        import_images(tmp_path, renamed={"begnin": "NV"})
    with pytest.raises(UserError, match="'malignant' is not the name of a diagnosis"):
        import_images(tmp_path, renamed={"benign": "malignant"})


def test_folders_that_say_benign_and_malignant_ask_too(tmp_path):
    images(tmp_path, "benign/a.png", "malignant/b.png")
    report = import_images(tmp_path, image_type="dermoscopic")
    assert report.imported == 0
    assert "--map malignant=DIAGNOSIS" in reasons(report)["malignant/b.png"]


def test_large_tables_of_no_use_are_not_read(tmp_path, monkeypatch):
    """Kaggle's HAM10000 has the images as pixels in CSVs beside the metadata."""
    ham10000(tmp_path)
    table(tmp_path / "hmnist_8_8_L.csv", "pixel0000 pixel0001 label\n1 2 3")
    read = []
    monkeypatch.setattr(sheets, "read_text", lambda path, **how: read.append(path.name) or read_text(path, **how))
    assert import_images(tmp_path).imported == 2
    assert read == ["HAM10000_metadata"]


def test_masks_are_no_photographs(tmp_path):
    ph2(tmp_path)
    report = import_images(tmp_path)
    assert "6 masks left out" in report.recognised
    assert report.rejected == []


def test_any_table_comes_in_with_its_columns_named(tmp_path):
    table(tmp_path / "klinik.csv", "foto tani hasta yas kaynak\nx/1.jpg BHK 7 61 A\nx/2.jpg melanom 7 61 A")
    images(tmp_path, "x/1.jpg", "x/2.jpg", "x/3.jpg")
    with pytest.raises(CommandError, match=r"klinik\.csv: foto, tani.*--columns file=COLUMN.*--format folders"):
        run(tmp_path)
    options = ["--columns", "file=foto,diagnosis=tani,patient=hasta", "--columns", "age=yas", "--collection", "Ankara"]
    with pytest.raises(CommandError, match=r"nothing says how the images were taken\. Use --type"):
        run(tmp_path, *options)
    names = ["--map", "BHK=bcc", "--map", "melanom=melanoma", "--type", "clinical", "--licence", "CC-BY"]
    report = run(tmp_path, *options, *names)
    assert report["imported"] == 2
    assert report["mapping"] == [
        {"original": "BHK", "diagnosis": "basal cell carcinoma", "images": 1, "hint": ""},
        {"original": "melanom", "diagnosis": "melanoma", "images": 1, "hint": ""},
    ]
    assert report["rejected"] == [{"file": "x/3.jpg", "reason": "no row in klinik.csv"}]
    image = LesionImage.objects.get(isic_id="Ankara_x_1")
    assert (image.patient_id, image.age, image.image_type, image.licence) == ("Ankara_7", 61, "clinical", "CC-BY")
    assert image.metadata["kaynak"] == "A"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "file=foto,diagnosis=x"], "--columns x: no table has this column"),
        (["--columns", "file=a,diagnosis=x"], "--columns a,x: no table has these columns"),
        (["--columns", "foto=file"], "foto: not one of .* did you mean file=foto"),
        (["--columns", "picture=foto"], "picture: not one of file, id, diagnosis"),
        (["--columns", "diagnosis=tani"], "name the column of the file"),
        (["--columns", "file"], "'file' is not of the form NAME=VALUE"),
        (["--columns", "file=foto"], "--columns diagnosis=COLUMN"),
        (["--columns", "file=foto,diagnosis=tani", "--diagnosis", "bcc"], "--map ORIGINAL=DIAGNOSIS"),
        (["--columns", "file=foto", "--diagnosis", "unknown"], "'unknown' is not the name of a diagnosis"),
        (["--format", "ham10000"], "no table of the format ham10000"),
        (["--map", "a=b=", "--map", "a=c"], "'a' stands there twice"),
        (["--collection", "x" * 81, "--columns", "file=foto,diagnosis=tani"], "at most 80 characters"),
    ],
)
def test_what_cannot_be_read_says_which_option_decides(options, message, tmp_path):
    table(tmp_path / "klinik.csv", "foto tani\n1.jpg bcc")
    images(tmp_path, "1.jpg")
    with pytest.raises(CommandError, match=message):
        run(tmp_path, *options)


def test_two_collections_in_one_folder_ask_for_the_format(tmp_path):
    ham10000(tmp_path)
    isic_2018(tmp_path)
    with pytest.raises(UserError, match=r"several ways.*HAM10000_metadata: ham10000.*choose with --format"):
        import_images(tmp_path)
    assert import_images(tmp_path, format="ham10000").imported == 2


def test_a_flat_folder_is_of_one_diagnosis_only_when_told(tmp_path):
    images(tmp_path, "1.png", "2.png")
    with pytest.raises(UserError, match="--diagnosis"):
        import_images(tmp_path, image_type="dermoscopic")
    report = import_images(tmp_path, image_type="dermoscopic", diagnosis="BCC", collection="Klinik A")
    assert mapping(report) == {"": ("basal cell carcinoma", 2)}
    assert set(LesionImage.objects.values_list("isic_id", flat=True)) == {"Klinik-A_1", "Klinik-A_2"}


def test_two_clinics_same_file_names_do_not_collide(tmp_path):
    for index, clinic in enumerate(("A", "B")):
        (tmp_path / clinic / "nevus").mkdir(parents=True)
        (tmp_path / clinic / "nevus" / "img_001.png").write_bytes(picture(index))
        assert import_images(tmp_path / clinic, image_type="clinical").imported == 1
    assert set(LesionImage.objects.values_list("isic_id", "collection")) == {("A_img_001", "A"), ("B_img_001", "B")}


def test_folders_around_all_images_are_no_diagnosis(tmp_path):
    images(tmp_path / "a", "Skin cancer set/Train/melanoma/1.png", "Skin cancer set/Test/nevus/2.png")
    report = import_images(tmp_path / "a", image_type="dermoscopic")
    assert mapping(report) == {"melanoma": ("melanoma", 1), "nevus": ("nevus", 1)}
    images(tmp_path / "b", "wart/P1/1.png", "wart/P2/2.png")
    with pytest.raises(UserError, match=r"below 'wart'.*--diagnosis 'wart'.*\(P1, P2\).*import \S*/b/wart"):
        import_images(tmp_path / "b", image_type="dermoscopic")
    assert import_images(tmp_path / "b", image_type="dermoscopic", diagnosis="wart").imported == 2


def test_names_that_repeat_in_folders_are_lesions_of_their_folders(tmp_path):
    images(tmp_path, "nevus/P1/near.png", "nevus/P1/far.png", "nevus/P2/near.png", "nevus/P2/far.png")
    import_images(tmp_path, image_type="clinical", collection="C")
    assert set(LesionImage.objects.values_list("isic_id", "lesion_id")) == {
        (f"C_nevus_P{patient}_{view}", f"C_nevus/P{patient}") for patient in (1, 2) for view in ("near", "far")
    }


def test_unknown_is_nobody(tmp_path):
    pad_ufes_20(tmp_path)
    path = tmp_path / "metadata.csv"
    path.write_text(path.read_text().replace("PAT_8,15", "unknown,NA").replace("PAT_8,16", "-,n/a"))
    import_images(tmp_path)
    assert sorted(LesionImage.objects.values_list("lesion_id", "patient_id")) == [
        ("", ""), ("", ""), ("PAD-UFES-20_881", "PAD-UFES-20_PAT_46"),
    ]  # fmt: skip


def test_one_image_in_two_tables_with_two_diagnoses_is_named(tmp_path):
    images(tmp_path, "ISIC_0000001.jpg", "ISIC_0000002.jpg")
    table(tmp_path / "a.csv", "isic_id diagnosis\nISIC_0000001 nevus\nISIC_0000002 nevus")
    table(tmp_path / "b.csv", "isic_id diagnosis age_approx\nISIC_0000001 melanoma 5\nISIC_0000002 nevus 6")
    report = import_images(tmp_path)
    assert report.imported == 2
    assert reasons(report) == {
        "ISIC_0000001.jpg": "b.csv line 2: ISIC_0000001 is also in a.csv line 2; the first is used"
    }
    assert LesionImage.objects.get(isic_id="ISIC_0000002").age == 6


def test_a_class_that_is_a_probability_is_named(tmp_path):
    images(tmp_path, "ISIC_0000001.jpg")
    table(tmp_path / "p.csv", "image_id melanoma seborrheic_keratosis\nISIC_0000001 0.7 0.3")
    assert "column melanoma is '0.7'" in reasons(import_images(tmp_path))["ISIC_0000001.jpg"]


def test_bad_files_are_named_and_good_ones_come_in(tmp_path):
    pad_ufes_20(tmp_path)
    (tmp_path / "images/PAT_8_15_820.png").write_bytes(bomb())
    (tmp_path / "images/PAT_8_16_12.png").write_bytes(b"no image")
    report = import_images(tmp_path)
    assert report.imported == 1
    assert "too large" in reasons(report)["images/PAT_8_15_820.png"]
    assert "not a readable image" in reasons(report)["images/PAT_8_16_12.png"]


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [("CC-BY-NC", True), ("CC BY-NC 4.0", True), ("research and education only", True), ("CC-BY 4.0", False)],
)
def test_licences_that_forbid_commercial_use_are_told(licence, forbidden):
    assert is_non_commercial(licence) == forbidden
