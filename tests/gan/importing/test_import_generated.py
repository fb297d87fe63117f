"""Images of other generators are imported, compared with what they may have copied, and measured."""

import csv
import json
import shutil

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import Evaluation, GeneratedImage, Generator, LesionImage

pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs(tmp_path):
    """A folder of 24 different drawn images, in one subfolder for each diagnosis."""
    folder = tmp_path / "theirs"
    for diagnosis in ("melanoma", "bcc"):
        (folder / diagnosis).mkdir(parents=True)
        name = {"bcc": "basal cell carcinoma"}.get(diagnosis, diagnosis)
        for index in range(12):
            content = png_bytes(draw_phantom(name, 5000 + index, 96, 80))
            (folder / diagnosis / f"{index}.png").write_bytes(content)
    return folder


def brought(capsys, *arguments, **options) -> dict:
    call_command("import_generated", *map(str, arguments), json=True, **{"phantoms": True} | options)
    return json.loads(capsys.readouterr().out)


def mapped(report: dict) -> list[tuple[str, str, int]]:
    return [(one["original"], one["diagnosis"], one["images"]) for one in report["mapping"]]


def test_a_folder_per_diagnosis_becomes_a_generator_and_again_changes_nothing(theirs, capsys):
    about = {"name": "StyleGAN3", "generator_version": "1.0", "licence": "CC-BY-4.0", "made_by": "A clinic"}
    report = brought(capsys, theirs, **about)
    assert (report["imported"], report["already_present"], report["rejected"]) == (24, 0, [])
    assert mapped(report) == [("bcc", "basal cell carcinoma", 12), ("melanoma", "melanoma", 12)]
    assert report["recognised"] == "24 images in 2 folders named by diagnosis"
    generator = Generator.objects.get(pk=report["generator"])
    assert (generator.kind, generator.size, str(generator)) == ("external", 80, "StyleGAN3 1.0")
    assert (generator.licence, generator.made_by, generator.trained_on) == ("CC-BY-4.0", "A clinic", "not_told")
    assert generator.diagnoses == ["basal cell carcinoma", "melanoma"]
    again = brought(capsys, theirs, **about)
    assert (again["imported"], again["already_present"]) == (0, 24)
    assert Generator.objects.count() == 1
    assert GeneratedImage.objects.count() == 24


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(theirs, capsys, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    report = brought(capsys, theirs, name="StyleGAN3", dry_run=True)
    assert (report["to_import"], report["imported"], report["generator"]) == (24, 0, None)
    assert not Generator.objects.exists()
    assert not settings.MEDIA_ROOT.exists()


def test_bad_files_are_named_and_the_others_imported(theirs, capsys):
    (theirs / "melanoma" / "broken.png").write_bytes(b"no image")
    shutil.copy(theirs / "melanoma" / "0.png", theirs / "melanoma" / "twin.png")
    report = brought(capsys, theirs, name="A")
    assert report["imported"] == 24
    reasons = {one["file"]: one["reason"] for one in report["rejected"]}
    assert reasons.keys() == {"melanoma/broken.png", "melanoma/twin.png"}
    assert "not a readable image" in reasons["melanoma/broken.png"]
    assert "the same bytes as melanoma/0.png" in reasons["melanoma/twin.png"]


def test_samples_csv_says_what_each_file_shows(theirs, capsys):
    with (theirs / "samples.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "diagnosis", "seed"])
        rows.writerow(["melanoma/0.png", "NV", 1])
        rows.writerow(["bcc/0.png", "unknown", 2])
        rows.writerow(["elsewhere.png", "melanoma", 3])
    report = brought(capsys, theirs, name="A")
    assert mapped(report) == [("NV", "nevus", 1)]
    reasons = {one["file"]: one["reason"] for one in report["rejected"]}
    assert "not the name of a diagnosis" in reasons["samples.csv line 3"]
    assert "no such image" in reasons["samples.csv line 4"]
    assert len(reasons) == 2 + 23


def test_images_of_which_nobody_says_what_they_show_are_asked_about(theirs):
    shutil.copy(theirs / "melanoma" / "0.png", theirs / "loose.png")
    with pytest.raises(CommandError, match=r"nothing says what they show\. Give --diagnosis"):
        call_command("import_generated", str(theirs), name="A")
    call_command("import_generated", str(theirs), name="A", diagnosis="MEL")
    assert Generator.objects.get().diagnoses == ["melanoma"]


def test_what_was_said_before_is_not_overwritten(theirs):
    call_command("import_generated", str(theirs), name="A", licence="CC-0")
    with pytest.raises(CommandError, match="is in the record with 'CC-0'"):
        call_command("import_generated", str(theirs), name="A", licence="CC-BY-4.0")
    call_command("import_generated", str(theirs), name="A", source="doi:10.1000/1")
    generator = Generator.objects.get()
    assert (generator.licence, generator.source) == ("CC-0", "doi:10.1000/1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 81}, "--name: one line of at most 80"),
        ({"name": "A", "diagnosis": "unknown"}, "not the name of a diagnosis"),
        ({"name": "A", "trained_on_run": "nobody"}, "no training run 'nobody'"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_left(theirs, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("import_generated", str(theirs), **options)
    assert not Generator.objects.exists()
    with pytest.raises(CommandError, match="no such folder"):
        call_command("import_generated", str(theirs / "nowhere"), name="A")


def test_a_killed_import_leaves_nothing_and_can_be_done_again(theirs, monkeypatch, capsys):
    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gan.importing.generated.record_training_images", full)
        with pytest.raises(CommandError, match="No space left"):
            call_command("import_generated", str(theirs), name="A", trained_on=theirs)
    assert not Generator.objects.exists()
    assert not GeneratedImage.objects.exists()
    assert brought(capsys, theirs, name="A")["imported"] == 24


def test_images_it_was_trained_on_are_no_real_images_of_its_studies(phantoms, theirs, tmp_path, capsys):
    seen = LesionImage.objects.filter(diagnosis="melanoma").order_by("isic_id")[:4]
    training = tmp_path / "training"
    training.mkdir()
    for number, image in enumerate(seen):  # under other names: it is the content that counts
        (training / f"a{number}.png").write_bytes(image.read())
    report = brought(capsys, theirs, name="A", trained_on=training)
    assert (report["training_images"], report["training_images_in_record"]) == (4, 4)
    generator = Generator.objects.get()
    assert generator.knows_training_images
    assert set(generator.training_images.all()) == set(seen)
    left = LesionImage.objects.with_diagnosis("melanoma").not_trained_on_by([generator])
    assert left.count() == 24 - len({image.lesion_id for image in seen}) * 2


def test_ids_that_are_imported_later_are_linked_then(theirs, phantom_export, tmp_path, capsys):
    listed = tmp_path / "ids.csv"
    listed.write_text("isic_id,target\nPHANTOM_MEL_000,1\nISIC_9999999,0\n")
    ids = [line.split(",")[0] for line in (phantom_export / "metadata.csv").read_text().splitlines()[1:4]]
    listed.write_text("isic_id,target\n" + "".join(f"{one},1\n" for one in [*ids, "ISIC_9999999"]))
    report = brought(capsys, theirs, name="A", trained_on_ids=listed)
    assert (report["training_images"], report["training_images_in_record"]) == (4, 0)
    generator = Generator.objects.get()
    assert generator.trained_on == "not_found"
    assert not generator.knows_training_images
    call_command("import_isic", str(phantom_export))
    generator.refresh_from_db()
    assert generator.knows_training_images
    assert sorted(generator.training_images.values_list("isic_id", flat=True)) == sorted(ids)


@pytest.mark.parametrize(
    "text",
    [
        "image name,dx\nISIC_0000001,nv\nISIC_0000002,mel 3\n",
        "dx;Image.Name\nnv 1;ISIC_0000001.jpg\nmel;ISIC_0000002\n",
        'sep=;\n"Image ID";"dx"\nISIC_0000001;nv 1\nISIC_0000002;mel 2\n',
        "Image ID\nISIC_0000001\nISIC_0000002\n",
        "# id list\n\nISIC_0000001\nISIC_0000002\n",
        "# of image 3\nimage,dx\nISIC_0000001,nv\nISIC_0000002,mel\n",
        "ISIC_0000001, ISIC_0000002, ISIC_0000001",
    ],
)
def test_ids_are_read_under_any_usual_header(theirs, tmp_path, text):
    (tmp_path / "ids.csv").write_text(text)
    call_command("import_generated", str(theirs), name="A", trained_on_ids=tmp_path / "ids.csv")
    names = Generator.objects.get().training_names.order_by("value").values_list("value", flat=True)
    assert list(names) == ["ISIC_0000001", "ISIC_0000002"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id;name, given, other\nISIC_0000001;a, b, c\n", r"none of its columns holds ids \(found: id;name, given"),
        ("image name,dx\nISIC_0000001\n", "line 2: 1 fields, but the header has 2 columns"),
        ("image name,dx\n", "no id in it"),
    ],
)
def test_a_table_of_ids_that_cannot_be_read_ends_with_one_line(theirs, tmp_path, text, message):
    (tmp_path / "ids.csv").write_text(text)
    with pytest.raises(CommandError, match=message):
        call_command("import_generated", str(theirs), name="A", trained_on_ids=tmp_path / "ids.csv")
    assert not Generator.objects.exists()


def test_images_that_an_interrupted_import_brought_are_known_at_once(theirs, phantoms, tmp_path):
    ids = list(LesionImage.objects.order_by("isic_id").values_list("isic_id", flat=True)[:5])
    listed = tmp_path / "ids.txt"
    listed.write_text("\n".join(ids))
    call_command("import_generated", str(theirs), name="A", trained_on_ids=listed)
    generator = Generator.objects.get()
    generator.training_images.clear()  # as where the images came after, and the import broke off before its end
    fair = LesionImage.objects.not_trained_on_by([generator])
    assert not fair.filter(isic_id__in=ids).exists()
    # The same bytes under another id are the same image.
    twin = LesionImage.objects.get(isic_id=ids[0])
    twin.pk, twin.isic_id, twin.lesion_id = None, "CLINIC_twin", ""
    twin.save()
    generator.training_images.add(LesionImage.objects.get(isic_id=ids[0]))
    assert not fair.filter(isic_id="CLINIC_twin").exists()


def test_what_is_told_is_added_to_and_never_replaced(theirs, phantoms, tmp_path, capsys):
    ids = list(LesionImage.objects.order_by("isic_id").values_list("isic_id", flat=True))
    for part in (ids[:6], ids[4:10]):
        (tmp_path / "ids.txt").write_text("\n".join(part))
        call_command("import_generated", str(theirs), name="A", trained_on_ids=tmp_path / "ids.txt")
    assert Generator.objects.get().training_images.count() == 10
    (tmp_path / "ids.txt").write_text("n/a\nnot known\n")
    with pytest.raises(CommandError, match="no id in it"):
        call_command("import_generated", str(theirs), name="A", trained_on_ids=tmp_path / "ids.txt")
    assert Generator.objects.get().training_images.count() == 10


def test_resized_and_cropped_training_images_are_recognised_by_their_look(theirs, phantoms, tmp_path, capsys):
    seen = list(LesionImage.objects.order_by("isic_id")[::6])
    folder = tmp_path / "resized"
    folder.mkdir()
    for number, image in enumerate(seen):
        image.square(64).save(folder / f"{number:05d}.jpg", quality=90)
    report = brought(capsys, theirs, name="A", trained_on=folder)
    assert report["training_images_in_record"] == len(seen)
    assert set(Generator.objects.get().training_images.all()) == set(seen)


def test_told_images_of_which_none_is_here_are_compared_with_all_real_ones(theirs, phantoms, tmp_path, capsys):
    (tmp_path / "ids.txt").write_text("X1\nX2\n")
    report = brought(capsys, theirs, name="A", trained_on_ids=tmp_path / "ids.txt")
    assert (report["training_images"], report["training_images_in_record"]) == (2, 0)
    assert Generator.objects.get().trained_on == "not_found"
    call_command("audit_samples", "A", json=True)
    assert json.loads(capsys.readouterr().out)["audited"] == 24


def test_a_run_that_had_the_same_images_says_what_it_was_trained_on(run, theirs, capsys):
    brought(capsys, theirs, name="A", trained_on_run=str(run.pk))
    generator = Generator.objects.external().get()
    assert set(generator.training_images.all()) == set(run.training_images.all())
    assert (generator.data_count, generator.data_fingerprint) == (run.data_count, run.data_fingerprint)


def test_a_copy_of_a_real_image_is_found_where_nothing_was_told(phantoms, theirs, capsys):
    real = [LesionImage.objects.with_diagnosis("melanoma").order_by("isic_id")[index] for index in (0, 23)]
    for number, image in enumerate(real):
        turned = np.ascontiguousarray(np.rot90(np.asarray(image.square(96))))
        (theirs / "melanoma" / f"copy{number}.png").write_bytes(png_bytes(turned))
    brought(capsys, theirs, name="A")
    brought(capsys, theirs, name="A")
    call_command("audit_samples", "A", json=True)
    found = json.loads(capsys.readouterr().out)
    nearest = {one["name"]: one["nearest"] for one in found["suspected"]}
    # Whichever half of the real images an image fell into, as measure or not, its copy is found.
    for number, image in enumerate(real):
        assert nearest[f"melanoma/copy{number}.png"] == image.isic_id
    call_command("evaluate_generator", "A", count=14)
    told = capsys.readouterr().out
    assert "real images that it may have trained on" in told
    assert "Among themselves" in told


def test_quality_and_copies_of_an_external_generator(phantoms, theirs, tmp_path, capsys):
    training = tmp_path / "training"
    training.mkdir()
    for image in LesionImage.objects.order_by("isic_id")[::4]:
        (training / f"{image.isic_id}.png").write_bytes(image.read())
    copied = LesionImage.objects.order_by("isic_id")[4]
    folder = theirs / ("melanoma" if copied.diagnosis == "melanoma" else "bcc")
    (folder / "copy.png").write_bytes(png_bytes(np.ascontiguousarray(np.asarray(copied.square(96))[:, ::-1])))
    brought(capsys, theirs, name="A", trained_on=training)
    call_command("evaluate_generator", "A", count=12, json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["by_diagnosis"].keys() == {"melanoma", "basal cell carcinoma"}
    assert report["by_diagnosis"]["melanoma"]["samples"] == 12
    assert report["memorisation"]["training_images"] == 12
    assert 0 <= report["memorisation"]["between"]["share_closer"] <= 1
    assert Evaluation.objects.filter(generator__name="A").count() == 2
    with pytest.raises(CommandError, match=r"no such collection \(there are: phantoms\)"):
        call_command("evaluate_generator", "A", collection="Elsewhere")
    LesionImage.objects.filter(diagnosis="melanoma", isic_id__endswith="1").update(collection="Elsewhere")
    with pytest.raises(CommandError, match="fewer than 8 held-out images"):
        call_command("evaluate_generator", "A", collection="Elsewhere")
    call_command("audit_samples", "A", json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["audited"] == 25
    assert copied.isic_id in {one["nearest"] for one in found["suspected"] if one["name"].endswith("copy.png")}


def test_a_generator_that_cannot_draw_is_said_to_be_one(theirs, capsys):
    call_command("import_generated", str(theirs), name="A", phantoms=True)
    for command in (("sample_gan", "A", "--count", "3"), ("train_gan", "--resume", "A")):
        with pytest.raises(CommandError, match="no training run 'A'"):
            call_command(*command)


def test_a_dry_run_looks_at_what_is_told_of_the_training_images(theirs, tmp_path):
    (tmp_path / "ids.txt").write_text("n/a\n")
    for option, value in (("trained_on_ids", tmp_path / "ids.txt"), ("trained_on_run", "nobody")):
        with pytest.raises(CommandError, match=r"no id in it|no training run"):
            call_command("import_generated", str(theirs), name="A", dry_run=True, **{option: value})


def test_benign_is_no_diagnosis_of_generated_images_either(theirs):
    with pytest.raises(CommandError, match="'benign' is not the name of a diagnosis"):
        call_command("import_generated", str(theirs), name="A", diagnosis="benign")


def test_a_name_of_several_versions_asks_which(theirs):
    for version in ("1", "2"):
        call_command("import_generated", str(theirs), name="Vendor", generator_version=version)
    first, second = Generator.objects.filter(name="Vendor").order_by("version")
    assert Generator.objects.find("Vendor 1") == first
    assert Generator.objects.find(str(second.pk)) == second
    with pytest.raises(CommandError, match=rf"names several generators: Vendor 2 \(id {second.pk}\), Vendor 1 \(id "):
        call_command("create_study", "Which", run=["Vendor"])


def test_of_several_runs_of_a_name_the_newest_is_taken_and_named(db, caplog):
    runs = [Generator.objects.create(name="paper", size=64) for _ in range(2)]
    assert Generator.objects.find("paper") == runs[1]
    assert f"'paper' names 2 generators; paper (run {runs[1].pk}) is taken" in caplog.text
