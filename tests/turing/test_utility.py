"""A generator's measured usefulness is on its page, in methods and exports, and for snapshots in one figure."""

import json
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.urls import reverse

from gan.models import Evaluation, Generator, UtilityEvaluation
from tests.conftest import make_researcher
from tests.turing.test_runs import FIGURES
from turing.jobs.forms import EvaluateForm
from turing.jobs.work import evaluate
from turing.models import Reader
from turing.results.archive.contents import Options, archive_files
from turing.results.counting import SIMULATED
from turing.results.exports import to_json
from turing.results.figures import generator_figure
from turing.results.snapshots import points_of


def measured(estimate, low, high):
    return {"estimate": estimate, "ci95": [low, high], "by_seed": [estimate] * 5}


def utility_figures(area=0.91):
    """Figures such as `evaluate_utility` stores, for one classifier at two sizes."""
    arms = [("real", "25"), ("generated", "25"), ("half", "25"), ("real", "all"), ("generated", "all"), ("half", "all"),
            ("every real", "all"), ("added", "all")]  # fmt: skip
    curves = [
        {"classifier": "features", "arm": arm, "size": size, "real": [9, 9], "generated": [8, 8],
         "auc": measured(area, 0.88, 0.94), "accuracy": measured(0.8, 0.7, 0.9), "brier": measured(0.1, 0.05, 0.2),
         "slope": measured(1.25, 0.8, 2)}
        for arm, size in arms
    ]  # fmt: skip
    comparisons = [
        {"classifier": "features", "arm": arm, "against": against, "auc": measured(0.01, -0.01, 0.03),
         "p_holm": 0.4, "verdict": "not lower"}
        for arm, against in (("added", "every real"), ("generated", "real"), ("half", "real"))
    ]  # fmt: skip
    return {
        "phantoms": True, "diagnoses": ["melanoma", "basal cell carcinoma"], "trained_on": "known", "name": "tiny",
        "test": {"images": [20, 22], "lesions": [10, 11]}, "seeds": 5, "step": 2, "collection": "", "margin": 0.02,
        "classifiers": {"features": {"name": "frozen features", "about": "Logistic regression."}},
        "arms": {name: f"trained on {name}" for name, _ in arms}, "curves": curves, "comparisons": comparisons,
        "conclusion": ["There are too few held-out lesions to say.", "With frozen features, no difference."],
        "weaknesses": ["The test has 21 lesions."],
    }  # fmt: skip


@pytest.fixture
def visit(client, researcher):
    client.force_login(researcher)
    return lambda address: client.get(address).content.decode()


def test_the_page_of_a_generator_says_what_its_images_are_worth(run, visit):
    assert "manage.py evaluate_utility" in visit(run.get_absolute_url())
    figure = reverse("generator-figure", args=[run.pk, "utility", "svg"])
    assert "Not measured yet" in visit(figure)
    for area in (0.85, 0.91):
        UtilityEvaluation.objects.create(generator=run, step=2, figures=utility_figures(area))
    page = visit(run.get_absolute_url())
    assert "<strong>There are too few held-out lesions to say.</strong>" in page
    assert "0.910 (0.880 to 0.940)" in page
    assert "The test has 21 lesions." in page
    assert "It was measured 2 times." in page
    assert "DRAWN PHANTOMS" in (drawn := visit(figure))
    assert "in place of real images" in drawn
    Generator.objects.filter(pk=run.pk).update(kind=Generator.Kind.EXTERNAL, trained_on=Generator.TrainedOn.NOT_TOLD)
    assert "0.910 (0.880 to 0.940)" in visit(reverse("generator", args=[run.pk]))


def test_methods_export_and_archive_hold_the_last_measurement(study, run, visit):
    call_command("simulate_readers", study.slug, readers=4)
    assert "utility.json" not in archive_files(study, SIMULATED, Options())
    UtilityEvaluation.objects.create(generator=run, step=2, figures=utility_figures())
    said = (
        "tested on 42 real images of 21 other lesions with intervals over lesions and 5 trainings [14]. There are too"
    )
    assert said in visit(reverse("results", args=[study.slug]))
    assert json.loads(to_json(study, SIMULATED))["utility"][0]["curves"] == utility_figures()["curves"]
    files = archive_files(study, SIMULATED, Options())
    assert json.loads(files["utility.json"]())[0]["generator"] == run.pk
    assert said in files["methods.md"]().decode()
    assert "utility.json" in files["README.md"]().decode()


def test_snapshots_stand_beside_each_other_with_what_people_said(study, run, researcher, visit):
    for name in ("trained_on", "settings", "diagnoses"):
        assert getattr(run, name)
    snapshot = Generator.objects.create(
        name="tiny, step 1", size=64, model="dcgan", diagnoses=run.diagnoses, snapshot_of_id=run.pk, snapshot_step=1,
        status=Generator.Status.FINISHED,
    )  # fmt: skip
    for one, step, kid in ((snapshot, 1, 0.09), (run, 2, 0.04)):
        figures = FIGURES | {"kid": kid, "floor": None}
        Evaluation.objects.create(generator=one, diagnosis="melanoma", step=step, figures=figures)
        UtilityEvaluation.objects.create(generator=one, step=step, figures=utility_figures(0.7 + 0.1 * step))
    # A quick look while training had another number of samples.
    Evaluation.objects.create(generator=run, diagnosis="melanoma", step=1, figures=FIGURES)
    call_command("simulate_readers", study.slug, readers=4)
    Reader.objects.update(is_simulated=False)
    assert "fooling" not in points_of(run, researcher)  # the study is open: nobody looks
    call_command("close_study", study.slug)
    found = points_of(run, researcher)
    assert [(step, value) for step, value, _ in found["kid"]["melanoma"]] == [(1, 90.0), (2, 40.0)]
    assert [step for step, *_ in found["recall"]["melanoma"]] == [1, 2]
    assert [value for _, value, _ in found["utility"]["frozen features"]] == pytest.approx([0.8, 0.9])
    [(step, rate, interval)] = found["fooling"]["Small study"]
    assert (step, interval[0] <= rate <= interval[1]) == (2, True)
    stranger = make_researcher("stranger@test.example")
    assert "fooling" not in points_of(run, stranger)
    assert b"Small study" in generator_figure("snapshots", run, researcher, "svg")
    assert b"Small study" not in generator_figure("snapshots", run, stranger, "svg")
    assert "tiny, step 1" in visit(run.get_absolute_url())
    assert "A snapshot of" in visit(reverse("run", args=[snapshot.pk]))


@pytest.mark.parametrize(
    ("asked", "ran"), [(False, ["evaluate_generator"]), (True, ["evaluate_generator", "evaluate_utility"])]
)
def test_a_job_measures_it_where_it_was_asked_to(run, asked, ran):
    form = EvaluateForm({"run": run.pk, "count": 10} | ({"utility": "on"} if asked else {}))
    assert form.is_valid(), form.errors
    commands = []
    evaluate(
        SimpleNamespace(arguments=form.arguments()), SimpleNamespace(run=lambda name, *_, **__: commands.append(name))
    )
    assert commands == ran
