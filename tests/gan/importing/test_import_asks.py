"""`import_images` asks, marks or reports where it would otherwise have to guess what a new folder holds."""

import pytest
from django.core.management import CommandError, call_command

from console import UserError
from gan.importing.real import import_images
from gan.models import LesionImage
from tests.gan.importing.collections import images
from tests.gan.importing.test_import_images import mapping, run

pytestmark = pytest.mark.django_db


def test_a_word_for_images_is_no_diagnosis_and_a_spreadsheet_beside_is_named(tmp_path):
    images(tmp_path, "Bilder/1.png", "Bilder/2.png")
    (tmp_path / "Befunde.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"Bilder/1\.png, lie in no folder .*Befunde\.xlsx is not read: save it as CSV"):
        import_images(tmp_path, image_type="clinical")
    with pytest.raises(UserError, match=r"Befunde\.xlsx is not read"):
        import_images(tmp_path, image_type="clinical", columns={"file": "Bild"})
    report = import_images(tmp_path, image_type="clinical", diagnosis="bcc")
    assert report.imported == 2
    assert "Befunde.xlsx is not read: save it as CSV UTF-8" in report.recognised


@pytest.mark.parametrize("name", ["Resimler", "fotos", "IMG", "Imágenes", "Photos"])
def test_words_for_images_in_other_languages_are_no_diagnosis(name, tmp_path):
    images(tmp_path, f"{name}/1.png")
    with pytest.raises(UserError, match="lie in no folder that names their diagnosis"):
        import_images(tmp_path, image_type="clinical")


def test_one_folder_that_names_no_known_diagnosis_is_asked_about(tmp_path):
    images(tmp_path / "a", "clinic/1.png")
    with pytest.raises(
        UserError, match=r"below 'clinic', which is not a known diagnosis.* --diagnosis 'clinic'; if not, put"
    ):
        import_images(tmp_path / "a", image_type="clinical")
    images(tmp_path / "b", "my export/MEL/1.png", "my export/images/bcc/2.png")
    assert mapping(import_images(tmp_path / "b", image_type="clinical")) == {
        "MEL": ("melanoma", 1), "bcc": ("basal cell carcinoma", 1),
    }  # fmt: skip


def test_a_file_in_the_place_of_a_folder_is_to_be_unpacked(tmp_path):
    (tmp_path / "clinic.zip").write_bytes(b"PK")
    with pytest.raises(CommandError, match=r"clinic\.zip: this is a file. Unpack it first"):
        run(tmp_path / "clinic.zip")


def test_a_dry_run_speaks_as_the_import_does(tmp_path, capsys):
    images(tmp_path, "nevus/1.png", "nevus/2.png", "unknown/3.png")
    call_command("import_images", str(tmp_path), "--type", "clinical", "--dry-run")
    assert "2 would be imported, 0 already present, 1 rejected" in capsys.readouterr().out


def test_a_diagnosis_that_is_new_here_is_marked(tmp_path, capsys):
    images(tmp_path / "a", "melanom/1.png", "nv/2.png", "rosacea/3.png")
    report = import_images(tmp_path / "a", image_type="clinical", dry_run=True)
    assert {one.diagnosis: one.hint for one in report.mapping} == {
        "melanom": "new here; did you mean melanoma?", "nevus": "", "rosacea": "new here",
    }  # fmt: skip
    call_command("import_images", str(tmp_path / "a"), "--type", "clinical", "--map", "melanom=mel")
    assert "rosacea: new here" in capsys.readouterr().err
    images(tmp_path / "b", "rosacea/4.png", "rosacaea/5.png")
    report = import_images(tmp_path / "b", image_type="clinical", dry_run=True)
    hints = {one.diagnosis: one.hint for one in report.mapping}
    assert hints == {"rosacea": "", "rosacaea": "new here; did you mean rosacea?"}


def test_ages_and_sexes_are_read_as_europe_writes_them_and_others_are_told(tmp_path, capsys):
    rows = [
        "1.png;nv;63,5;weiblich",
        "2.png;nv;61;männlich",
        "3.png;nv;40-50;Kad\u0131n",
        "4.png;nv;0;homme",
        "5.png;nv;;x",
    ]
    rows += ["6.png;nv;unknown;divers", "7.png;nv;abc;x"]
    images(tmp_path, *(f"{index}.png" for index in range(1, 8)))
    (tmp_path / "t.csv").write_text("file;dx;age;sex\n" + "\n".join(rows), encoding="utf-8")
    report = import_images(tmp_path, columns={"file": "file", "diagnosis": "dx"}, image_type="clinical")
    assert list(LesionImage.objects.order_by("isic_id").values_list("age", "sex")) == [
        (64, "female"), (61, "male"), (None, "female"), (0, "male"), (None, ""), (None, ""), (None, ""),
    ]  # fmt: skip
    assert report.not_understood == [
        "2 values of age not understood: '40-50', 'abc'",
        "3 values of sex not understood: 'x', 'divers'",
    ]  # fmt: skip
    call_command("import_images", str(tmp_path), "--columns", "file=file,diagnosis=dx", "--type", "clinical")
    assert "3 values of sex not understood: 'x', 'divers'." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("codes", "told", "sexes"),
    [
        ("m w", {}, "male female"),
        ("M F", {}, "male female"),
        ("m male", {}, "male male"),
        ("m h", {}, " "),
        ("m m", {}, " "),
        ("M H", {"m": "female", "h": "male"}, "female male"),
        ("m f", {"m": "female"}, "female female"),
    ],
)
def test_the_code_m_is_a_man_only_where_the_column_says_so(tmp_path, codes, told, sexes):
    images(tmp_path, "1.png", "2.png")
    rows = [f"{index}.png,nv,{code}" for index, code in enumerate(codes.split(), 1)]
    (tmp_path / "t.csv").write_text("file,dx,sex\n" + "\n".join(rows))
    columns = {"file": "file", "diagnosis": "dx"}
    report = import_images(tmp_path, columns=columns, image_type="clinical", sexes=told)
    assert " ".join(LesionImage.objects.order_by("isic_id").values_list("sex", flat=True)) == sexes
    assert ("--sex m=male or --sex m=female" in " ".join(report.not_understood)) == (sexes == " ")


def test_a_meaning_of_a_code_that_is_none_is_refused(tmp_path):
    images(tmp_path, "1.png")
    (tmp_path / "t.csv").write_text("file,dx,sex\n1.png,nv,m\n")
    for option, message in (("m=woman", "must be m=female or m=male"), ("k=female", "no row has this sex")):
        with pytest.raises(CommandError, match=f"--sex .: {message}"):
            call_command(
                "import_images", str(tmp_path), columns=["file=file,diagnosis=dx"], type="clinical", sex=[option]
            )


def test_a_table_of_windows_is_read_and_said_to_be_one(tmp_path):
    images(tmp_path, "1.png")
    (tmp_path / "t.csv").write_bytes("Größe;Foto;Diagnose\n5;1.png;nävus\n".encode("cp1252"))
    names = {"nävus": "nevus"}
    columns = {"file": "Foto", "diagnosis": "Diagnose"}
    report = import_images(tmp_path, columns=columns, image_type="clinical", renamed=names)
    assert mapping(report) == {"nävus": ("nevus", 1)}
    assert "t.csv is read as Windows-1252" in report.recognised
    assert LesionImage.objects.get().metadata["Größe"] == "5"
