"""The AUC and its variance equal published ones, for crossed and for sparse designs."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turing.statistics.auc import mrmc_auc, reader_aucs
from turing.statistics.mrmc import mrmc_rate


def van_dyke(modality):
    """Van Dyke et al. (1993), cine against spin-echo MRI for aortic dissection: 5 readers, 45 diseased, 69 not,
    ratings 1 to 5. The standard example of MRMC software (MRMCaov, RJafroc, iMRMC)."""
    rows = [
        (row["reader"], f"{truth}{index}", truth == "diseased", int(rating))
        for row in csv.DictReader((Path(__file__).parent / "van_dyke.csv").open())
        if row["modality"] == modality
        for truth in ("non_diseased", "diseased")
        for index, rating in enumerate(row[truth])
    ]
    return [np.array(column) for column in zip(*rows, strict=True)]


# Areas and standard errors as the R package MRMCaov 0.2 prints them in its guide (empirical AUC, covariances by the
# unbiased method of Gallas et al. 2007; the last digits are those printed).
@pytest.mark.parametrize(
    ("modality", "mean", "standard_error", "readers"),
    [
        ("cine", 0.8970370, 0.0330712, (0.9196457, 0.8587762, 0.9038647, 0.9731079, 0.8297907)),
        ("spin_echo", 0.9408374, 0.0214912, (0.9478261, 0.9053140, 0.9217391, 0.9993559, 0.9299517)),
    ],
)
def test_van_dykes_areas_and_their_variance_are_those_of_mrmc_software(modality, mean, standard_error, readers):
    reader, image, diseased, rating = van_dyke(modality)
    found = mrmc_auc(reader, image, diseased, rating)
    assert found.estimate == pytest.approx(mean, abs=5e-8)
    assert np.sqrt(found.variance) == pytest.approx(standard_error, abs=5e-8)
    assert reader_aucs(reader, diseased, rating) == pytest.approx(readers, abs=5e-8)
    low, high = found.ci95
    assert 0 < low < mean < high < 1


# Of the same guide: sensitivity at ratings of 3 and more, standard errors from the jackknife over cases.
@pytest.mark.parametrize(
    ("modality", "rate", "standard_error"), [("cine", 0.8222222, 0.05893747), ("spin_echo", 0.92, 0.03741657)]
)
def test_van_dykes_sensitivity_and_its_variance_are_those_of_mrmc_software(modality, rate, standard_error):
    reader, image, diseased, rating = van_dyke(modality)
    found = mrmc_rate(reader[diseased], image[diseased], rating[diseased] >= 3)
    assert found.estimate == pytest.approx(rate, abs=5e-8)
    assert np.sqrt(found.variance) == pytest.approx(standard_error, abs=5e-9)


def brute_force(reader, image, generated, score, weigh="readers"):
    """The weighted U-statistic by loops over all comparisons and all pairs of them."""
    comparisons = []
    names = [one for one in np.unique(reader) if 0 < generated[reader == one].sum() < (reader == one).sum()]
    for name in names:
        own = np.flatnonzero(reader == name)
        weight = 1 / (len(names) * generated[own].sum() * (~generated[own]).sum())
        comparisons += [
            (name, image[g], image[n], weight, np.heaviside(score[g] - score[n], 0.5))
            for g in own[generated[own]]
            for n in own[~generated[own]]
        ]
    if weigh == "comparisons":
        comparisons = [(*one[:3], 1 / len(comparisons), one[4]) for one in comparisons]
    r, g, n, w, k = (np.array(column) for column in zip(*comparisons, strict=True))
    apart = (r[:, None] != r) & (g[:, None] != g) & (n[:, None] != n)
    weights = np.outer(w, w)[apart]
    auc = (w * k).sum()
    return auc, auc**2 - (weights * np.outer(k, k)[apart]).sum() / weights.sum()


def simulated(seed, readers, images, kept_share):
    rng = np.random.default_rng(seed)
    generated = np.arange(images) % 2 == 0
    score = np.where(generated, 0.6, -0.6) + rng.normal(0, 0.8, (readers, 1)) * np.where(generated, 1, -1)
    score = np.round(2 * (score + rng.normal(0, 0.7, images) + rng.normal(0, 1, (readers, images))))
    kept = rng.random(score.shape) < kept_share
    reader, image = np.nonzero(kept)
    return reader, image, generated[image], score[kept]


@pytest.mark.parametrize("weigh", ["readers", "comparisons"])
@pytest.mark.parametrize("kept_share", [1.0, 0.7])
def test_the_variance_equals_the_sum_over_all_pairs_of_comparisons(kept_share, weigh):
    rows = simulated(3, 8, 12, kept_share)
    found = mrmc_auc(*rows, weigh=weigh)
    auc, variance = brute_force(*rows, weigh)
    assert variance > 0
    assert found.estimate == pytest.approx(auc)
    assert found.variance == pytest.approx(variance, rel=1e-9)
    if kept_share == 1.0:
        assert found.spread.variance == pytest.approx(variance, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(4, 10), st.sampled_from([0.3, 0.6, 1.0]))
def test_any_design_gives_an_interval_within_bounds_or_a_reason(seed, readers, images, kept_share):
    rows = simulated(seed, readers, images, kept_share)
    found = mrmc_auc(*rows)
    if found.ci95 is None:
        assert found.warnings
    else:
        assert 0 <= found.ci95[0] <= found.estimate <= found.ci95[1] <= 1


def test_labels_and_order_of_the_rows_change_nothing():
    reader, image, generated, score = simulated(4, 6, 14, 0.8)
    order = np.random.default_rng(0).permutation(len(reader))
    names = np.array([f"image {index}" for index in range(14)])
    a = mrmc_auc(reader, image, generated, score)
    b = mrmc_auc(9 - reader[order], names[image[order]], generated[order], 10 * score[order])
    assert (a.estimate, a.variance, *a.ci95) == pytest.approx((b.estimate, b.variance, *b.ci95))


def test_readers_of_one_truth_alone_are_left_out_and_said_so():
    reader, image, generated, score = simulated(5, 6, 14, 1.0)
    kept = (reader > 0) | generated
    found = mrmc_auc(reader[kept], image[kept], generated[kept], score[kept])
    others = reader > 0
    assert found.estimate == mrmc_auc(reader[others], image[others], generated[others], score[others]).estimate
    assert "1 readers did not see both" in found.warnings[0]


def test_perfect_separation_has_no_interval_and_says_why():
    reader, image = (axis.ravel() for axis in np.indices((4, 10)))
    found = mrmc_auc(reader, image, image < 5, (image < 5).astype(float))
    assert (found.estimate, found.ci95) == (1.0, None)
    assert "perfectly" in found.warnings[0]


def test_both_ways_of_weighing_agree_where_every_reader_saw_every_image_and_differ_elsewhere():
    crossed, sparse = simulated(6, 6, 14, 1.0), simulated(6, 6, 14, 0.6)
    first, second = mrmc_auc(*crossed), mrmc_auc(*crossed, weigh="comparisons")
    assert (first.estimate, first.variance) == pytest.approx((second.estimate, second.variance), rel=1e-9)
    assert mrmc_auc(*sparse).estimate != pytest.approx(mrmc_auc(*sparse, weigh="comparisons").estimate, abs=1e-4)
