"""Studies open blinded and frozen, or not at all."""

import io
import random
import struct
from collections import Counter

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image

from gan.models import GeneratedImage, LesionImage, TrainingRun
from turing.models import Stimulus, Study
from turing.models.designs import DEFAULT_CONSENT
from turing.studies.choosing import choose_images
from turing.studies.design import design_hash
from turing.studies.forms import StudyForm
from turing.studies.pools import real_pool
from turing.studies.twins import origins_of, told_of_twins, without_twins


def chunks(png):
    at, names = 8, []
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names, at


def test_every_stimulus_is_blinded(study):
    contents = [stimulus.read() for stimulus in study.stimuli.all()]
    assert len(contents) == 20
    assert len({len(content) for content in contents}) == 1
    for content in contents:
        names, end = chunks(content)
        assert set(names) == {b"IHDR", b"IDAT", b"IEND"}
        assert end == len(content)
        assert content[16:26] == contents[0][16:26]
    for stimulus in study.stimuli.all():
        assert stimulus.file == f"stimuli/{stimulus.pk}.png"


def test_a_larger_stimulus_is_no_sharper_for_a_real_image_than_for_a_generated_one(run):
    """The run draws 64 pixels and the phantoms have 72. Shown at 512, both must have the detail of 64 pixels."""
    call_command("create_study", "Large", run=[str(run.pk)], real=5, generated=5, stimulus_size=512)
    call_command("open_study", "large")
    for stimulus in Stimulus.objects.filter(study__slug="large", truth="real"):
        grey = np.asarray(Image.open(io.BytesIO(stimulus.read())).convert("L"), float)
        small = np.asarray(Image.fromarray(grey.astype(np.uint8)).resize((64, 64), Image.Resampling.LANCZOS))
        again = np.asarray(Image.fromarray(small).resize((512, 512), Image.Resampling.LANCZOS), float)
        direct = stimulus.lesion_image.square(512).convert("L")
        lost = np.abs(grey - again).mean()
        assert lost < 0.5 * np.abs(np.asarray(direct, float) - again).mean()


def test_half_are_real_and_no_run_trained_on_their_lesions(study, run):
    for diagnosis in study.diagnoses:
        for truth in ("real", "generated"):
            assert study.stimuli.filter(diagnosis=diagnosis, truth=truth).count() == 5
    trained = set(run.training_images.values_list("lesion_id", flat=True))
    shown = LesionImage.objects.filter(stimuli__study=study).values_list("lesion_id", flat=True)
    assert not trained & set(shown)


def test_the_design_hash_is_of_design_and_stimuli(study):
    assert study.design_hash == design_hash(study, study.stimuli.all())
    before = study.design_hash
    study.images_per_page = 10
    assert design_hash(study, study.stimuli.all()) != before


def test_the_same_seed_chooses_the_same_images(study, run):
    call_command("create_study", "Again", run=[str(run.pk)], real=5, generated=5, stimulus_size=64)
    call_command("open_study", "again")
    sources = [
        set(Stimulus.objects.filter(study__slug=slug).values_list("lesion_image", "generated_image"))
        for slug in (study.slug, "again")
    ]
    assert sources[0] == sources[1]


def test_several_runs_give_equally_many_images_as_far_as_they_have_them(run):
    samples = list(run.generated_images.filter(diagnosis=run.diagnoses[0]))
    run.generated_images.exclude(diagnosis=run.diagnoses[0]).delete()
    others = []
    for number, count in enumerate((8, 1), start=1):
        other = TrainingRun.objects.get(pk=run.pk)
        other.pk, other.name = None, f"other {number}"
        other.save()
        for sample in samples[:count]:
            sample.pk, sample.generator = None, other
            sample.save()
        others.append(other)
    study = Study.objects.create(
        title="Runs", slug="runs", diagnoses=run.diagnoses[:1], real_per_diagnosis=5, generated_per_diagnosis=9
    )
    study.generators.set([run, *others])
    test, _ = choose_images(study)
    counts = Counter(image.generator_id for image in test if isinstance(image, GeneratedImage))
    assert counts == {run.pk: 4, others[0].pk: 4, others[1].pk: 1}
    assert [image.pk for image in choose_images(study)[0]] == [image.pk for image in test]


def share_latents(run):
    """Samples as earlier versions drew them: image by image, both diagnoses from the same latents."""
    run.model = "projected"  # one network for both
    run.save()
    for name in run.diagnoses:
        for number, image in enumerate(run.generated_images.filter(diagnosis=name).order_by("pk")):
            image.latent_seed = number
            image.save()


@pytest.mark.parametrize(("generated", "practice", "shared"), [(4, 0, 0), (3, 4, 0), (8, 0, 8), (5, 0, 2)])
def test_as_few_images_as_possible_come_from_one_latent(run, client, researcher, generated, practice, shared):
    """Of eight latents. Twins tell readers that both are generated, and practice tells what its images are."""
    share_latents(run)
    call_command("create_study", "Twins", run=[str(run.pk)], real=2, generated=generated, practice_images=practice)
    study = Study.objects.get(slug="twins")
    client.force_login(researcher)
    chosen = [image for part in choose_images(study) for image in part if isinstance(image, GeneratedImage)]
    assert len(chosen) == 2 * generated + practice // 2
    assert len(chosen) - len({image.latent_seed for image in chosen}) == shared
    assert choose_images(study) == choose_images(study)
    assert [line.split()[0] for line in told_of_twins(chosen)] == ([str(shared)] if shared else [])
    page = client.get(reverse("research-study", args=["twins"])).content.decode()
    assert ("come from the same latent" in page) == bool(shared)


@pytest.mark.parametrize(("real", "practice", "shared"), [(3, 0, 0), (2, 4, 0), (6, 0, 4)])
def test_as_few_real_images_as_possible_show_one_lesion(run, client, researcher, real, practice, shared):
    """Of four lesions of a diagnosis with two images each. Two images of one lesion tell that both are real."""
    diagnoses = run.diagnoses
    LesionImage.objects.exclude(diagnosis__in=diagnoses).delete()
    call_command("create_study", "Lesions", run=[str(run.pk)], real=real, generated=2, practice_images=practice)
    study = Study.objects.get(slug="lesions")
    for name in diagnoses:
        pool = list(real_pool(study, name))
        assert len(pool) >= 8
        LesionImage.objects.filter(pk__in=[image.pk for image in pool[8:]]).update(verdict="rejected")
        for number, image in enumerate(pool[:8]):
            image.lesion_id = f"{name} {number // 2}"
            image.save()
    client.force_login(researcher)
    chosen = [image for part in choose_images(study) for image in part if isinstance(image, LesionImage)]
    assert len(chosen) == 2 * real + practice // 2
    assert len(chosen) - len({image.lesion_id for image in chosen}) == shared
    assert choose_images(study) == choose_images(study)
    assert [line.split()[0] for line in told_of_twins(chosen)] == ([str(shared)] if shared else [])
    page = client.get(reverse("research-study", args=["lesions"])).content.decode()
    assert ("show the lesion or the patient of another one" in page) == bool(shared)


def test_of_one_patient_another_lesion_is_chosen_before_the_same_one(run):
    """Of six images: a patient with two photographs of one lesion and one of another, and three other patients."""
    images = list(LesionImage.objects.order_by("pk")[:6])
    about = [("a", "P"), ("a", "P"), ("b", "P"), ("c", "Q"), ("d", "R"), ("e", "S")]
    for image, (lesion, patient) in zip(images, about, strict=True):
        image.lesion_id, image.patient_id = lesion, patient
        image.save()
    lesions = LesionImage.objects.filter(pk__in=[image.pk for image in images]).group_names()
    for seed in range(20):
        rng = random.Random(seed)
        assert {image.patient_id for image in without_twins(rng, images, 4, [], lesions)} == {"P", "Q", "R", "S"}
        assert {image.lesion_id for image in without_twins(rng, images, 5, [], lesions)} == {"a", "b", "c", "d", "e"}
        avoid = origins_of(images[:1], lesions)
        assert {image.lesion_id for image in without_twins(rng, images[1:], 4, avoid, lesions)} == {"b", "c", "d", "e"}


def test_networks_of_one_diagnosis_each_draw_no_twins(run):
    share_latents(run)
    run.model = "dcgan"
    run.save()
    assert not told_of_twins(run.generated_images.all())


def test_a_run_and_its_snapshot_show_no_image_of_one_latent(run):
    """Eight latents each, the same, as earlier versions drew them."""
    snapshot = TrainingRun.objects.get(pk=run.pk)
    snapshot.pk, snapshot.name, snapshot.snapshot_of, snapshot.snapshot_step = None, "early", run, 1
    snapshot.save()
    for image in run.generated_images.filter(diagnosis=run.diagnoses[0]):
        image.pk, image.generator = None, snapshot
        image.save()
    study = Study.objects.create(
        title="Both", slug="both", diagnoses=run.diagnoses[:1], real_per_diagnosis=2, generated_per_diagnosis=8
    )
    study.generators.set([run, snapshot])
    test, _ = choose_images(study)
    shown = [image for image in test if isinstance(image, GeneratedImage)]
    assert Counter(image.generator_id for image in shown) == {run.pk: 4, snapshot.pk: 4}
    assert len({image.latent_seed for image in shown}) == 8


def test_images_of_one_latent_at_two_truncations_are_twins(run):
    other = run.generated_images.filter(diagnosis=run.diagnoses[0]).order_by("pk")
    for image in list(other)[:4]:
        image.pk, image.truncation = None, 0.5
        image.save()
    call_command("create_study", "Truncated", run=[str(run.pk)], real=2, generated=8)
    test, _ = choose_images(Study.objects.get(slug="truncated"))
    latents = [image.latent_seed for image in test if isinstance(image, GeneratedImage)]
    assert len(set(latents)) == len(latents) == 16


def test_a_study_that_lacks_images_does_not_open_and_leaves_nothing(run):
    call_command("create_study", "Large", run=[str(run.pk)], real=5, generated=9)
    before = default_storage.listdir("stimuli")[1] if default_storage.exists("stimuli") else []
    with pytest.raises(CommandError, match="9 generated images are wanted, but only 8 are there"):
        call_command("open_study", "large")
    assert Study.objects.get(slug="large").is_draft
    assert not Stimulus.objects.exists()
    after = default_storage.listdir("stimuli")[1] if default_storage.exists("stimuli") else []
    assert before == after


def test_commands_name_what_is_wrong(study):
    for command, message in (
        (("open_study", study.slug), "only a draft can be opened"),
        (("open_study", "nowhere"), "No study 'nowhere'"),
        (("create_study", "X", "--run", "99"), "no generator .99."),
        (("export_results", study.slug, "--format", "csv", "--output", "/no/such/folder/x.csv"), "No such file"),
    ):
        with pytest.raises(CommandError, match=message):
            call_command(*command)


def test_a_researcher_designs_and_opens_in_the_browser(client, researcher, run):
    client.force_login(researcher)
    data = {
        "title": "By hand", "generators": [run.pk], "diagnoses": run.diagnoses, "real_per_diagnosis": 2,
        "generated_per_diagnosis": 2, "images_per_page": 10, "stimulus_size": 64, "confidence_levels": 4,
        "equivalence_margin": 0.1,
        "images_per_reader": 0, "practice_images": 0, "repeats": 0, "break_every": 50,
        "consent_text": DEFAULT_CONSENT.replace("\n", "\r\n"), "instructions": "", "seed": 1,
    }  # fmt: skip
    refused = client.post(reverse("study-create"), data | {"real_per_diagnosis": 0, "diagnoses": ["x"]})
    assert set(refused.context["form"].errors) == {"real_per_diagnosis", "diagnoses"}
    assert client.post(reverse("study-create"), data).url == "/research/studies/by-hand/"
    client.post(reverse("study-open", args=["by-hand"]))
    study = Study.objects.get(slug="by-hand")
    assert study.is_open
    assert study.consent_text == DEFAULT_CONSENT  # browsers send other ends of lines
    client.post(reverse("study-edit", args=["by-hand"]), data | {"title": "Changed"})
    study.refresh_from_db()
    assert study.title == "By hand"


def test_a_draft_shows_the_images_that_opening_it_fixes(client, researcher, reader, draft):
    client.force_login(researcher)
    page = client.get(reverse("research-study", args=[draft.slug]))
    drawn = page.context["drawn"]
    assert len(drawn) == 16
    shown = {(kind, client.get(address).content) for address, kind, _ in drawn}
    call_command("open_study", draft.slug)
    stimuli = {(stimulus.truth, stimulus.read()) for stimulus in draft.stimuli.all()}
    assert shown <= stimuli
    assert client.get(drawn[0][0]).status_code == 404  # open: readers could not see it here anyway
    call_command("create_study", "Lacking", run=[str(draft.generators.get().pk)], real=5, generated=99)
    lacking = client.get(reverse("research-study", args=["lacking"]))
    assert (lacking.context["drawn"], len(lacking.context["problems"])) == ([], 2)
    other = client.get(reverse("preview", args=["lacking", "real", 10**6]))
    assert other.status_code == 404
    client.force_login(reader.user)
    assert client.get(reverse("preview", args=["lacking", "real", 1])).status_code == 403


def test_research_pages_are_for_researchers(client, study, reader):
    addresses = [
        reverse("research"),
        reverse("results", args=[study.slug]),
        reverse("export", args=[study.slug, "csv"]),
        reverse("generators"),
    ]
    for address in addresses:
        assert client.get(address).status_code == 302
    client.force_login(reader.user)
    for address in addresses:
        assert client.get(address).status_code == 403


@pytest.mark.parametrize(
    "title", ["Title\r\n\r\nbody", "Title\nBcc: evil@evil.example", "bell \x07", "line \u2028 end"]
)
def test_a_title_is_one_line_of_text(client, draft, researcher, title):
    client.force_login(researcher)
    page = client.post(reverse("study-edit", args=[draft.slug]), {"title": title})
    assert page.status_code == 422
    assert "one line of text" in page.content.decode()


def test_a_run_with_a_number_that_no_database_stores_is_refused(client, researcher):
    client.force_login(researcher)
    assert client.post(reverse("study-create"), {"generators": "9" * 400}).status_code == 422


def test_saving_a_draft_keeps_the_order_of_its_diagnoses(run):
    study = Study(title="Order", diagnoses=["melanoma", "basal cell carcinoma"])
    form = StudyForm({"diagnoses": ["basal cell carcinoma", "melanoma"]}, instance=study)
    form.is_valid()
    assert form.cleaned_data["diagnoses"] == ["melanoma", "basal cell carcinoma"]
