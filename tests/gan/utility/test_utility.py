"""The usefulness of generated images is measured on unseen lesions and reported honestly."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from scipy.optimize import minimize

from gan.evaluation.detection import fit_and_predict as fit_binary
from gan.foundation.errors import GanError
from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import Generator, LesionImage, UtilityEvaluation
from gan.utility import image_pools
from gan.utility.arms import ADDED, EVERY, Arm, arms_of, training_images
from gan.utility.image_pools import Images, Pool, real_images_of
from gan.utility.regression import fit_and_predict, folds_of, probabilities_by_regression
from gan.utility.report import overall, verdict_of
from gan.utility.scores import accuracy, auc, brier, difference, draw_replicates, holm, measured, slope, summary
from gan.utility.small_network import SIDE, probabilities_by_network

QUICK = {"sizes": "5,all", "seeds": 2, "network_steps": 2}


def predicted(label, strength=1.0, classes=2, seed=0):
    """Probabilities (M, K) that contain some of the truth."""
    logits = np.random.default_rng(seed).normal(size=(len(label), classes))
    logits[np.arange(len(label)), label] += strength
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)


def test_measures_of_repeated_images_are_those_of_weighted_ones():
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1, 2], [7, 9, 5])
    found = predicted(label, 1, 3).round(1)  # with ties
    found[:, 0] = 1 - found[:, 1:].sum(1)
    often = rng.integers(1, 4, len(label))
    weights = often / np.bincount(label, often)[label]
    again, truth = np.repeat(found, often, 0), np.repeat(label, often)

    areas = []
    for one in range(3):
        rest = []
        for other in {0, 1, 2} - {one}:
            high, low = again[truth == one, one], again[truth == other, one]
            rest.append(((high[:, None] > low).mean() + (high[:, None] >= low).mean()) / 2)
        areas.append(np.mean(rest))
    assert auc(found, label, weights[None])[0] == pytest.approx(np.mean(areas))
    right = again.argmax(1) == truth
    assert accuracy(found, label, weights[None])[0] == pytest.approx(
        np.mean([right[truth == one].mean() for one in range(3)])
    )
    squares = ((again - np.eye(3)[truth]) ** 2).sum(1) / 2
    assert brier(found, label, weights[None])[0] == pytest.approx(
        np.mean([squares[truth == one].mean() for one in range(3)])
    )


def test_the_slope_is_the_likelihoods_optimum_and_tells_too_sure_from_not_sure_enough():
    label = np.arange(300) % 3
    found = predicted(label, 1, 3)
    weights = np.full((1, 300), 0.01)

    def loss(b):
        powers = found ** b[0]
        return -np.log(powers[np.arange(300), label] / powers.sum(1)).mean()

    assert slope(found, label, weights)[0] == pytest.approx(minimize(loss, [1.0]).x[0], abs=1e-3)
    sharper = found**3 / (found**3).sum(1, keepdims=True)
    assert slope(sharper, label, weights)[0] == pytest.approx(slope(found, label, weights)[0] / 3, abs=1e-3)
    assert slope(np.eye(3)[label], label, weights)[0] == 20
    assert slope(np.eye(3)[(label + 1) % 3], label, weights)[0] == 0


def test_more_images_of_the_same_lesions_make_no_interval_narrower():
    label = np.arange(80) % 2
    found = predicted(label)
    once = draw_replicates(label, np.arange(80), 1, np.random.default_rng(0))
    five = draw_replicates(np.repeat(label, 5), np.repeat(np.arange(80), 5), 1, np.random.default_rng(0))
    one = summary(measured([found], label, once)["auc"], once)
    other = summary(measured([np.repeat(found, 5, 0)], np.repeat(label, 5), five)["auc"], five)
    assert other["estimate"] == pytest.approx(one["estimate"])
    width, repeated = (high - low for low, high in (one["ci95"], other["ci95"]))
    assert repeated == pytest.approx(width, rel=0.15)


def test_seeds_that_differ_make_intervals_wider():
    label = np.arange(400) % 2
    alike, apart = [predicted(label)] * 5, [predicted(label, strength) for strength in (0, 0.5, 1, 1.5, 2)]
    drawn = draw_replicates(label, np.arange(400), 5, np.random.default_rng(0))
    widths = [np.diff(summary(measured(one, label, drawn)["auc"], drawn)["ci95"])[0] for one in (alike, apart)]
    assert widths[1] > 2 * widths[0]


def test_a_difference_is_found_where_there_is_one_and_seldom_elsewhere():
    label, alarms = np.arange(120) % 2, 0
    for seed in range(40):
        drawn = draw_replicates(label, np.arange(120), 1, np.random.default_rng(seed), 500)
        one, other = (measured([predicted(label, 1, seed=seed + add)], label, drawn)["auc"] for add in (1000, 2000))
        alarms += difference(one, other, drawn)["p_value"] < 0.05
    assert alarms <= 6  # 2 expected
    better = measured([predicted(label, 4)], label, drawn)["auc"]
    assert difference(better, one, drawn)["p_value"] < 0.01
    assert difference(one, one, drawn) == {"estimate": 0.0, "ci95": [0.0, 0.0], "p_value": 1.0}
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("seeds", [5, 10])
def test_no_effect_is_seldom_found_where_seeds_differ_and_lesions_are_many(seeds):
    """The differences of seeds have a standard deviation of 0.005, and those of lesions hardly count."""
    rng, found = np.random.default_rng(0), []
    for _ in range(1000):
        drawn = draw_replicates(np.array([0, 1]), np.array([0, 1]), seeds, rng, 500)
        lesions = rng.normal(0, 0.001) + np.append(0, rng.normal(0, 0.001, 499))
        apart = lesions[:, None] + rng.normal(0, 0.005, seeds)
        found.append(difference(apart, np.zeros_like(apart), drawn)["p_value"])
    assert np.mean(np.array(found) < 0.05) < 0.07
    assert np.mean(np.array(found) < 0.01) < 0.02


def test_every_replicate_has_images_of_each_diagnosis():
    """Melanomas were photographed only of ten patients of six hundred, who have nevi, too."""
    label = np.concatenate([np.zeros(600, int), np.ones(10, int)])
    group = np.concatenate([np.arange(600), np.arange(10)])
    drawn = draw_replicates(label, group, 1, np.random.default_rng(0))
    assert np.isfinite(drawn.images).all()
    assert drawn.images[:, label == 1].sum(1) == pytest.approx(np.ones(len(drawn.images)))
    with pytest.raises(GanError, match="not finite"):
        measured([np.full((610, 2), np.nan)], label, drawn)


def test_the_regression_is_the_penalised_likelihoods_optimum():
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1, 2], [10, 14, 6])
    x = rng.normal(size=(30, 4)) + 0.5 * np.eye(3)[label] @ rng.normal(size=(3, 4))
    found = fit_and_predict(x, label, x, (0.1,))[0]
    z = (x - x.mean(0)) / x.std(0) / 2
    weight = 1 / (3 * np.bincount(label)[label])

    def logs(w):
        scores = z @ w[:12].reshape(4, 3) + np.append(w[12:], 0)
        return scores - np.log(np.exp(scores).sum(1, keepdims=True))

    best = minimize(lambda w: -weight @ logs(w)[np.arange(30), label] + 0.05 * w[:12] @ w[:12], np.zeros(14), tol=1e-12)
    assert found == pytest.approx(np.exp(logs(best.x)), abs=1e-4)
    two = np.where(np.arange(20) < 10, 0, 1)
    ours = fit_and_predict(x[:20], two, x[20:], (0.2,))[0, :, 1]
    assert ours == pytest.approx(fit_binary(x[:20], two == 1, x[20:], (0.1,))[0], abs=1e-4)


def test_the_penalty_is_chosen_with_lesions_whole():
    rng = np.random.default_rng(3)
    group, label = np.repeat(np.arange(20), 3), np.repeat(np.arange(20) % 2, 3)
    fold = folds_of(label, group, rng)
    assert all(len(set(fold[group == one])) == 1 for one in range(20))
    assert folds_of(label[:9], group[:9], rng) is None
    # Pure noise, each lesion three times: whoever splits lesions would choose the weakest penalty and be sure of it.
    x = np.repeat(rng.normal(size=(20, 200)), 3, 0) + 0.01 * rng.normal(size=(60, 200))
    sure = probabilities_by_regression(x, label, np.arange(60), x[:6] * -1, 0).max()
    assert probabilities_by_regression(x, label, group, x[:6] * -1, 0).max() < sure


def test_a_small_network_learns_what_a_pixel_says_and_is_the_same_for_the_same_seed():
    rng = np.random.default_rng(0)
    label = np.arange(40) % 2
    pictures = (rng.integers(0, 100, (40, 3, SIDE, SIDE)) + 100 * label[:, None, None, None]).astype(np.uint8)
    found = probabilities_by_network(pictures, label, pictures, 0, 30)
    assert (found.argmax(1) == label).mean() > 0.9
    np.testing.assert_array_equal(found, probabilities_by_network(pictures, label, pictures, 0, 30))


def test_arms_are_equal_in_size_and_larger_ones_hold_the_smaller():
    arms = {(arm.name, arm.size): arm for arm in arms_of((50, 30), (100, 20), (10, 40, 400))}
    assert arms["real", "10"].real == arms["generated", "10"].generated == (10, 10)
    assert (arms["half", "10"].real, arms["half", "10"].generated) == ((5, 5), (5, 5))
    assert arms["real", "40"].real == (40, 20)  # a diagnosis gives all that it has
    assert arms["real", "all"].real == arms["generated", "all"].generated == (50, 20)
    assert (arms[EVERY, "all"].real, arms[ADDED, "all"]) == ((50, 30), Arm(ADDED, "all", (50, 30), (50, 20)))
    assert ("real", "400") not in arms

    def pool(first):
        label = np.repeat([0, 1], 50)
        return Pool(np.arange(first, first + 100.0)[:, None], np.zeros((100, 0)), label, np.arange(100) // 2)

    every = Images(["a", "b"], {}, pool(0), pool(1000), pool(2000), True)
    small, large = (training_images(every, Arm("", "", (count, 5), (3, 0)), 7, 0, 2) for count in (4, 20))
    assert set(small.features.ravel()) <= set(large.features.ravel())
    assert not set(small.group[small.features.ravel() < 1000]) & set(small.group[small.features.ravel() >= 1000])


@pytest.mark.parametrize(("made", "shared"), [(30, False), (29, True)])
def test_each_seed_has_generated_images_of_its_own_if_there_are_enough(made, shared):
    def pool(count):
        label = np.repeat([0, 1], count)
        return Pool(np.arange(2.0 * count)[:, None], np.zeros((2 * count, 0)), label, np.arange(2 * count))

    images = Images(["a", "b"], {}, pool(10), pool(made), pool(10), True)
    arm = Arm("", "", (0, 0), (10, 10))
    seen = [set(training_images(images, arm, 100 + one, one, 3).features.ravel()) for one in range(3)]
    assert all(len(one) == 20 for one in seen)
    assert bool(seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]) == shared
    small = training_images(images, Arm("", "", (0, 0), (4, 4)), 101, 1, 3).features.ravel()
    assert set(small) <= seen[1]


@pytest.mark.parametrize(
    ("interval", "p_value", "said"),
    [
        ((0.001, 0.006), 0.01, "alike"),  # certain, and too small to matter
        ((0.0, 0.0), 1, "unclear"),  # both always right: nothing was measured
        ((0.01, 0.05), 0.01, "higher"),
        ((0.01, 0.05), 0.3, "unclear"),  # not after Holm's adjustment
        ((-0.05, -0.01), 0.01, "lower"),
        ((-0.01, 0.01), 1, "alike"),
        ((-0.05, 0.01), 1, "not higher"),
        ((-0.01, 0.05), 1, "not lower"),
        ((-0.05, 0.05), 1, "unclear"),
    ],
)
def test_a_difference_is_called_what_its_interval_allows(interval, p_value, said):
    found = verdict_of({"estimate": sum(interval) / 2, "ci95": list(interval)}, p_value)
    assert found == ("not lower" if said == "unclear" and interval == (0.01, 0.05) else said)


@pytest.mark.parametrize(
    ("verdicts", "real_alone", "said"),
    [
        (("higher", "unclear"), (0.9, 0.9), "helps"),
        (("lower", "alike"), (0.99, 0.99), "harms"),
        (("higher", "lower"), (0.9, 0.9), "mixed"),
        (("alike", "not higher"), (0.9, 0.9), "does not help"),
        (("alike", "not higher"), (0.99, 0.97), "does not help"),
        (("alike", "alike"), (0.99, 1.0), "no room"),
        (("alike", "unclear"), (0.99, 0.99), "no room"),
        (("alike", "unclear"), (0.9, 0.99), "too few to say"),
    ],
)
def test_the_verdict_is_that_of_all_classifiers(verdicts, real_alone, said):
    assert overall([{"arm": ADDED, "against": EVERY, "verdict": one} for one in verdicts], real_alone) == said


@pytest.fixture
def each_a_lesion(run):
    """The run, if each image shows a lesion of its own: 12 of each diagnosis were not trained on."""
    LesionImage.objects.update(lesion_id=F("isic_id"))
    return run


def test_a_run_is_measured_and_the_record_kept(each_a_lesion, capsys, tmp_path):
    seen = real_images_of(each_a_lesion)
    for name in each_a_lesion.diagnoses:
        assert not {one.lesion for one in seen.held_out[name]} & {one.lesion for one in seen.all}
    call_command("evaluate_utility", "tiny", json=True, report=tmp_path / "report.json", **QUICK)
    report = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "report.json").read_text()) == report
    kept = UtilityEvaluation.objects.get()
    assert (kept.generator_id, kept.step, kept.figures) == (each_a_lesion.pk, 2, report)
    assert report["test"] == {"images": [12, 12], "lesions": [12, 12]}
    assert report["real"] == [12, 12]
    areas = {(row["classifier"], row["arm"], row["size"]): row["auc"] for row in report["curves"]}
    assert areas["features", EVERY, "all"]["estimate"] > 0.7
    assert len(report["curves"]) == 2 * 8
    assert [row["arm"] for row in report["comparisons"]] == ["added", "generated", "half"] * 2
    assert report["conclusion"][0].startswith("Demonstration on drawn phantoms.")
    call_command("evaluate_utility", "tiny", **QUICK | {"network_steps": 0})
    shown = capsys.readouterr().out
    assert "tested on 12 images of 12 lesions of" in shown
    assert "audit for copies" in shown
    assert UtilityEvaluation.objects.count() == 2


def external(folder, name, count, **options) -> Generator:
    for diagnosis in ("melanoma", "basal cell carcinoma"):
        (folder / diagnosis).mkdir(parents=True)
        for index in range(count):
            content = png_bytes(draw_phantom(diagnosis, 9000 + index, 80, 80))
            (folder / diagnosis / f"{index}.png").write_bytes(content)
    call_command("import_generated", str(folder), name=name, phantoms=True, **options)
    return Generator.objects.get(name=name)


def test_external_generators_are_measured_alike_and_what_is_not_told_is_said(each_a_lesion, tmp_path, monkeypatch):
    told = external(tmp_path / "told", "Told", 12, trained_on_run=str(each_a_lesion.pk))
    call_command("evaluate_utility", "Told", **QUICK | {"network_steps": 0})
    figures = told.utilities.get().figures
    assert (figures["real"], figures["generated"], figures["test"]["lesions"]) == ([12, 12], [12, 12], [12, 12])
    assert set(figures["classifiers"]) == {"features"}
    assert "not known" not in figures["weaknesses"][0]
    untold = external(tmp_path / "untold", "Untold", 13)
    with pytest.raises(CommandError, match="7 lesions to test on, at least 10 are needed"):
        call_command("evaluate_utility", "Untold", **QUICK)
    monkeypatch.setattr(image_pools, "FEWEST_LESIONS", 5)
    call_command("evaluate_utility", "Untold", **QUICK | {"network_steps": 0})
    assert "training images are not known" in untold.utilities.get().figures["weaknesses"][0]


def test_one_diagnosis_and_bad_options_end_with_one_line(each_a_lesion):
    with pytest.raises(CommandError, match="neither a number of images"):
        call_command("evaluate_utility", "tiny", sizes="25,many")
    with pytest.raises(CommandError, match="--seeds must be 1 to"):
        call_command("evaluate_utility", "tiny", seeds=0)
    with pytest.raises(CommandError, match="no such collection"):
        call_command("evaluate_utility", "tiny", collection="elsewhere")
    Generator.objects.filter(pk=each_a_lesion.pk).update(diagnoses=["melanoma"], kind=Generator.Kind.EXTERNAL)
    with pytest.raises(CommandError, match="draws one diagnosis, melanoma"):
        call_command("evaluate_utility", "tiny")
    assert not UtilityEvaluation.objects.exists()
