"""Coefficients of agreement equal published and independently computed ones."""

import krippendorff
import numpy as np
import pytest

from turing.statistics.agreement import agreement, fleiss_kappa, gwet_ac1, intra_reader, krippendorff_alpha
from turing.statistics.responses import Responses

# Fleiss (1971): 10 subjects, 14 raters, 5 categories as in the textbook table; kappa 0.210.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ],
    float,
)

# Four observers, twelve units, missing values: Krippendorff's example, also Gwet's (2014) in irrCAC, whose
# figures are alpha 0.74342, Fleiss' kappa 0.76117, AC1 0.77544.
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def counts_of(table, categories):
    return np.array(
        [[sum(row[unit] == c for row in table) for c in categories] for unit in range(len(table[0]))], float
    )


def test_fleiss_kappa_is_that_of_the_textbook_example():
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)


def test_all_three_equal_the_figures_of_irrcac_with_missing_values():
    counts = counts_of(FOUR_OBSERVERS, [1, 2, 3, 4, 5])
    assert krippendorff_alpha(counts) == pytest.approx(0.74342, abs=5e-6)
    assert fleiss_kappa(counts) == pytest.approx(0.76117, abs=5e-6)
    assert gwet_ac1(counts) == pytest.approx(0.77544, abs=5e-6)


def responses_of(judged_real):
    reader, image = np.indices(judged_real.shape)
    return Responses.from_labels(reader.ravel(), image.ravel(), image.ravel() % 2 == 0, judged_real.ravel())


def test_alpha_of_answers_is_the_packages_on_the_readers_answers():
    judged = np.random.default_rng(0).random((9, 30)) < np.linspace(0.1, 0.9, 30)
    found = agreement(responses_of(judged))
    expected = krippendorff.alpha(reliability_data=judged.astype(int), level_of_measurement="nominal")
    assert found["krippendorff_alpha"] == pytest.approx(expected)
    for name, (low, high) in found["ci95"].items():
        assert -1 <= low < found[name] < high <= 1


def test_answers_all_alike_leave_agreement_undefined():
    found = agreement(responses_of(np.ones((4, 6), bool)))
    assert found["fleiss_kappa"] is None
    assert found["krippendorff_alpha"] is None
    assert found["gwet_ac1"] == 1.0  # AC1 has no chance agreement to correct for there


def test_chance_agreement_is_near_zero_and_its_interval_covers_zero():
    found = agreement(responses_of(np.random.default_rng(2).random((12, 80)) < 0.5))
    for name in ("fleiss_kappa", "krippendorff_alpha", "gwet_ac1"):
        low, high = found["ci95"][name]
        assert low < 0 < high


def test_repeats_are_matched_to_the_same_readers_first_answer():
    first = responses_of(np.array([[True, True, False, False], [True, False, True, False]]))
    again = first.where(np.array([1, 1, 1, 0, 0, 0, 1, 1], bool))
    changed = again.judged_real.copy()
    changed[0] = ~changed[0]
    repeats = Responses(**{**again.__dict__, "judged_real": changed, "is_repeat": np.ones(5, bool)})
    found = intra_reader(first, repeats)
    assert (found["pairs"], found["agreement"]) == (5, 0.8)
    # Cohen (1960) by hand: before 3 of 5 real, after 2 of 5; chance 0.6 * 0.4 + 0.4 * 0.6 = 0.48.
    assert found["kappa"] == pytest.approx((0.8 - 0.48) / (1 - 0.48))
    assert intra_reader(first, repeats.where(np.zeros(5, bool))) is None
