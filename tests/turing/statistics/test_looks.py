"""A look spends a part of the promised error rate, and no more."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from benchmarks.looks import Cell, errors
from turing.statistics.analysis import analyse
from turing.statistics.looks import MOST, Looks, boundaries, spending
from turing.statistics.responses import Responses

# One-sided error 0.025, two-sided 0.05, of Lan and DeMets's function of the type of O'Brien and Fleming, as gsDesign
# (sfLDOF) and ldbounds give them; the boundaries for two looks are also in Jennison and Turnbull (2000).
PUBLISHED = {
    (1 / 2, 1): (2.963, 1.969),
    (1 / 3, 2 / 3, 1): (3.710, 2.511, 1.993),
    (1 / 4, 1 / 2, 3 / 4, 1): (4.333, 2.963, 2.359, 2.014),
    (1 / 5, 2 / 5, 3 / 5, 4 / 5, 1): (4.877, 3.357, 2.680, 2.290, 2.031),
}


def bounds(fractions, alpha=0.025):
    return boundaries(fractions, [spending(one, alpha) for one in fractions])


@pytest.mark.parametrize("fractions", PUBLISHED)
def test_boundaries_are_the_published_ones(fractions):
    assert bounds(fractions) == pytest.approx(PUBLISHED[fractions], abs=6e-4)


def test_boundaries_spend_the_error_at_any_times():
    fractions = [0.31, 0.58, 0.62, 0.97]
    found = bounds(fractions, 0.05)
    root = np.sqrt(fractions)
    correlation = np.minimum.outer(fractions, fractions) / np.outer(root, root)
    for count in (1, 2, 3, 4):  # SciPy integrates the joint normal distribution in another way
        part = correlation[:count, :count]
        whole = multivariate_normal(np.zeros(count), part, seed=1, abseps=1e-7, releps=1e-7, maxpts=2_000_000)
        below = whole.cdf(found[:count])
        assert 1 - below == pytest.approx(spending(fractions[count - 1], 0.05), abs=2e-6)


def test_looks_that_nearly_coincide_need_nearly_the_same_and_early_ones_have_a_limit():
    first, second, *_ = bounds([0.5, 0.5001, 1])
    assert first < second < first + 0.03
    assert bounds([0.05, 1])[0] == MOST
    with pytest.raises(ValueError, match="grow"):
        Looks(100, (50, 50))


def answers_of(rng, readers, images, accuracy):
    """Crossed answers (readers, images) with effects of readers and images, and this share of right answers."""
    latent = rng.normal(0, 0.4, (readers, 1)) + rng.normal(0, 0.6, (1, images)) + rng.normal(size=(readers, images))
    return latent < norm.ppf(accuracy) * np.sqrt(1 + 0.4**2 + 0.6**2)


def analysis_of(right, looks=None):
    reader, image = (axis.ravel() for axis in np.indices(right.shape))
    is_real = image % 2 == 0
    labels = [np.array([f"{one}{index}" for index in axis]) for one, axis in (("r", reader), ("i", image))]
    return analyse(Responses.from_labels(*labels, is_real, is_real == right.ravel()), 0.1, looks)


def test_a_look_widens_the_headline_intervals_and_asks_more_of_equivalence():
    right = answers_of(np.random.default_rng(1), 12, 40, 0.5)
    plain, looked = analysis_of(right), analysis_of(right, Looks(960, (480,)))
    assert plain["looks"] is None
    assert looked["looks"]["z"] == pytest.approx(2.963, abs=1e-3)
    assert looked["looks"]["level"] == pytest.approx(0.99695, abs=1e-5)
    assert looked["looks"]["alpha"] == pytest.approx(norm.sf(2.538), abs=1e-5)
    for name in ("fooling_rate", "accuracy"):
        (low, high), (wide_low, wide_high) = plain[name]["ci95"], looked[name]["ci95"]
        assert wide_low < low < high < wide_high
        assert looked["looks"]["unlooked"][name] == plain[name]["ci95"]
    assert looked["equivalence"]["p_value"] == plain["equivalence"]["p_value"]
    assert looked["looks"]["alpha"] < plain["equivalence"]["p_value"] < 0.05
    assert plain["equivalence"]["equivalent"]
    assert not looked["equivalence"]["equivalent"]


def test_an_interval_of_a_very_early_look_is_wide_and_no_error():
    found = analysis_of(answers_of(np.random.default_rng(1), 3, 6, 0.5), Looks(1000, (18,)))
    low, high = found["accuracy"]["ci95"]
    assert 0 <= low < 0.1
    assert 0.9 < high <= 1


def test_planned_looks_keep_the_error_that_looking_without_them_doubles():
    """The measurement of `benchmarks/looks.py` with few studies and a fixed seed."""
    found = errors(Cell(12, 40, 0.0, 0.0, (1 / 3, 2 / 3, 1.0)), 250)
    for name in ("equivalence", "superiority"):
        assert found[name] <= 0.06
    assert found["missed"] <= 0.06
    assert found["naive_superiority"] >= found["superiority"] + 0.03
