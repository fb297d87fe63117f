"""Rates over readers and images have the published variance, and their intervals cover the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from scipy.special import expit

from turing.statistics.intervals import Spread, score_interval
from turing.statistics.mrmc import group_means, mrmc_rate
from turing.statistics.proportions import naive_intervals, wilson


def crossed(y):
    reader, image = np.indices(y.shape)
    return mrmc_rate(reader.ravel(), image.ravel(), y.ravel())


def study(rng, readers, images, reader_sd=0.5, image_sd=0.7):
    effects = rng.normal(0, reader_sd, (readers, 1)) + rng.normal(0, image_sd, (1, images))
    return (rng.random((readers, images)) < expit(0.3 + effects)).astype(float)


def mean_squares(y):
    (r, c), grand = y.shape, y.mean()
    by_reader, by_image = y.mean(1, keepdims=True), y.mean(0, keepdims=True)
    reader = c * ((by_reader - grand) ** 2).sum() / (r - 1)
    image = r * ((by_image - grand) ** 2).sum() / (c - 1)
    residual = ((y - by_reader - by_image + grand) ** 2).sum() / ((r - 1) * (c - 1))
    return reader, image, residual


def test_a_crossed_rate_has_the_two_way_anova_variance_and_satterthwaite_df():
    y = study(np.random.default_rng(1), 12, 30)
    (r, c), (ms_r, ms_c, ms_e) = y.shape, mean_squares(y)
    rate = crossed(y)
    assert rate.estimate == pytest.approx(y.mean())
    assert rate.variance == pytest.approx((ms_r + ms_c - ms_e) / (r * c), rel=1e-10)
    spread = ms_r**2 / (r - 1) + ms_c**2 / (c - 1) + ms_e**2 / ((r - 1) * (c - 1))
    assert rate.df == pytest.approx((ms_r + ms_c - ms_e) ** 2 / spread, rel=1e-10)
    assert rate.spread.readers * r == pytest.approx((ms_r - ms_e) / c)
    assert rate.spread.images * c == pytest.approx((ms_c - ms_e) / r)
    assert rate.spread.residual * r * c == pytest.approx(ms_e)
    assert (rate.spread.df_readers, rate.spread.df_images) == pytest.approx((r - 1, c - 1))


def brute_force_covariance(reader, image, s, t, score):
    """mean_s mean_t - M4 by the sum over all pairs of responses."""
    apart = (reader[s][:, None] != reader[t]) & (image[s][:, None] != image[t])
    return score[s].mean() * score[t].mean() - np.outer(score[s], score[t])[apart].mean()


def test_the_covariance_of_groups_of_a_sparse_design_equals_the_sum_over_all_pairs():
    rng = np.random.default_rng(2)
    y = study(rng, 12, 15, 1.5, 1.5)
    kept = rng.random(y.shape) < 0.6
    reader, image = np.nonzero(kept)
    group = rng.integers(0, 2, len(reader))
    found = group_means(reader, image, y[kept], group)
    for s in (0, 1):
        for t in (0, 1):
            expected = brute_force_covariance(reader, image, group == s, group == t, y[kept])
            assert found.covariance[s, t] == pytest.approx(expected, rel=1e-9)
    assert mrmc_rate(reader, image, y[kept]).variance == pytest.approx(
        brute_force_covariance(reader, image, slice(None), slice(None), y[kept]), rel=1e-9
    )


def test_a_difference_on_the_same_readers_is_paired():
    """With the images given, the variance is that of the mean of the readers' own differences."""
    rng = np.random.default_rng(5)
    y = study(rng, 30, 40, reader_sd=1.5)
    reader, image = (axis.ravel() for axis in np.indices(y.shape))
    means = group_means(reader, image, y.ravel(), (image >= 20).astype(int))
    paired = means.contrast([1, -1])
    differences = y[:, :20].mean(1) - y[:, 20:].mean(1)
    assert paired.readers + paired.residual == pytest.approx(differences.var(ddof=1) / 30, rel=1e-9)
    # The readers' shared leaning, most of the variance of each rate, has gone from the difference.
    assert paired.readers < 0.2 * means.contrast([1, 0]).readers


def test_fixed_strata_do_not_count_as_chance():
    rng = np.random.default_rng(6)
    y = (rng.random((30, 40)) < np.where(np.arange(40) < 20, 0.2, 0.8)).astype(float)
    reader, image = (axis.ravel() for axis in np.indices(y.shape))
    pooled = mrmc_rate(reader, image, y.ravel())
    stratified = mrmc_rate(reader, image, y.ravel(), image < 20)
    assert stratified.estimate == pooled.estimate
    assert stratified.variance < pooled.variance / 5


designs = st.integers(2, 7).flatmap(
    lambda r: st.integers(2, 7).flatmap(
        lambda c: st.tuples(hnp.arrays(bool, (r, c)), hnp.arrays(bool, (r, c)), st.permutations(range(r * c)))
    )
)


@settings(max_examples=200, deadline=None)
@given(designs)
def test_any_design_gives_an_interval_within_bounds_or_a_reason(design):
    y, kept, _ = design
    reader, image = np.nonzero(kept)
    rate = mrmc_rate(reader, image, y[kept])
    if rate.ci95 is None:
        assert rate.warnings
    else:
        low, high = rate.ci95
        assert 0 <= low <= rate.estimate <= high <= 1
        assert rate.variance > 0
        assert rate.df >= 1


@settings(max_examples=100, deadline=None)
@given(designs)
def test_relabelling_and_reordering_change_nothing(design):
    y, kept, order = design
    reader, image = np.nonzero(kept)
    order = np.array([one for one in order if one < len(reader)], int)
    a = mrmc_rate(reader, image, y[kept])
    names = np.array(list("qwertyu"))
    b = mrmc_rate(names[reader][order], (100 - image)[order], y[kept][order])
    assert (a.ci95 is None) == (b.ci95 is None)
    if a.ci95:
        assert (a.variance, a.df, *a.ci95) == pytest.approx((b.variance, b.df, *b.ci95), rel=1e-6, abs=1e-9)


def test_splitting_a_reader_in_two_never_adds_information_about_readers():
    """Half of each reader's images get another reader's name.

    The estimate stays, and the data hold no more information.
    """
    y = study(np.random.default_rng(7), 8, 40, reader_sd=1.5)
    reader, image = (axis.ravel() for axis in np.indices(y.shape))
    whole, halves = crossed(y), mrmc_rate(reader * 2 + image % 2, image, y.ravel())
    assert halves.estimate == whole.estimate
    assert halves.spread.least == pytest.approx(whole.spread.least)
    assert halves.ci95[1] - halves.ci95[0] >= 2 * 1.95 * np.sqrt(whole.spread.least) * 0.9


def test_where_hardly_anything_varies_but_the_noise_the_interval_is_wilsons():
    noise = 0.3 * 0.7 / 50
    spread = Spread(0, 0, noise, 1e9, 1e9, least=noise)
    expected = stats.binomtest(15, 50).proportion_ci(method="wilson")
    assert score_interval(0.3, spread) == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_where_only_readers_vary_the_interval_at_one_half_is_students():
    """Means differ by 0.01 or less around 0.5, so that the curvature of rates and the images do not matter."""
    means = 0.5 + 1e-4 * np.array([-3, 1, 4, -2, 0])
    square = means.var(ddof=1) / 5
    spread = Spread(square - 1e-12, 0, 1e-12, 4, 1e6, least=1e-12)
    expected = stats.t.interval(0.95, 4, 0.5, np.sqrt(square))
    assert score_interval(0.5, spread) == pytest.approx(expected, abs=1e-8)


@given(st.floats(0.01, 0.99), *[st.floats(-0.01, 0.02)] * 3, st.floats(1, 100), st.floats(1, 100))
def test_an_interval_holds_its_estimate_lies_between_0_and_1_and_mirrors(rate, readers, images, residual, df_r, df_i):
    spread = Spread(readers, images, residual, df_r, df_i, least=abs(residual))
    low, high = score_interval(rate, spread)
    assert 0 <= low <= rate <= high <= 1
    assert score_interval(1 - rate, spread) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_readers_all_alike_do_not_leave_the_interval_without_width():
    y = np.tile([1.0, 0.0, 1.0, 0.0], (5, 5))
    y = np.roll(y, 1, axis=1) * (np.arange(5) % 2)[:, None] + y * (np.arange(5) % 2 == 0)[:, None]
    low, high = crossed(y).ci95
    assert low < 0.45
    assert high > 0.55


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
    low, high = wilson(np.array([81, 0]), np.array([263, 0]))
    assert (low[0], high[0]) == pytest.approx(found["wilson"])
    assert np.isnan(low[1])
