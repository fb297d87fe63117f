"""Differences between answers to real and generated images equal values computed by hand and by scipy."""

import numpy as np
import pytest
from scipy import stats

from turing.statistics.contrasts import FEWEST_IMAGES, FEWEST_READERS, contrast
from turing.statistics.mrmc import group_means, mrmc_mean, mrmc_rate


def crossed(readers, images, rng, shift=0.0, levels=5):
    """Reader, image, truth and place on a scale, in a study in which every reader answered every image."""
    is_real = np.arange(2 * images) % 2 == 0
    effects = rng.normal(0, 0.5, (readers, 1)) + rng.normal(0, 0.5, 2 * images) + shift * is_real
    level = np.clip(np.round(2 + effects + rng.normal(0, 1, effects.shape)), 0, levels - 1)
    reader, image = (axis.ravel() for axis in np.indices(level.shape))
    return reader, image, is_real[image], level.ravel() / (levels - 1)


def test_means_of_a_scale_have_the_variance_of_a_two_way_analysis():
    y = np.array([[0.0, 0.25, 0.5, 1.0], [0.25, 0.5, 0.5, 0.75], [0.0, 0.0, 0.75, 1.0]])
    reader, image = (axis.ravel() for axis in np.indices(y.shape))
    r, c = y.shape
    rows, columns, mean = y.mean(1, keepdims=True), y.mean(0, keepdims=True), y.mean()
    ms_reader = c * ((rows - mean) ** 2).sum() / (r - 1)
    ms_image = r * ((columns - mean) ** 2).sum() / (c - 1)
    ms_rest = ((y - rows - columns + mean) ** 2).sum() / ((r - 1) * (c - 1))
    means = group_means(reader, image, y.ravel())
    assert means.covariance[0, 0] == pytest.approx((ms_reader + ms_image - ms_rest) / (r * c))
    assert means.binomial[0] == pytest.approx(y.var() / y.size)
    assert mrmc_mean(reader, image, y.ravel()).variance == pytest.approx(means.covariance[0, 0])


def test_a_scale_of_two_levels_is_a_share_to_the_last_bit():
    rng = np.random.default_rng(1)
    reader, image, is_real, score = crossed(6, 20, rng, levels=2)
    assert mrmc_mean(reader, image, score, is_real) == mrmc_rate(reader, image, score, is_real)
    with pytest.raises(ValueError, match="0 or 1"):
        mrmc_rate([0, 1], [0, 1], [0.5, 1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        group_means([0, 1], [0, 1], [0, 2])


def test_where_readers_alone_differ_the_interval_is_at_least_the_paired_t_interval():
    rng = np.random.default_rng(2)
    readers, images = 8, 20
    own = rng.uniform(0.2, 0.6, (readers, 2))  # each reader's mean of either truth; images do not matter
    group = np.arange(2 * images) % 2
    y = np.clip(own[:, group] + np.tile([0.01, 0.01, -0.01, -0.01], images // 2), 0, 1)
    reader, image = (axis.ravel() for axis in np.indices(y.shape))
    found = contrast(reader, image, group[image] == 0, y.ravel())
    differences = y[:, group == 0].mean(1) - y[:, group == 1].mean(1)
    expected = stats.t.interval(0.95, readers - 1, differences.mean(), stats.sem(differences))
    assert found.difference == pytest.approx(differences.mean())
    assert found.ci95[0] <= expected[0] + 1e-3
    assert found.ci95[1] >= expected[1] - 1e-3


def test_p_values_agree_with_intervals():
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.4, 1.5):
        found = contrast(*crossed(8, 30, rng, shift))
        low, high = found.ci95
        assert (found.p_value < 0.05) == (not low <= 0 <= high)
        inner = found.limits(0.9)
        margin = max(abs(one) for one in inner)
        assert found.equivalence(margin * 1.001)["equivalent"]
        assert not found.equivalence(margin * 0.999)["equivalent"]
        assert found.equivalence(margin)["p_value"] == pytest.approx(0.05, abs=1e-4)


def test_few_data_are_no_evidence_of_equivalence_and_many_are():
    few, many = (
        contrast(*crossed(readers, images, np.random.default_rng(4))) for readers, images in ((5, 10), (40, 200))
    )
    assert not few.equivalence(0.1)["equivalent"]
    assert many.equivalence(0.1)["equivalent"]
    assert contrast(*crossed(40, 200, np.random.default_rng(4), shift=1.0)).equivalence(0.1)["p_value"] > 0.5


def test_too_few_readers_or_images_and_equal_answers_give_no_interval_but_a_reason():
    rng = np.random.default_rng(5)
    for readers, images, told in (
        (FEWEST_READERS - 1, 30, "4 readers"),
        (8, FEWEST_IMAGES - 1, "9 images of one truth"),
    ):
        found = contrast(*crossed(readers, images, rng))
        assert found.difference is not None
        assert (found.ci95, found.p_value, found.real.ci95) == (None, None, None)
        assert told in found.reason
    reader, image, is_real, score = crossed(8, 20, rng)
    alike = contrast(reader, image, is_real, np.where(is_real, 1.0, score))
    assert "real images: every response was the same" in alike.reason
    assert alike.equivalence(0.1) is None
    assert "no answers to generated" in contrast(reader, image, np.ones(len(image), bool), score).reason
