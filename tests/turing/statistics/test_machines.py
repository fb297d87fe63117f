"""A machine's intervals are over images, and take account of images that belong together."""

import numpy as np
import pytest
from scipy import stats

from turing.statistics.machines import machine_auc, machine_rate, rank_correlation
from turing.statistics.proportions import wilson


def delong_variance(high, low):
    wins = np.sign(high[:, None] - low) / 2 + 0.5
    return wins.mean(1).var(ddof=1) / len(high) + wins.mean(0).var(ddof=1) / len(low)


def test_with_one_fold_the_variance_is_delongs():
    rng = np.random.default_rng(0)
    high, low = rng.normal(1, 1, 40), rng.normal(0, 1, 30)
    score, truth = np.concatenate([high, low]), np.arange(70) < 40
    found = machine_auc(score, truth, np.zeros(70), np.arange(70))
    assert found["estimate"] == pytest.approx(stats.mannwhitneyu(high, low).statistic / 1200)
    assert found["variance"] == pytest.approx(delong_variance(high, low))
    assert 0 < found["ci95"][0] < found["estimate"] < found["ci95"][1] < 1


def test_scores_of_different_folds_are_not_compared():
    score = np.array([0.1, 0.0, 0.15, 0.05, 10.1, 10.0, 10.2, 10.05])  # each fold on a scale of its own
    truth = np.array([1, 0, 1, 0, 1, 0, 1, 0], bool)
    fold = np.repeat([0, 1], 4)
    assert machine_auc(score, truth, fold, np.arange(8))["estimate"] == 1
    assert machine_auc(score, truth, np.zeros(8), np.arange(8))["estimate"] < 1


def test_images_that_belong_together_widen_the_interval():
    rng = np.random.default_rng(1)
    once, truth = np.concatenate([rng.normal(1, 1, 20), rng.normal(0, 1, 20)]), np.arange(40) < 20
    four, group = np.repeat(once, 4), np.repeat(np.arange(40), 4)
    alone = machine_auc(once, truth, np.zeros(40), np.arange(40))
    grouped = machine_auc(four, np.repeat(truth, 4), np.zeros(160), group)
    naive = machine_auc(four, np.repeat(truth, 4), np.zeros(160), np.arange(160))
    assert grouped["variance"] == pytest.approx(alone["variance"], rel=0.1)
    assert naive["variance"] < grouped["variance"] / 3


def test_other_splits_add_their_variance():
    rng = np.random.default_rng(2)
    values = rng.normal(size=40) + (np.arange(40) < 20), np.arange(40) < 20, np.zeros(40), np.arange(40)
    plain, with_splits = machine_auc(*values), machine_auc(*values, [0.6, 0.7, 0.8])
    assert with_splits["variance"] == pytest.approx(plain["variance"] + 0.01)


def test_the_interval_covers_a_true_area():
    rng = np.random.default_rng(3)
    area, covered = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(400):
        score = np.concatenate([rng.normal(1, 1, 40), rng.normal(0, 1, 40)])
        low, high = machine_auc(score, np.arange(80) < 40, np.zeros(80), np.arange(80))["ci95"]
        covered += low <= area <= high
    assert 0.92 < covered / 400 < 0.98


@pytest.mark.parametrize("n", [5, 20, 100])
def test_perfect_separation_has_an_interval_that_narrows_with_the_images(n):
    truth = np.arange(2 * n) < n
    found = machine_auc(truth, truth, np.zeros(2 * n), np.arange(2 * n))
    assert found["estimate"] == found["ci95"][1] == 1
    low = found["ci95"][0]
    assert low == pytest.approx({5: 0.64, 20: 0.88, 100: 0.974}[n], abs=0.03)
    reverse = machine_auc(~truth, truth, np.zeros(2 * n), np.arange(2 * n))["ci95"]
    assert reverse == pytest.approx([0, 1 - low], abs=1e-6)
    assert machine_auc(np.ones(2 * n), truth, np.zeros(2 * n), np.arange(2 * n))["ci95"][0] < 0.5


def test_a_rates_interval_is_wilsons_where_images_stand_alone():
    success = np.arange(50) < 30
    found = machine_rate(success, np.arange(50))
    low, high = wilson(np.array([30]), np.array([50]))
    assert found["ci95"] == pytest.approx([low[0], high[0]], rel=0.02)
    grouped = machine_rate(np.repeat(success, 4), np.repeat(np.arange(50), 4))
    assert grouped["ci95"] == pytest.approx([low[0], high[0]], rel=0.02)
    assert machine_rate(np.ones(20, bool), np.repeat(np.arange(5), 4))["ci95"][0] == pytest.approx(0.5655, abs=1e-3)


@pytest.mark.parametrize(("score", "truth"), [([1, 2], [1, 1]), ([], []), ([1.0, 0.0], [1, 0])])
def test_what_is_not_known_is_none(score, truth):
    found = machine_auc(score, np.array(truth, bool), np.zeros(len(score)), np.arange(len(score)))
    assert found["ci95"] is None
    assert machine_rate([], [])["estimate"] is None


def test_a_rank_correlation_has_bonett_and_wrights_interval():
    rng = np.random.default_rng(4)
    x = rng.normal(size=100)
    y = x + rng.normal(size=100)
    found = rank_correlation(x, y)
    rho = stats.spearmanr(x, y).statistic
    assert found["estimate"] == pytest.approx(rho)
    half = 1.959964 * np.sqrt((1 + rho**2 / 2) / 97)
    assert found["ci95"] == pytest.approx([np.tanh(np.arctanh(rho) - half), np.tanh(np.arctanh(rho) + half)])
    assert rank_correlation([1, 1, 1], [1, 2, 3])["estimate"] is None
    assert rank_correlation([1, 2, 3, 4], [1, 2, 4, 3])["ci95"] is None
