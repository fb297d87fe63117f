"""Studies of several generators, one of them our own: counts, hashes, pages, methods, exports."""

from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import GeneratedImage, Generator, LesionImage
from turing.models import Study
from turing.results.archive.manifest import stimulus_rows
from turing.results.counting import SIMULATED, flow_of
from turing.results.methods import methods_and_references
from turing.results.published.publishing import publish
from turing.results.study_analysis import analyse_study, with_generators_named
from turing.studies.choosing import choose_images
from turing.studies.design import advice, design_as_opened, generated_pool, problems
from turing.studies.forms import StudyForm
from turing.studies.provenance import of_lesions, shown_though_trained_on, training_warning

pytestmark = pytest.mark.django_db


def create(title: str, generators: list[str], **options) -> None:
    chosen = [word for one in generators for word in ("--generator", one)]
    call_command("create_study", title, *chosen, real=5, allow_unaudited=True, **options)


@pytest.fixture
def externals(phantoms, tmp_path) -> list[Generator]:
    """Two imported generators, of 96 x 72 and 200 x 150 pixels, with the same diagnoses as the run."""
    made = []
    for number, (name, width, height) in enumerate((("Theirs", 96, 72), ("Vendor", 200, 150))):
        for diagnosis in ("melanoma", "basal cell carcinoma"):
            folder = tmp_path / name / diagnosis
            folder.mkdir(parents=True)
            for index in range(9):
                content = png_bytes(draw_phantom(diagnosis, 9000 + 100 * number + index, width, height))
                (folder / f"{index}.png").write_bytes(content)
        call_command("import_generated", str(tmp_path / name), name=name, phantoms=True, licence="CC-BY-4.0" * number)
        made.append(Generator.objects.get(name=name))
    return made


@pytest.fixture
def three(run, externals, researcher) -> Study:
    chosen = [f"{run.pk}=2", "Theirs=5", "Vendor"]
    create("Three", chosen, generated=9, stimulus_size=64, owner=researcher.email)
    return Study.objects.get(slug="three")


def test_each_generator_gives_what_the_design_says(three, run, externals):
    assert three.generated_counts == {str(run.pk): 2, str(externals[0].pk): 5}
    test, _ = choose_images(three)
    counts = Counter((image.generator_id, image.diagnosis) for image in test if isinstance(image, GeneratedImage))
    for diagnosis in run.diagnoses:
        assert [counts[one.pk, diagnosis] for one in (run, *externals)] == [2, 5, 2]
    assert three.drawn_size == 64  # every image goes through the smallest network's size


def test_the_study_opens_is_analysed_and_says_what_is_not_known(three, run, externals, client, researcher):
    call_command("open_study", "three")
    study = Study.objects.get(slug="three")
    assert design_as_opened(study, study.stimuli.all()) is not None
    assert study.stimuli.filter(generated_image__generator=externals[1]).count() == 4
    call_command("audit_blinding", "three")
    call_command("simulate_readers", "three", readers=4)
    analysis = analyse_study(study, SIMULATED)
    compared = [row for row in analysis["comparisons"] if row["factor"] == "run"]
    assert len(compared) == 3
    named = with_generators_named(study, analysis)["comparisons"]
    names = {str(one) for one in (run, *externals)}
    assert {name for row in named if row["factor"] == "generator" for name in (row["first"], row["second"])} == names
    assert all(row["p_holm"] >= row["p_value"] for row in compared if row["p_value"] is not None)
    named_rates = with_generators_named(study, analysis)["by_run"]
    paragraph = methods_and_references(study, analysis, flow_of(study, SIMULATED), SIMULATED)[0]
    assert "the training images of Theirs, Vendor are not known" in paragraph
    assert f"generated images (2 of tiny (run {run.pk}), 5 of Theirs, Vendor)" in paragraph
    assert set(analysis["by_run"]) == {str(one.pk) for one in (run, *externals)}
    assert set(named_rates) == names
    client.force_login(researcher)
    for address in (study_page := reverse("research-study", args=["three"]), reverse("results", args=["three"])):
        page = client.get(address).content.decode()
        assert "real images of this study may have been trained on" in page, address
        assert "Vendor" in page
    assert reverse("generator", args=[externals[0].pk]) in client.get(study_page).content.decode()
    licences = {row["generator"]: (row["licence"], row["redistributable"]) for row in stimulus_rows(study, True)}
    assert licences[run.pk] == ("the researchers' own", "yes")
    assert licences[externals[0].pk] == ("unknown", "no")
    assert licences[externals[1].pk] == ("CC-BY-4.0", "yes")


def test_a_study_whose_generators_are_known_says_nothing_of_it(study, client, researcher):
    client.force_login(researcher)
    page = client.get(reverse("research-study", args=[study.slug])).content.decode()
    assert "may have been trained on" not in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["Theirs=10", "Vendor"], "add up to 10 images per diagnosis, but the study shows 9"),
        (["Theirs=4", "Vendor=4"], "add up to 8 images per diagnosis, but the study shows 9"),
        (["Theirs=few", "Vendor"], "after '=' comes how many"),
        (["Nobody=3"], "no generator 'Nobody=3'"),
    ],
)
def test_numbers_that_cannot_be_are_refused(externals, options, message):
    with pytest.raises(CommandError, match=message):
        create("X", options, generated=9)
    assert not Study.objects.exists()


def test_a_generator_with_too_few_images_stands_in_the_way(externals):
    create("Few", ["Theirs=12", "Vendor"], generated=16)
    with pytest.raises(CommandError, match="12 images of Theirs are wanted, but only 9 are there"):
        call_command("open_study", "few")


def test_the_form_keeps_numbers_of_the_chosen_generators_alone(run, externals):
    data = {
        "title": "By hand", "generators": [run.pk, externals[0].pk], "diagnoses": run.diagnoses[:1],
        "real_per_diagnosis": 2, "generated_per_diagnosis": 6, "images_per_page": 1, "stimulus_size": 64,
        "confidence_levels": 4, "equivalence_margin": 0.1, "images_per_reader": 0, "practice_images": 0, "repeats": 0,
        "break_every": 0, "consent_text": "Yes?", "seed": 0, "language": "en",
        f"count_{run.pk}": "1", f"count_{externals[1].pk}": "3",
    }  # fmt: skip
    form = StudyForm(data)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["generated_counts"] == {str(run.pk): 1}
    assert f'name="count_{run.pk}" min="0" max="32767" value="1"' in str(form["generated_counts"])
    for wrong in ("-1", "x", "99999999999999999999", "1.5"):
        assert "not a number of images" in str(StudyForm(data | {f"count_{run.pk}": wrong}).errors)


def test_pages_of_generators(run, externals, client, researcher):
    client.force_login(researcher)
    listed = client.get(reverse("generators")).content.decode()
    assert run.name in listed
    assert "Vendor" in listed
    page = client.get(reverse("generator", args=[externals[1].pk])).content.decode()
    assert "9 of melanoma" in page
    assert "not told" in page
    assert "audit_samples" in page
    assert client.get(reverse("generator", args=[run.pk])).url == reverse("run", args=[run.pk])
    assert client.get(reverse("run", args=[externals[0].pk])).status_code == 404
    assert client.get(reverse("generator", args=[10**15])).status_code == 404


def test_every_image_passes_the_size_of_the_smallest_generator_for_good(externals, tmp_path, researcher):
    create("Sizes", ["Vendor"], generated=5, stimulus_size=256, scaling="smooth", owner=researcher.email)
    study = Study.objects.get(slug="sizes")
    assert study.drawn_size == 150
    with pytest.raises(
        CommandError,
        match=r"5 real images are wanted, but only 0 are there \(left out: 24 have fewer than 150 pixels on a side\)",
    ):
        call_command("open_study", "sizes")  # the real ones have 96 x 72 pixels: they alone would be enlarged
    create("Small", ["Theirs"], generated=5, stimulus_size=256, scaling="smooth", owner=researcher.email)
    call_command("open_study", "small")
    small = Study.objects.get(slug="small")
    assert (small.through, small.scaling) == (72, "smooth")
    folder = tmp_path / "more" / "melanoma"
    folder.mkdir(parents=True)
    (folder / "tiny.png").write_bytes(png_bytes(draw_phantom("melanoma", 9999, 40, 40)))
    call_command("import_generated", str(tmp_path / "more"), name="Theirs")
    assert Generator.objects.get(name="Theirs").size == 40
    assert Study.objects.get(slug="small").drawn_size == 72
    call_command("audit_blinding", "small")


def test_images_told_later_are_counted_where_they_are_shown(externals, tmp_path, researcher, client):
    create("Later", ["Theirs"], generated=5, stimulus_size=64, owner=researcher.email)
    call_command("open_study", "later")
    study = Study.objects.get(slug="later")
    assert study.untold == ["Theirs"]
    shown = [one.lesion_image for one in study.stimuli.filter(truth="real", diagnosis="melanoma")[:3]]
    listed = tmp_path / "ids.txt"
    listed.write_text("\n".join(image.isic_id for image in shown))
    call_command("import_generated", str(tmp_path / "Theirs"), name="Theirs", trained_on_ids=listed)
    assert Generator.objects.get(name="Theirs").knows_training_images
    study = Study.objects.get(slug="later")
    assert shown_though_trained_on(study) == 3
    warning = training_warning(study)
    assert "3 real images of this study were among the generators' training images" in warning
    assert "The training images of Theirs are not known" in warning  # as it stood when the study opened
    assert "of which 3 were" in of_lesions(study)
    client.force_login(researcher)
    assert "3 real images of this study" in client.get(reverse("results", args=["later"])).content.decode()


def test_a_real_image_in_disguise_is_never_a_generated_one(externals, tmp_path):
    real = LesionImage.objects.with_diagnosis("melanoma").order_by("isic_id")[0]
    folder = tmp_path / "copies" / "melanoma"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(real.read())
    (folder / "b.png").write_bytes(png_bytes(draw_phantom("melanoma", 9998, 96, 72)))
    call_command("import_generated", str(tmp_path / "copies"), name="Copycat", phantoms=True)
    copycat = Generator.objects.get(name="Copycat")
    assert [one.name for one in copycat.generated_images.all()] == ["melanoma/b.png"]
    # Imported before the real one was: it stays out of studies all the same.
    image = copycat.generated_images.get()
    LesionImage.objects.filter(pk=real.pk).update(sha256=image.sha256)
    create("Copy", ["Copycat"], generated=1)
    assert generated_pool(Study.objects.get(slug="copy"), "melanoma").count() == 0


def test_two_generators_with_one_image_do_not_open(externals, tmp_path):
    call_command("import_generated", str(tmp_path / "Theirs"), name="Twin", phantoms=True)
    create("Twins", ["Theirs", "Twin"], generated=18)
    with pytest.raises(CommandError, match="Two images of the study show the same picture"):
        call_command("open_study", "twins")
    assert Study.objects.get(slug="twins").is_draft


def test_a_draft_says_that_its_images_were_not_curated(externals, client, researcher):
    create("Bare", ["Theirs"], generated=2, stimulus_size=64, owner=researcher.email)
    LesionImage.objects.update(is_phantom=False)
    Generator.objects.update(uses_phantoms=False)
    study = Study.objects.get(slug="bare")
    assert advice(study)[0].startswith("Curation has not looked at 48 of the real images")
    client.force_login(researcher)
    assert "Curation has not looked at" in client.get(reverse("research-study", args=["bare"])).content.decode()
    LesionImage.objects.update(verdict="accepted")
    assert advice(study) == []


def test_codes_of_diagnoses_are_understood(externals):
    create("Codes", ["Theirs"], generated=2, diagnosis=["BCC"])
    assert Study.objects.get(slug="codes").diagnoses == ["basal cell carcinoma"]
    with pytest.raises(CommandError, match="no generator draws nevus; they draw basal cell carcinoma, melanoma"):
        create("None", ["Theirs"], generated=2, diagnosis=["nv"])


def test_numbers_of_a_generator_that_left_the_draft_are_forgotten(externals):
    create("Left", ["Theirs=2", "Vendor=2"], generated=4)
    study = Study.objects.get(slug="left")
    study.generators.remove(externals[1])
    study = Study.objects.get(slug="left")
    assert problems(study) == [
        "Unequal numbers of generated images: The numbers add up to 2 images per diagnosis, but the study shows 4 "
        "generated images."
    ]


def test_the_published_page_names_the_generators(three, externals, client):
    call_command("open_study", "three")
    call_command("simulate_readers", "three", readers=5)
    call_command("close_study", "three")
    publish(Study.objects.get(slug="three"))
    page = client.get(reverse("published", args=["three"])).content.decode()
    assert "of generated images of Theirs for real" in page


def test_a_run_on_a_folder_of_images_of_the_record_saw_these_images(phantoms, tmp_path):
    seen = LesionImage.objects.with_diagnosis("melanoma").order_by("isic_id")[:6]
    (tmp_path / "melanoma").mkdir()
    for number, image in enumerate(seen):
        (tmp_path / "melanoma" / f"{number}.png").write_bytes(image.read())
    options = {"size": 64, "steps": 1, "batch_size": 4, "held_out": 0.0, "precision": "float32"}
    call_command("train_gan", data=tmp_path, name="folder", **options)
    run = Generator.objects.get(name="folder")
    assert run.knows_training_images
    assert set(LesionImage.objects.seen_by([run])) == set(seen)
    # Of images that are not here nothing is claimed.
    other = tmp_path / "others" / "melanoma"
    other.mkdir(parents=True)
    for number in range(5):
        (other / f"x{number}.png").write_bytes(png_bytes(draw_phantom("melanoma", 7000 + number, 64, 64)))
    call_command("train_gan", data=tmp_path / "others", name="elsewhere", **options)
    assert not Generator.objects.get(name="elsewhere").knows_training_images


def test_a_generator_that_cannot_give_its_share_is_named_with_the_reason(externals):
    create("Uneven", ["Theirs", "Vendor"], generated=8)
    study = Study.objects.get(slug="uneven")
    assert not [line for line in advice(study) if "share" in line]
    copies = externals[0].generated_images.filter(diagnosis="melanoma")[:7]
    GeneratedImage.objects.filter(pk__in=[one.pk for one in copies]).update(suspected_copy=True)
    assert (
        "melanoma: Theirs has 2 images that can be shown (left out: 7 are suspected copies of training images), fewer "
        "than its share of 4. The other generators supply the rest."
    ) in advice(study)
    study.generated_per_diagnosis = 12
    assert (
        "melanoma: 12 generated images are wanted, but only 11 are there (left out: 7 are suspected copies of "
        "training images)."
    ) in problems(study)


def test_images_of_several_generators_are_named_by_them(three, run, externals, client, researcher):
    call_command("open_study", "three")
    call_command("simulate_readers", "three", readers=3)
    client.force_login(researcher)
    named = with_generators_named(three, analyse_study(three, SIMULATED))["by_image"]
    counts = Counter(row["generator"] for row in named)
    assert counts == {"": 10, str(run): 4, "Theirs": 10, "Vendor": 4}
    page = client.get(reverse("results", args=["three"])).content.decode()
    strips = page[page.index("convinced most") : page.index("Every generated image")]
    assert sum(strips.count(f", {name}, rank") + strips.count(f", {name}</li>") for name in counts if name) == 12


def test_a_form_has_every_field_in_one_section_and_unfolds_what_is_set(three):
    form = StudyForm(instance=three)
    named = [name for _, names in StudyForm.SECTIONS for name in names]
    assert sorted(named) == sorted({*form.fields} - {"revision"})
    opened = {section.title: section.is_open for section in form.sections() if section.is_folded}
    assert [title for title, is_open in opened.items() if is_open] == [
        "More options: unequal numbers and controls", "More options: how images are shown",
        "More options: analysis and checks",
    ]  # fmt: skip
    assert not any(section.is_open for section in StudyForm().sections() if section.is_folded)
    wrong = StudyForm({"title": "x", "repeats": "-1"})
    assert {"More options: what each reader gets"} <= {one.title for one in wrong.sections() if one.is_open}
