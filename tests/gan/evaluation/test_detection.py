"""The detector learns real differences, and it never scores images that it was fitted to."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from scipy.optimize import minimize

from gan.evaluation.detection import auc_of_folds, detect, fit_and_predict, linked, near_copies, split
from gan.foundation.errors import GanError
from gan.imaging.phantoms import draw_phantom


def separated(n=60, d=40, shift=1.0, seed=0):
    rng = np.random.default_rng(seed)
    generated = np.arange(n) % 2 == 0
    features = rng.normal(size=(n, d))
    features[generated, :3] += 2 * shift
    return features, generated


def test_it_finds_a_difference_and_none_where_there_is_none():
    features, generated = separated()
    assert detect(features, generated, np.arange(60), 5, 0, other_splits=1).other_aucs[0] > 0.85
    areas = []
    for seed in range(10):
        features, generated = separated(shift=0, seed=seed)
        found = detect(features, generated, np.arange(60), 5, seed, other_splits=0)
        areas.append(auc_of_folds(found.score, generated, found.fold))
    assert 0.4 < np.mean(areas) < 0.6


def test_groups_stay_in_one_fold_and_both_truths_are_in_each():
    rng = np.random.default_rng(1)
    group = np.unique(rng.integers(0, 30, 90), return_inverse=True)[1]
    generated = group % 3 == 0
    fold = split(group, generated, 5, rng)
    for one in np.unique(group):
        assert len(np.unique(fold[group == one])) == 1
    for one in range(5):
        assert 0 < generated[fold == one].sum() < (fold == one).sum()


def test_copies_on_both_sides_would_be_told_and_are_not():
    """The images are noise, each three times. A split without groups remembers them, and a grouped split cannot."""
    rng = np.random.default_rng(2)
    once, truth = rng.normal(size=(30, 50)), np.arange(30) % 2 == 0
    features, generated = np.repeat(once, 3, 0), np.repeat(truth, 3)
    group = np.repeat(np.arange(30), 3)
    leaking = detect(features, generated, np.arange(90), 5, 0, other_splits=0)
    kept_apart = detect(features, generated, group, 5, 0, other_splits=4)
    assert auc_of_folds(leaking.score, generated, leaking.fold) > 0.9
    assert np.mean(kept_apart.other_aucs) < 0.75


def test_the_fit_is_the_penalised_likelihoods_optimum():
    features, generated = separated(30, 5)
    found = fit_and_predict(features, generated, features, [0.1])[0]
    x = (features - features.mean(0)) / features.std(0) / np.sqrt(5)
    sign = np.where(generated, 1, -1)

    def loss(w):
        return np.logaddexp(0, -sign * (x @ w[1:] + w[0])).mean() + 0.05 * (w[1:] @ w[1:])

    w = minimize(loss, np.zeros(6), tol=1e-12).x
    assert found == pytest.approx(1 / (1 + np.exp(-(x @ w[1:] + w[0]))), abs=1e-5)


def test_too_few_groups_are_told():
    with pytest.raises(GanError, match="too few for 5 folds"):
        split(np.zeros(10, int), np.arange(10) < 5, 5, np.random.default_rng(0))


def test_turned_and_mirrored_copies_are_found_and_joined():
    images = [draw_phantom("melanoma", index, 96, 96) for index in range(6)]
    images += [np.rot90(images[0]), images[1][:, ::-1]]
    pairs = set(near_copies([np.ascontiguousarray(one) for one in images]))
    assert pairs == {(0, 6), (1, 7)}
    group = linked(["a", "a", *"bcdefg"], iter(pairs))
    assert group[0] == group[1] == group[6] == group[7]
    assert len(set(group.tolist())) == 5


def test_every_fold_has_both_truths_even_if_groups_are_large():
    """With the first random order, half of the seeds leave a fold without a truth."""
    group = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4])
    generated = np.array([0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1], bool)
    for seed in range(20):
        fold = split(group, generated, 4, np.random.default_rng(seed))
        assert all(set(generated[fold == one]) == {False, True} for one in range(4))


def test_where_no_scores_can_be_written_is_told_before_the_work(tmp_path):
    """The table does not exist either, and would be named if it were read first."""
    with pytest.raises(CommandError, match=r"--output .*is a folder, not a file"):
        call_command("detect_generated", str(tmp_path / "none.csv"), output=tmp_path)
