"""`import_isic` imports sound images and names the others."""

import csv
import io
import json
import zlib

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from PIL import Image

from gan.foundation.diagnoses import diagnosis_of_row
from gan.imaging.image_files import open_rgb
from gan.models import LesionImage

pytestmark = pytest.mark.django_db
GREY = np.full((40, 60, 3), 120, np.uint8)


def write_export(folder, names, **images):
    folder.mkdir(exist_ok=True)
    with (folder / "metadata.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["isic_id", "diagnosis", "copyright_license", "attribution", "odd_column"])
        writer.writerows([name, "MEL", "CC-BY-NC", "A Clinic", "kept"] for name in names)
    for name, content in images.items():
        (folder / name.replace("__", ".")).write_bytes(content)


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def import_json(folder):
    out = io.StringIO()
    call_command("import_isic", str(folder), json=True, stdout=out)
    return json.loads(out.getvalue())


def test_it_imports_once_and_keeps_licence_and_unknown_columns(phantom_export):
    first, second = import_json(phantom_export), import_json(phantom_export)
    assert (first["imported"], first["already_present"], first["rejected"]) == (48, 0, [])
    assert (second["imported"], second["already_present"]) == (0, 48)
    image = LesionImage.objects.first()
    assert image.is_phantom
    assert image.metadata["age_approx"] == "50"
    assert image.sha256 in image.file
    assert default_storage.exists(image.file)


def test_every_bad_file_is_named_with_its_reason_and_the_good_ones_come_in(tmp_path):
    good = encoded(Image.fromarray(GREY), "PNG")
    bomb = bytearray(good)
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    names = ["good", "truncated", "bomb", "text", "missing", "../good", "good", "tiny"]
    write_export(
        tmp_path,
        names,
        good__png=good,
        truncated__jpg=encoded(Image.fromarray(GREY), "JPEG")[:400],
        bomb__png=bytes(bomb),
        text__jpg=b"not an image",
        tiny__png=encoded(Image.new("RGB", (8, 8)), "PNG"),
        stray__png=good,
    )
    report = import_json(tmp_path)
    assert report["imported"] == 1
    reasons = {item["file"]: item["reason"] for item in report["rejected"]}
    assert len(report["rejected"]) == 8
    assert "too large" in reasons["bomb.png"]
    assert "too small" in reasons["tiny.png"]
    assert "not a readable image" in reasons["truncated.jpg"]
    assert "not a readable image" in reasons["text.jpg"]
    assert "no image file named missing" in reasons["metadata.csv line 6"]
    assert "not an id" in reasons["metadata.csv line 7"]
    assert reasons["good.png"].startswith("line 8: good is also in an earlier line")
    assert reasons["stray.png"] == "no row in metadata.csv"
    assert LesionImage.objects.get().is_non_commercial


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(Image.fromarray(GREY).convert("CMYK"), "JPEG", quality=100), 120),
        (encoded(Image.new("RGBA", (60, 40), (0, 0, 0, 0)), "PNG"), 255),
        (encoded(Image.fromarray(np.full((40, 60), 120 * 257, np.uint16)), "PNG"), 120),
    ],
    ids=["CMYK", "transparent", "16-bit"],
)
def test_odd_pixel_formats_become_plain_rgb(content, expected):
    image = open_rgb(content)
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image, int) - expected).max() <= 3


def test_exif_rotation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_rgb(encoded(Image.fromarray(GREY), "JPEG", exif=exif)).size == (40, 60)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "isic_id,diagnosis\n"], ids=["empty", "columns", "no rows"])
def test_a_useless_metadata_file_is_one_clear_error(tmp_path, text):
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(CommandError, match=r"metadata\.csv"):
        call_command("import_isic", str(tmp_path))


def test_diagnoses_of_the_new_hierarchy_are_understood():
    bcc = {
        "diagnosis_1": "Malignant",
        "diagnosis_3": "Basal cell carcinoma",
        "diagnosis_4": "Basal cell carcinoma, Nodular",
    }
    assert diagnosis_of_row(bcc) == "basal cell carcinoma"
    assert diagnosis_of_row({"diagnosis_1": "Malignant", "diagnosis_3": "Melanoma Invasive"}) == "melanoma"
    assert diagnosis_of_row({"diagnosis_1": "Benign"}) == ""
