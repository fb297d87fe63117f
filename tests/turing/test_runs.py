"""Researchers follow a run, look at its samples beside training images, and overrule curation."""

from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from gan.foundation.kept_snapshots import kept_steps
from gan.models import Evaluation, LesionImage
from tests.conftest import PASSWORD
from turing.results.figures.training import quality_figure

FIGURES = {
    "kid": 0.04, "kid_std": 0.002, "fid": 120.0, "precision": 0.5, "recall": 0.25, "density": 0.6, "coverage": 0.4,
    "feature_extractor": "EfficientNet-Lite2", "samples": 256, "held_out": 60, "warnings": [],
}  # fmt: skip


@pytest.fixture
def visit(client, researcher):
    client.login(username=researcher.email, password=PASSWORD)
    return client.get


def test_the_page_of_a_run_shows_grids_quality_and_nearest_training_images(run, visit):
    floor = FIGURES | {"kid": 0.001, "swd": {"64": 0.021, "128": 0.03, "32": 0.04}}
    for step, kid in ((1, 0.09), (2, 0.04)):  # an evaluation of an earlier version has no figures of patches
        figures = FIGURES | {"kid": kid, "floor": floor}
        Evaluation.objects.create(generator=run, diagnosis="melanoma", step=step, figures=figures)
    image = run.generated_images.first()
    image.nearest, image.nearest_name, image.nearest_distance = run.training_images.first(), "PHANTOM_m000", 0.42
    image.suspected_copy, image.audited_at = True, timezone.now()
    image.save()
    page = visit(run.get_absolute_url()).content.decode()
    assert 'data-steps="2"' in page
    assert "40.0 ± 2.0" in page
    assert "melanoma: real against real" in page
    assert "30 · 21 · 40" in page  # from fine to coarse, whatever order the database keeps
    assert "0.42" in page
    assert "suspected copy" in page
    assert "whether there are more close images than chance explains" in page
    for kind, pk in (("generated", image.pk), ("lesion", image.nearest_id)):
        assert reverse("picture", args=[kind, pk]) in page
        assert visit(reverse("picture", args=[kind, pk]))["Content-Type"] == "image/png"
    for name in ("losses", "quality"):
        answer = visit(reverse("run-figure", args=[run.pk, name, "svg"]))
        assert answer.status_code == 200
        assert b"Step" in answer.content


def test_a_page_can_follow_a_run(run, visit):
    state = visit(reverse("run-state", args=[run.pk])).json()
    assert state == {"status": "finished", "step": 2, "grids": {name: [2] for name in run.diagnoses}}
    grid = visit(reverse("run-grid", args=[run.pk, "melanoma", 2]))
    assert grid.content.startswith(b"\x89PNG")


def test_copies_that_a_person_left_beside_grids_and_snapshots_are_not_taken_for_steps(run, visit):
    grid = run.grids_folder("melanoma") / "step-0000002.png"
    kept = run.diagnosis_folder("melanoma") / "kept"
    kept.mkdir()
    for folder, suffix in ((grid.parent, ".png"), (kept, ".safetensors")):
        for name in ("step-0000002 (1)", "step-0000002 copy", "step-2", "step-00000003", "step-"):
            (folder / f"{name}{suffix}").write_bytes(grid.read_bytes())
    (kept / "step-0000001.safetensors").touch()
    page = visit(run.get_absolute_url())
    assert page.status_code == 200
    assert 'data-steps="2"' in page.content.decode()
    assert visit(reverse("run-state", args=[run.pk])).json()["grids"]["melanoma"] == [2]
    assert kept_steps(run.diagnosis_folder("melanoma")) == [1]


def test_quality_is_drawn_where_training_images_were_too_few_for_a_floor(run, visit):
    floors = {"melanoma": [None, FIGURES | {"kid": 0.001}], "basal cell carcinoma": [None]}
    for name, of_name in floors.items():
        for step, floor in enumerate(of_name, 1):
            Evaluation.objects.create(generator=run, diagnosis=name, step=step, figures=FIGURES | {"floor": floor})
    answer = visit(reverse("run-figure", args=[run.pk, "quality", "svg"]))
    assert answer.status_code == 200
    distance = quality_figure(run).axes[0]
    assert [line.get_ydata()[0] for line in distance.lines if line.get_linestyle() == ":"] == [1.0]
    page = visit(run.get_absolute_url()).content.decode()
    assert "melanoma: real against real" in page
    assert "basal cell carcinoma: real against real" not in page


@pytest.mark.parametrize(
    "address",
    [
        ("run-figure", "nothing", "svg"),
        ("run-figure", "losses", "gif"),
        ("run-grid", "melanoma", 1),
        ("run-grid", "nothing", 2),
    ],
)
def test_what_is_not_there_is_not_found(run, visit, address):
    assert visit(reverse(address[0], args=[run.pk, *address[1:]])).status_code == 404
    assert visit("/research/images/person/1.png").status_code == 404


def test_the_gallery_filters_by_verdict_and_reason_and_one_click_overrules(run, visit, client):
    verdicts = {"rejected": ["round_frame"], "accepted": []}
    for image, (verdict, reasons) in zip(LesionImage.objects.order_by("isic_id"), verdicts.items(), strict=False):
        LesionImage.objects.filter(pk=image.pk).update(verdict=verdict, reasons=reasons)
    rejected, accepted = (LesionImage.objects.get(verdict=verdict) for verdict in verdicts)
    shown = visit(reverse("curation")).content.decode()
    assert rejected.isic_id in shown
    # Frames and rulers lie at the border, which the square of training cuts away.
    pictures = [
        Image.open(BytesIO(visit(reverse("picture", args=["lesion", rejected.pk]) + q).content)) for q in ("", "?whole")
    ]
    assert [picture.size for picture in pictures] == [(192, 192), (96, 72)]
    assert accepted.isic_id not in shown
    assert rejected.isic_id in visit("/research/curation/?reason=round_frame").content.decode()
    assert rejected.isic_id not in visit("/research/curation/?reason=duplicate").content.decode()
    assert visit("/research/curation/?reason=nothing").status_code == 404
    answer = client.post(reverse("overrule", args=[rejected.pk]), {"verdict": "rejected", "reason": "round_frame"})
    assert answer["Location"] == "/research/curation/?verdict=rejected&reason=round_frame"
    rejected.refresh_from_db()
    assert (rejected.verdict, rejected.overruled) == ("accepted", True)


def test_readers_see_neither_runs_nor_pictures(run, client, reader):
    client.login(username=reader.user.email, password=PASSWORD)
    image = run.generated_images.first()
    for address in (
        run.get_absolute_url(),
        reverse("run-state", args=[run.pk]),
        reverse("curation"),
        reverse("picture", args=["generated", image.pk]),
    ):
        assert client.get(address).status_code == 403
    assert client.post(reverse("overrule", args=[run.training_images.first().pk])).status_code == 403


def test_the_losses_of_every_model_can_be_drawn_also_of_one_that_nobody_described(run):
    from gan.runs.execution import TRAINERS
    from turing.results.figures import run_figure

    for model in [*TRAINERS, "a later one"]:
        run.model = model
        assert b"<svg" in run_figure("losses", run, "svg")
