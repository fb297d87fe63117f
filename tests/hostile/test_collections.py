"""Commands read folders of images from clinics, archives and attackers."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from console import UserError
from gan.datasets.sources import from_folder, split_by_lesion
from gan.foundation.diagnoses import diagnosis_of_row, normalise_diagnosis, slug_of
from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.importing.recognise import read_archive
from gan.models import LesionImage, TrainingRun
from gan.runs.snapshots import SNAPSHOT
from tests.hostile.inputs import QUICK, THOROUGH, bomb, odd_text, odd_value, outcome, picture

pytestmark = pytest.mark.django_db
HEADER = "isic_id,diagnosis,copyright_license,attribution\n"


def export_of(folder: Path, text: str | bytes, **images: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "metadata.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    for name, content in images.items():
        (folder / f"{name}.png").write_bytes(content)
    return folder


def imported(folder: Path) -> dict:
    out = io.StringIO()
    call_command("import_isic", str(folder), json=True, stdout=out)
    report = json.loads(out.getvalue())
    return report | {"reasons": {one["file"]: one["reason"] for one in report["rejected"]}}


def mask() -> bytes:
    image = Image.new("L", (64, 48))
    ImageDraw.Draw(image).ellipse((10, 10, 50, 40), fill=255)
    return png_bytes(image.convert("RGB"))


def test_of_a_photograph_and_its_mask_the_photograph_is_the_lesion(tmp_path):
    folder = export_of(tmp_path / "e", HEADER + "A1,nevus,CC-0,x\n")
    for name, content in (("Annotations/A1.png", mask()), ("Photos/A1.jpg", picture(format="JPEG"))):
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(content)
    report = imported(folder)
    assert report["imported"] == 1
    assert LesionImage.objects.get().file.endswith(".jpg")
    assert report["reasons"] == {
        "Annotations/A1.png": "a picture without colour, such as a mask, of A1; Photos/A1.jpg is used"
    }


def test_of_two_photographs_with_one_id_the_larger_is_taken_and_the_other_named(tmp_path):
    folder = export_of(tmp_path / "e", HEADER + "A1,nevus,CC-0,x\n", A1=picture(1))
    (folder / "full").mkdir()
    (folder / "full" / "A1.png").write_bytes(picture(2, size=(128, 96)))
    (folder / "full" / "A1.tif").write_bytes(b"broken")
    report = imported(folder)
    assert LesionImage.objects.get().width == 128
    assert "another picture of A1; full/A1.png is used" in report["reasons"]["A1.png"]
    assert "cannot be read of A1; full/A1.png" in report["reasons"]["full/A1.tif"]


def test_separators_that_are_no_line_ends_stay_inside_an_attribution(tmp_path):
    rows = [f"A{index},nevus,CC-0,Clinic{mark}X\n" for index, mark in enumerate("\x0b\u2028\u2029\x85\x1c")]
    folder = export_of(tmp_path / "e", HEADER + "".join(rows), **{f"A{index}": picture(index) for index in range(4)})
    report = imported(folder)
    assert report["imported"] == 4
    assert report["reasons"] == {"metadata.csv line 6": "no image file named A4 below the folder"}
    assert LesionImage.objects.get(isic_id="A1").attribution == "Clinic\u2028X"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text.replace(",", ";").replace("\n", "\r\n"),
        lambda text: "sep=;\n" + text.replace(",", ";"),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: text + ",,,\n,,,\n",
        lambda text: text.replace("\n", "\r"),
    ],
    ids=["semicolons", "sep", "UTF-16", "empty rows", "CR"],
)
def test_metadata_is_read_as_spreadsheets_write_it(tmp_path, change):
    report = imported(export_of(tmp_path / "e", change(HEADER + "A1,nevus,CC-0,x\n"), A1=picture()))
    assert (report["imported"], report["rejected"]) == (1, [])


def test_rows_that_no_database_stores_are_rejected_and_the_others_come_in(tmp_path):
    rows = ["A1,nevus,CC-0,x", "A2,nev\0us,CC-0,x", "A3,nevus,CC-0,x\0", "A4," + "n" * 200 + ",CC-0,x"]
    rows += ["A5,nevus,CC-0,Doe, Jane", "A6,unknown,CC-0,x", "9" * 5000 + ",nevus,CC-0,x"]
    names = {f"A{index}": picture(index) for index in range(1, 7)}
    report = imported(export_of(tmp_path / "e", HEADER + "\n".join(rows), **names))
    assert report["imported"] == 1
    assert "'diagnosis' holds a NUL" in report["reasons"]["A2.png"]
    assert "'attribution' holds a NUL" in report["reasons"]["A3.png"]
    assert "unreasonable length" in report["reasons"]["A4.png"]
    assert "line 6: 5 fields, but the header has 4 columns" in report["reasons"]["A5.png"]
    assert "A6 has no diagnosis" in report["reasons"]["A6.png"]
    assert all(len(reason) < 300 for reason in report["reasons"].values())


def test_bombs_pipes_and_links_that_lead_astray_are_named_and_do_not_stop_an_import(tmp_path):
    rows = "".join(f"{name},nevus,CC-0,x\n" for name in ("A1", "bomb", "out", "fifo", "gone"))
    folder = export_of(tmp_path / "e", HEADER + rows, A1=picture(), bomb=bomb())
    (tmp_path / "private.png").write_bytes(picture(5))
    (folder / "out.png").symlink_to(tmp_path / "private.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(folder / "fifo.png")
    (folder / "bad\udcff.png").write_bytes(picture(6))
    (folder / "dir.png").mkdir()
    report = imported(folder)
    assert report["imported"] == 1
    assert "leads out" in report["reasons"]["out.png"]
    assert "leads nowhere" in report["reasons"]["gone.png"]
    assert "not a file" in report["reasons"]["fifo.png"]
    assert "too large" in report["reasons"]["bomb.png"]
    assert report["reasons"]["bad\\xff.png"] == "no row in metadata.csv"


@pytest.mark.parametrize(
    ("codes", "diagnosis"),
    [
        (("mel", "MEL"), "melanoma"),
        (("nv", "NEV", "nevus", "Nevus, NOS"), "nevus"),
        (("ak", "ACK", "actinic_keratosis"), "actinic keratosis"),
        (("akiec",), "actinic keratosis or intraepithelial carcinoma"),
        (("SEK", "Seborrheic-keratosis"), "seborrheic keratosis"),
        (("BOD",), "bowen's disease"),
        (("df",), "dermatofibroma"),
        (("vasc",), "vascular lesion"),
        (("unknown", "UNK", "", " n/a ", "NaN"), ""),
    ],
)
def test_codes_are_spelled_out_as_their_sources_define_them(codes, diagnosis):
    assert {diagnosis_of_row({"diagnosis": code}) for code in codes} == {diagnosis}


def test_diagnoses_that_plain_letters_cannot_spell_have_folders_of_their_own():
    names = ["меланома", "невус", "黑色素瘤", "a/b", "a b", "a. b", "naïve", "na ve", "..", "/", "diagnosis"]
    assert len({slug_of(name) for name in names}) == len(names)
    assert slug_of("basal cell carcinoma") == "basal-cell-carcinoma"


@THOROUGH
@given(odd_text)
def test_a_slug_is_a_plain_name_of_its_own(text):
    name = normalise_diagnosis(text)
    assert set(slug_of(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug_of(name) not in ("", ".", "..")


@QUICK
@given(text=st.one_of(odd_text, st.lists(st.lists(odd_value, max_size=5).map(",".join), max_size=4).map("\n".join)))
def test_any_metadata_gives_rows_or_one_error(text, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "hostile-metadata.csv"
    path.write_bytes((HEADER + text).encode("utf-8", "surrogatepass"))
    assert outcome(lambda: read_archive(path), UserError)


def images_in(folder: Path, *names: str) -> None:
    for index, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(index))


def test_hidden_files_and_folders_are_no_diagnosis_and_no_image(tmp_path):
    images_in(tmp_path, "nevus/1.png", "nevus/2.png", ".ipynb_checkpoints/1.png", "nevus/.ipynb_checkpoints/1.png")
    images_in(tmp_path, "__MACOSX/nevus/1.png", "unknown/1.png")
    (tmp_path / "nevus" / "._1.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "nevus" / "gone.png").symlink_to("nowhere")
    (tmp_path / "again").symlink_to(".")
    told: list[str] = []
    found = from_folder(tmp_path, told.append)
    assert {name: [one.name for one in sources] for name, sources in found.items()} == {"nevus": ["1", "2"]}
    assert len(told) == 2


def test_where_file_names_repeat_the_folder_says_whose_an_image_is(tmp_path):
    patients = [f"nevus/P{index:02d}" for index in range(12)]
    images_in(tmp_path, *(f"{one}/{view}.png" for one in patients for view in ("front", "close")))
    training, held_out = split_by_lesion(from_folder(tmp_path)["nevus"], 0.25, 0)
    assert (len(training), len(held_out)) == (18, 6)
    assert not {one.lesion for one in training} & {one.lesion for one in held_out}


def test_a_picture_too_large_to_read_is_named_before_a_run_begins(tmp_path):
    images_in(tmp_path, "nevus/1.png")
    with (tmp_path / "nevus" / "2.png").open("wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(CommandError, match=r"nevus/2\.png: too large: 1,073,741,824 bytes"):
        call_command("train_gan", data=tmp_path, steps=1)
    assert not TrainingRun.objects.exists()


def test_two_cyrillic_diagnoses_are_both_trained_and_one_without_held_out_images_is_told(tmp_path, capsys):
    images_in(tmp_path, *(f"{name}/{index}.png" for name in ("невус", "меланома") for index in range(2)))
    call_command("train_gan", data=tmp_path, size=64, steps=1, batch_size=2, precision="float32")
    run = TrainingRun.objects.get()
    snapshots = {run.diagnosis_folder(name) / SNAPSHOT for name in run.diagnoses}
    assert len([path for path in snapshots if path.is_file()]) == 2
    assert "невус: none of 2 images of 2 lesions is held out" in capsys.readouterr().err


def test_a_run_of_before_is_found_in_the_folder_it_made(run):
    name = run.diagnoses[0]
    folder = run.folder / "melanoma-in-situ"
    (run.folder / "melanoma").rename(folder)
    run.diagnoses = ["melanoma, in situ", "melanoma"]
    assert run.diagnosis_folder("melanoma, in situ") == folder
    run.diagnoses.append("melanoma in situ")
    assert run.diagnosis_folder("melanoma, in situ") != folder
    assert name == "melanoma"


def test_curation_names_what_it_leaves_out_and_judges_the_rest(tmp_path, capsys):
    for index in range(2):
        (tmp_path / f"{index}.png").write_bytes(png_bytes(draw_phantom("melanoma", index, 200, 150)))
    (tmp_path / "bad\udcff.png").write_bytes(b"x")
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "dir.png").mkdir()
    os.mkfifo(tmp_path / "fifo.png")
    with (tmp_path / "sparse.png").open("wb") as stream:
        stream.truncate(1 << 30)
    report = tmp_path / "out" / "report.csv"
    call_command("curate_images", folder=tmp_path, report=report, json=True)
    seen = capsys.readouterr()
    assert json.loads(seen.out)["images"] == 4
    assert "gone.png" in seen.err
    assert "fifo.png" in seen.err
    names = [row["isic_id"] for row in csv.DictReader(report.open())]
    assert names == ["0", "1", "bad\\xff", "sparse"]
