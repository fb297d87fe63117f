"""Two kinds of readers are detected, one kind is not taken for two, and the interval allows for two kinds."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from turing.results.supporting import few_readers_sentence, kinds_sentence, unseen_sentence
from turing.statistics.analysis import analyse
from turing.statistics.kinds import THRESHOLD, empirical_limits, kinds_interval, reader_kinds, two_kinds
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses


def answered(rates, images=50, seed=0):
    """Codes and scores of readers with these rates who answered every image."""
    y = np.random.default_rng(seed).random((len(rates), images)) < np.asarray(rates)[:, None]
    reader, image = np.indices(y.shape)
    return reader.ravel(), image.ravel(), y.ravel()


def kinds_of(rates, **more):
    reader, image, score = answered(rates, **more)
    return reader_kinds(reader, score, mrmc_rate(reader, image, score))


def test_a_fifth_who_spot_nearly_all_are_seen_with_their_share_and_rates():
    found = kinds_of([0.1] * 4 + [0.58] * 16)
    assert found["two_kinds"] is True
    assert found["statistic"] > THRESHOLD
    assert found["share"] == pytest.approx(0.2, abs=0.02)
    assert found["rates"] == pytest.approx([0.1, 0.58], abs=0.05)
    json.dumps(found, allow_nan=False)


def test_readers_of_one_kind_are_seldom_taken_for_two():
    rng = np.random.default_rng(3)
    seen = [kinds_of(expit(rng.normal(0.2, 0.7, 20)), seed=seed)["two_kinds"] for seed in range(40)]
    assert sum(seen) <= 5


def test_few_readers_are_not_tested_but_told_so():
    found = kinds_of([0.1, 0.6, 0.6, 0.6, 0.6])
    assert found["two_kinds"] is None
    assert "8 readers" in found["reason"]
    assert found["unseen_share"] == pytest.approx(1 - 0.05 ** (1 / 5))
    assert 0.8**20 < 0.05 < 0.8**12  # what `unseen_share` means
    reader, image, score = answered([1.0] * 8)
    assert reader_kinds(reader, score, mrmc_rate(reader, image, score)) is None


def test_the_interval_reaches_further_towards_the_rare_kind_and_is_never_narrower():
    for seed in range(20):
        reader, image, score = answered([0.1] * 2 + [0.58] * 18, seed=seed)
        rate = mrmc_rate(reader, image, score)
        low, high = reader_kinds(reader, score, rate)["ci95"]
        assert low <= rate.ci95[0]
        assert rate.ci95[1] <= high
    assert low < rate.ci95[0] - 0.005


def test_empirical_limits_of_a_share_are_those_of_its_likelihood_ratio():
    """For values 0 and 1 the empirical likelihood is the binomial one."""
    value = np.array([0.0] * 3 + [1.0] * 9)
    low, high = empirical_limits(value, np.full(12, 1 / 12), stats.chi2.ppf(0.95, 1) / 12)
    for mu in (low, high):
        ratio = 2 * (3 * np.log(0.25 / (1 - mu)) + 9 * np.log(0.75 / mu))
        assert ratio == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-6)
    assert low < 0.75 < high


def test_the_interval_covers_a_share_of_readers_that_the_headline_misses():
    """Drop-out, 20 readers x 100 images: 89% to 90% before."""
    rng = np.random.default_rng(4)
    truth = 0.2 * 0.1 + 0.8 * 0.58
    inside = []
    for _ in range(150):
        y = rng.random((20, 100)) < np.where(rng.random((20, 1)) < 0.2, 0.1, 0.58)
        kept = np.arange(100) < np.where(rng.random(20) < 0.4, rng.integers(10, 91, 20), 100)[:, None]
        reader, image = np.nonzero(kept)
        rate = mrmc_rate(reader, image, y[kept])
        answers, hits = kept.sum(1), (y & kept).sum(1)
        low, high = kinds_interval(answers.astype(float), hits.astype(float), rate)
        inside.append(low <= truth <= high)
    assert np.mean(inside) > 0.93


def test_swapping_the_answers_swaps_the_kinds():
    answers, hits = np.full(12, 40.0), np.array([3, 4, 5, 20, 22, 25, 21, 19, 23, 24, 22, 20.0])
    statistic, share, (low, high) = two_kinds(answers, hits)
    other = two_kinds(answers, answers - hits)
    assert other[0] == pytest.approx(statistic, rel=1e-3)
    assert other[1] == pytest.approx(1 - share, abs=1e-3)
    assert other[2] == pytest.approx((1 - high, 1 - low), abs=1e-3)


def test_the_page_says_it_in_sentences():
    reader, image, score = answered([0.1] * 4 + [0.58] * 16)
    analysis = analyse(Responses.from_labels(reader, image, np.zeros(len(reader), bool), score))
    assert any("two kinds" in warning for warning in analysis["warnings"])
    assert "seem to be of two kinds: about 20% of them took" in kinds_sentence(analysis)
    assert "With 20 readers, a kind that makes up 13.9%" in unseen_sentence(analysis)
    assert "no interval here" not in few_readers_sentence(20)
    assert "with 12 readers the headline's interval covered 91% to 92%" in few_readers_sentence(12)
    assert "with 5 readers it covered 80% to 87%" in few_readers_sentence(11)
    assert kinds_sentence({"reader_kinds": None}) == unseen_sentence({"reader_kinds": None}) == ""
