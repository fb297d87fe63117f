"""A table, a folder or the user says what generated images show. It is never guessed from an outer folder's name."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gan.models import Generator
from tests.gan.importing.collections import images, table

pytestmark = pytest.mark.django_db


def brought(capsys, folder: Path, **options) -> dict:
    call_command("import_generated", str(folder), json=True, name="A", **options)
    return json.loads(capsys.readouterr().out)


def mapped(report: dict) -> list[tuple[str, str, int]]:
    return [(one["original"], one["diagnosis"], one["images"]) for one in report["mapping"]]


@pytest.mark.parametrize(
    "name", ["images", "IMG", "samples", "fakes", "generated", "output", "train", "data", "Bilder"]
)
def test_a_folder_of_images_is_no_diagnosis_but_asked_about(name, tmp_path):
    images(tmp_path, f"{name}/1.png", f"{name}/2.png")
    with pytest.raises(CommandError, match=r"nothing says what they show\. Give --diagnosis, .* or add samples\.csv"):
        call_command("import_generated", str(tmp_path), name="A")
    assert not Generator.objects.exists()


def test_an_unknown_folder_around_all_is_asked_about(tmp_path, capsys):
    images(tmp_path, "stylegan3-t/1.png")
    with pytest.raises(CommandError, match=r"below 'stylegan3-t', which is not a known diagnosis.*--diagnosis"):
        call_command("import_generated", str(tmp_path), name="A")
    assert mapped(brought(capsys, tmp_path, diagnosis="MEL")) == [("", "melanoma", 1)]


@pytest.mark.parametrize("wrapper", ["export", "my generator/export", "my generator"])
def test_wrapping_folders_are_looked_through(wrapper, tmp_path, capsys):
    images(tmp_path, f"{wrapper}/MEL/1.png", f"{wrapper}/MEL/2.png", f"{wrapper}/BCC/3.png")
    report = brought(capsys, tmp_path)
    assert mapped(report) == [("BCC", "basal cell carcinoma", 1), ("MEL", "melanoma", 2)]


def test_one_folder_is_one_folder(tmp_path, capsys):
    images(tmp_path, "MEL/1.png")
    report = brought(capsys, tmp_path)
    assert report["recognised"] == "1 image in 1 folder named by diagnosis"


def test_a_name_that_is_new_here_is_marked(tmp_path, capsys):
    images(tmp_path, "MEL/1.png", "nevuss/2.png")
    call_command("import_generated", str(tmp_path), name="A", dry_run=True)
    said = capsys.readouterr().err
    assert "MEL -> melanoma: 1" in said
    assert "nevuss: new here; did you mean nevus?" in said


@pytest.mark.parametrize(
    "columns", ["file diagnosis", "filename dx", "isic_id label", "img_id class", "Image Diagnosis"]
)
def test_a_single_table_that_names_files_and_diagnoses_is_read(columns, tmp_path, capsys):
    images(tmp_path, "images/a1.png", "images/a2.png")
    table(tmp_path / "metadata.csv", f"{columns} seed\na1 MEL 1\na2.png nv 2")
    report = brought(capsys, tmp_path)
    assert mapped(report) == [("MEL", "melanoma", 1), ("nv", "nevus", 1)]
    first, second = columns.split()
    assert report["recognised"] == f"2 images, named by metadata.csv ({first}, {second})"


def test_of_two_tables_one_is_chosen_and_another_is_named(tmp_path, capsys):
    images(tmp_path, "images/a1.png")
    table(tmp_path / "a.csv", "image dx\na1 MEL")
    table(tmp_path / "b.csv", "image dx\na1 nv")
    with pytest.raises(CommandError, match=r"several tables .*b\.csv is there: --samples b\.csv reads it"):
        call_command("import_generated", str(tmp_path), name="A")
    assert mapped(brought(capsys, tmp_path, samples=Path("b.csv"))) == [("nv", "nevus", 1)]


def test_folders_named_by_diagnosis_come_before_a_table_which_is_told(tmp_path, capsys):
    images(tmp_path, "MEL/a1.png")
    table(tmp_path / "log.csv", "image label\na1 nv")
    report = brought(capsys, tmp_path)
    assert mapped(report) == [("MEL", "melanoma", 1)]
    assert report["recognised"].endswith("; log.csv is there: --samples log.csv reads it")


def test_tables_that_are_not_read_are_named(tmp_path):
    images(tmp_path, "images/a1.png")
    table(tmp_path / "t.csv", "image seed\na1 3")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(CommandError, match=r"t\.csv is not read: it needs .*found: image, seed.*t\.xlsx is not read"):
        call_command("import_generated", str(tmp_path), name="A")
    with pytest.raises(CommandError, match=r"t\.csv, line 1: no column diagnosis, nor another"):
        call_command("import_generated", str(tmp_path), name="A", samples=tmp_path / "t.csv")


def test_numbers_are_no_diagnoses(tmp_path, capsys):
    images(tmp_path, "images/a1.png", "images/a2.png")
    table(tmp_path / "metadata.csv", "image label\na1 1\na2 MEL")
    report = brought(capsys, tmp_path)
    assert mapped(report) == [("MEL", "melanoma", 1)]
    assert "'1' is not the name of a diagnosis" in report["rejected"][0]["reason"]


def test_a_zip_is_to_be_unpacked(tmp_path):
    (tmp_path / "fakes.zip").write_bytes(b"PK")
    with pytest.raises(CommandError, match=r"fakes\.zip: this is a file. Unpack it first"):
        call_command("import_generated", str(tmp_path / "fakes.zip"), name="A")
