"""Controls of a study (real images made worse, an older generator) count in no rate and are reported separately."""

import csv
import io
import json
from dataclasses import asdict
from uuid import UUID

import numpy as np
import pytest
from django.core.management import call_command
from django.forms.models import model_to_dict
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import Generator, LesionImage
from tests.conftest import make_reader
from turing.models import Reading, Response, Study, Trial
from turing.reading.passage import start_reading
from turing.reading.randomisation import with_controls_among
from turing.results.archive.contents import Options, archive_files
from turing.results.controls import control_sentences, with_controls
from turing.results.counting import PEOPLE, flow_of
from turing.results.exports import rows
from turing.results.published.publishing import publish
from turing.results.study_analysis import analyse_study
from turing.studies.choosing import choose_images
from turing.studies.controls import DEGRADED, choose_controls
from turing.studies.degradation import degrade
from turing.studies.design import design_as_opened, frozen_design, problems
from turing.studies.forms import StudyForm

pytestmark = pytest.mark.django_db


@pytest.fixture
def older(phantoms, tmp_path) -> Generator:
    for diagnosis in ("melanoma", "basal cell carcinoma"):
        (tmp_path / "older" / diagnosis).mkdir(parents=True)
        for index in range(3):
            content = png_bytes(draw_phantom(diagnosis, 7000 + index, 96, 96))
            (tmp_path / "older" / diagnosis / f"{index}.png").write_bytes(content)
    call_command("import_generated", str(tmp_path / "older"), name="Older", phantoms=True)
    return Generator.objects.get(name="Older")


@pytest.fixture
def controlled(run, older, researcher) -> Study:
    call_command(
        "create_study", "Controlled", run=[str(run.pk)], real=3, generated=3, stimulus_size=64, allow_unaudited=True,
        owner=researcher.email, control_per_diagnosis=2, control_degradation="blur-1.5", control_generator=["Older"],
        block_by_diagnosis=True,
    )  # fmt: skip
    call_command("open_study", "controlled")
    return Study.objects.get(slug="controlled")


def answer_all(study: Study, of_test: str, of_control: str, readers: int = 3) -> None:
    """Readers who answer alike; in the test each sometimes gives the other answer, so that there is a variance."""
    for number in range(readers):
        reading = start_reading(study, make_reader(f"reader{number}@test.example"))
        for trial in reading.trials.select_related("stimulus"):
            said = of_control if trial.phase == Trial.Phase.CONTROL else of_test
            if (trial.stimulus.pk.int + number) % 4 == 0:
                said = "generated" if said == "real" else "real"
            Response.objects.create(trial=trial, answer=said, confidence=2, answered_at=reading.consented_at)


def test_controls_are_of_other_lesions_and_look_worse_but_are_encoded_alike(controlled):
    test, practice = choose_images(controlled)
    degraded = controlled.stimuli.of_control().exclude(lesion_image=None)
    assert (controlled.stimuli.of_test().count(), degraded.count()) == (12, 4)
    assert controlled.stimuli.of_control().filter(generated_image__generator__name="Older").count() == 4
    assert set(degraded.values_list("truth", flat=True)) == {"real"}
    names = LesionImage.objects.group_names()
    shown = {names[one.pk] for one in test if isinstance(one, LesionImage)}
    own = [names[one] for one in degraded.values_list("lesion_image", flat=True)]
    assert len({*own}) == len(own)
    assert not shown & {*own}
    assert [one.pk for one in choose_controls(controlled, test + practice)] == [
        one.pk for one in choose_controls(controlled, test + practice)
    ]
    out = io.StringIO()
    call_command("audit_blinding", "controlled", json=True, stdout=out)
    checks = {one["name"]: one["verdict"] for one in json.loads(out.getvalue())["checks"]}
    assert (checks["byte lengths"], checks["one procedure"], checks["design as opened"]) == ("passed",) * 3


def test_a_patient_with_lesions_of_two_diagnoses_is_a_control_once(controlled):
    test, practice = choose_images(controlled)
    taken = LesionImage.objects.filter(pk__in=[one.pk for one in test if isinstance(one, LesionImage)])
    spare = LesionImage.objects.not_trained_on_by(controlled.generators.all()).unrelated_to(taken)
    for diagnosis in controlled.diagnoses:
        lesion = spare.with_diagnosis(diagnosis).order_by("isic_id").first().lesion_id
        LesionImage.objects.filter(lesion_id=lesion).update(patient_id="one patient")
    times = []
    for seed in range(10):
        controlled.seed = seed
        chosen = [one for one in choose_controls(controlled, test + practice) if isinstance(one, LesionImage)]
        assert len(chosen) == 4
        times.append(sum(one.patient_id == "one patient" for one in chosen))
    assert max(times) == 1


@pytest.mark.parametrize("kind", Study.Degradation.values)
def test_each_degradation_takes_detail_and_keeps_the_size(kind):
    image = Image.fromarray(draw_phantom("melanoma", 1, 128, 128))
    worse = degrade(image, kind)
    assert (worse.size, worse.mode) == (image.size, "RGB")
    assert np.abs(np.asarray(worse, float) - np.asarray(image, float)).mean() > 0.5
    assert degrade(image, kind).tobytes() == worse.tobytes()


def test_answers_to_controls_are_in_no_rate_and_stand_apart(controlled, client, researcher):
    answer_all(controlled, of_test="real", of_control="generated")
    analysis = with_controls(controlled, PEOPLE, analyse_study(controlled, PEOPLE))
    assert analysis["counts"]["responses"] == 36
    assert analysis["counts"]["images"] == 12
    assert not analysis["by_run"]  # of the one generator that the study is about
    given = Response.objects.filter(trial__phase=Trial.Phase.TEST, trial__stimulus__truth="generated")
    assert analysis["fooling_rate"]["estimate"] == given.filter(answer="real").count() / given.count()
    found = {row["control"]: row for row in analysis["controls"]}
    degraded = found[DEGRADED]
    answers = Response.objects.filter(trial__phase=Trial.Phase.CONTROL, trial__stimulus__truth="real")
    assert (degraded["truth"], degraded["images"], degraded["responses"]) == ("real", 4, 12)
    assert degraded["judged_real"] == answers.filter(answer="real").count() / 12
    assert degraded["difference"] == pytest.approx(degraded["judged_real"] - degraded["test_judged_real"])
    assert flow_of(controlled, PEOPLE).excluded["Answers to controls (reported apart)"] == 24
    said = " ".join(control_sentences(analysis))
    assert "real images blurred (Gaussian" in said
    assert "of the images of Older for real" in said
    client.force_login(researcher)
    control = (
        "2 real images blurred (Gaussian, standard deviation 1.5% of the side) and 2 images of Older per diagnosis"
    )
    for name in ("results", "report", "research-study", "preregistration"):
        page = client.get(reverse(name, args=["controlled"])).content.decode()
        assert control in page, name
    table = client.get(reverse("table", args=["controlled", "controls"])).content.decode()
    assert [row["truth"] for row in csv.DictReader(io.StringIO(table))] == ["real", "generated"]


def test_a_published_study_tells_its_controls_where_five_readers_judged_them(controlled):
    answer_all(controlled, of_test="real", of_control="generated", readers=5)
    call_command("close_study", "controlled")
    publish(Study.objects.get(pk=controlled.pk))
    page = Client().get(reverse("published", args=["controlled"])).content.decode()
    assert 'Controls <span class="tag">preregistered</span>' in page
    assert "of the images of Older for real" in page
    table = Client().get(reverse("published-table", args=["controlled", "controls"]))
    assert table.content.decode().count("\n") == 3
    first = Reading.objects.filter(study=controlled, reader__user__email="reader0@test.example")
    first.update(withdrawn_at=timezone.now())
    assert (
        "of the images of Older for real"
        not in Client().get(reverse("published", args=["controlled"])).content.decode()
    )


def test_the_archive_tells_controls_and_gives_the_same_numbers_and_hash(controlled, tmp_path):
    answer_all(controlled, of_test="real", of_control="generated")
    call_command("close_study", "controlled")
    kinds = {row["phase"] for row in rows(controlled, PEOPLE)}
    assert kinds == {"test", "control"}
    files = archive_files(Study.objects.get(pk=controlled.pk), PEOPLE, Options())
    analysis = json.loads(files["analysis.json"]())
    assert analysis["counts"] == analyse_study(controlled, PEOPLE)["counts"]
    stimuli = list(csv.DictReader(io.StringIO(files["stimuli.csv"]().decode())))
    assert sum(row["control"] == "yes" for row in stimuli) == 8
    call_command("archive_study", "controlled", output=tmp_path / "whole.zip")
    call_command("verify_archive", str(tmp_path / "whole.zip"))


def test_only_a_design_with_a_control_has_one_in_its_hash(controlled, study):
    assert not [name for name in frozen_design(study) if name.startswith("control")]
    design = design_as_opened(controlled, controlled.stimuli.all())
    assert design is not None
    assert design["control_degradation"] == "blur-1.5"
    controlled.control_per_diagnosis = 3
    assert design_as_opened(controlled, controlled.stimuli.all()) is None


def test_what_a_control_lacks_is_said_before_the_study_opens(draft, older):
    draft.control_per_diagnosis = 2
    assert any("choose what serves as a control" in one for one in problems(draft))
    draft.control_degradation = "jpeg-10"
    draft.control_per_diagnosis = 40
    assert any("40 real images are wanted as a control. They must show other lesions" in one for one in problems(draft))
    draft.control_per_diagnosis = 0
    assert any("say how many images" in one for one in problems(draft))
    draft.generators.add(older)
    draft.control_degradation, draft.control_generators, draft.control_per_diagnosis = "", [older.pk], 5
    assert any("5 images of the control Older are wanted, but only 3 are there" in one for one in problems(draft))
    draft.control_generators = [one.pk for one in draft.generators.all()]
    assert any("at least one that is not a control" in one for one in problems(draft))


def test_a_generator_chosen_as_a_control_alone_joins_the_study(draft, older):
    run = draft.generators.get()
    data = model_to_dict(draft) | {"generators": [run.pk], "control_generators": [older.pk], "control_per_diagnosis": 2}
    form = StudyForm(data, instance=draft)
    assert form.is_valid(), form.errors
    form.save()
    assert set(draft.generators.all()) == {run, older}
    assert draft.tested_generators == [run]
    refused = StudyForm(data | {"control_generators": [run.pk, older.pk], "revision": ""}, instance=draft)
    assert "not a control" in str(refused.errors["generators"])


def test_controls_come_anywhere_in_their_own_block():
    order = [(UUID(int=index), "test") for index in range(20)]
    block_of = {one: "a" if one.int < 10 else "b" for one, _ in order}
    controls = [(UUID(int=100 + index), "control") for index in range(6)]
    block_of |= {one: "ab"[one.int % 2] for one, _ in controls}
    firsts = set()
    for seed in range(60):
        placed = with_controls_among(order, controls, seed, block_of)
        assert [one for one in placed if one[1] == "test"] == order
        blocks = "".join(block_of[one] for one, _ in placed)
        assert blocks == "a" * 13 + "b" * 13
        firsts.add(placed[0][1])
    assert firsts == {"test", "control"}


def test_the_flow_of_a_study_without_controls_names_none(study):
    assert not [why for why in asdict(flow_of(study, PEOPLE))["excluded"] if "control" in why]


def test_readers_are_told_the_share_of_what_they_see(run):
    call_command(
        "create_study", "Part", run=[str(run.pk)], real=3, generated=3, stimulus_size=64, images_per_reader=4,
        control_per_diagnosis=3, control_degradation="blur-1.5",
    )  # fmt: skip
    assert Study.objects.get(slug="part").share_of_real == 0.8  # two of four, and six controls


def test_a_draft_whose_patients_stand_on_both_sides_says_so_on_its_page(client, run, researcher):
    for number, image in enumerate(LesionImage.objects.order_by("diagnosis", "isic_id")):
        LesionImage.objects.filter(pk=image.pk).update(patient_id=f"p{number % 24}")
    call_command(
        "create_study", "Patients", run=[str(run.pk)], real=6, generated=2, stimulus_size=64, owner=researcher.email,
        control_per_diagnosis=5, control_degradation="blur-1.5",
    )  # fmt: skip
    client.force_login(researcher)
    page = client.get("/research/studies/patients/")
    assert page.status_code == 200
    assert "for the control" in page.content.decode() or "as a control" in page.content.decode()
