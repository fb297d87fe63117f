"""The interval over readers and images is the published one, and it covers."""

import numpy as np
import pytest
from scipy.special import expit

from turing.statistics.analysis import Responses, analyse
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.proportions import naive_intervals


def crossed(y):
    reader, image = np.indices(y.shape)
    return mrmc_rate(reader.ravel(), image.ravel(), y.ravel())


def study(rng, readers, images, reader_sd=0.5, image_sd=0.7):
    effects = rng.normal(0, reader_sd, (readers, 1)) + rng.normal(0, image_sd, (1, images))
    return (rng.random((readers, images)) < expit(0.3 + effects)).astype(float)


def test_a_crossed_rate_has_the_two_way_anova_variance_and_satterthwaite_df():
    y = study(np.random.default_rng(1), 12, 30)
    r, c = y.shape
    grand, by_reader, by_image = y.mean(), y.mean(1, keepdims=True), y.mean(0, keepdims=True)
    ms_r = c * ((by_reader - grand) ** 2).sum() / (r - 1)
    ms_c = r * ((by_image - grand) ** 2).sum() / (c - 1)
    ms_e = ((y - by_reader - by_image + grand) ** 2).sum() / ((r - 1) * (c - 1))
    rate = crossed(y)
    assert rate.estimate == pytest.approx(grand)
    assert rate.variance == pytest.approx((ms_r + ms_c - ms_e) / (r * c), rel=1e-10)
    spread = ms_r**2 / (r - 1) + ms_c**2 / (c - 1) + ms_e**2 / ((r - 1) * (c - 1))
    assert rate.df == pytest.approx((ms_r + ms_c - ms_e) ** 2 / spread, rel=1e-10)
    assert rate.components.reader == pytest.approx((ms_r - ms_e) / c)
    assert rate.components.residual == pytest.approx(ms_e)


def test_the_variance_of_a_sparse_design_equals_the_sum_over_all_pairs():
    rng = np.random.default_rng(2)
    y = study(rng, 12, 15, 1.5, 1.5)
    kept = rng.random(y.shape) < 0.6
    reader, image = np.nonzero(kept)
    s = y[kept]
    same_reader, same_image = reader[:, None] == reader, image[:, None] == image
    products = np.outer(s, s)
    moments = [
        products[a].mean() for a in (same_reader & same_image, same_reader & ~same_image, ~same_reader & same_image)
    ]
    neither = products[~same_reader & ~same_image].mean()
    weights = [(same_reader & same_image).sum(), (same_reader & ~same_image).sum(), (~same_reader & same_image).sum()]
    expected = sum(w * (m - neither) for w, m in zip(weights, moments, strict=True)) / len(s) ** 2
    rate = mrmc_rate(reader, image, s)
    assert rate.variance == pytest.approx(expected, rel=1e-9)
    assert rate.components is None


def test_relabelling_and_reordering_change_nothing():
    y = study(np.random.default_rng(3), 6, 8)
    reader, image = (axis.ravel() for axis in np.indices(y.shape))
    order = np.random.default_rng(4).permutation(y.size)
    names = np.array(list("zyxwvu"))
    a, b = mrmc_rate(reader, image, y.ravel()), mrmc_rate(names[reader][order], image[order] * 7, y.ravel()[order])
    assert (a.variance, *a.ci95) == pytest.approx((b.variance, *b.ci95))


def test_the_interval_covers_where_wilson_does_not():
    rng = np.random.default_rng(5)
    truth = expit(0.3 + rng.normal(0, np.hypot(0.5, 0.7), 1_000_000)).mean()
    covered = np.zeros(2)
    studies = 300
    for _ in range(studies):
        y = study(rng, 65, 50)
        naive = naive_intervals(int(y.sum()), y.size)["wilson"]
        covered += [low <= truth <= high for low, high in (crossed(y).ci95, naive)]
    assert 0.915 < covered[0] / studies < 0.985  # 95%, three standard errors either way
    assert covered[1] / studies < 0.65


@pytest.mark.parametrize("y", [np.ones((4, 5)), np.zeros((4, 5)), np.ones((1, 5)), np.array([[1.0], [0.0]])])
def test_what_cannot_be_known_is_none_with_a_reason(y):
    rate = crossed(y)
    assert rate.ci95 is None
    assert rate.warnings


def test_a_reader_who_answers_an_image_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        mrmc_rate([1, 1], [2, 2], [0, 1])


def test_naive_intervals_are_the_published_ones():
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I: 81 of 263.
    found = naive_intervals(81, 263)
    assert found["wilson"] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert found["clopper_pearson"] == pytest.approx((0.2527, 0.3676), abs=5e-5)


def test_an_empty_study_analyses_to_nulls():
    empty = np.array([], dtype=str)
    analysis = analyse(Responses(empty, empty, empty, empty == "real", empty == "real"))
    assert analysis["fooling_rate"]["estimate"] is None
    assert analysis["counts"]["responses"] == 0
