"""Equivalence needs evidence; differences are paired and adjusted."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from turing.statistics.comparisons import compare, equivalence, holm, hype_infinity
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses


def accuracy_of(seed, readers, images, logit=0.0):
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.2, (readers, 1)) + rng.normal(0, 0.3, (1, images))
    y = rng.random((readers, images)) < expit(logit + effects)
    reader, image = (axis.ravel() for axis in np.indices(y.shape))
    return mrmc_rate(reader, image, y.ravel())


def test_few_data_are_no_evidence_of_equivalence_and_many_are():
    few, many = equivalence(accuracy_of(0, 3, 8), 0.1), equivalence(accuracy_of(0, 40, 200), 0.1)
    assert not few["equivalent"]
    assert few["p_value"] > 0.05
    assert many["equivalent"]
    assert many["p_value"] < 0.01


def test_a_clear_difference_is_not_equivalent():
    assert equivalence(accuracy_of(1, 40, 200, logit=1.0), 0.1)["p_value"] > 0.99


def test_equivalent_is_where_the_90_percent_interval_lies_within_the_margins():
    accuracy = accuracy_of(2, 12, 40)
    half = stats.t.ppf(0.95, accuracy.df) * np.sqrt(accuracy.variance)
    reach = max(abs(accuracy.estimate - half - 0.5), abs(accuracy.estimate + half - 0.5))
    assert equivalence(accuracy, reach * 1.001)["equivalent"]
    assert not equivalence(accuracy, reach * 0.999)["equivalent"]
    assert equivalence(accuracy, reach)["p_value"] == pytest.approx(0.05)


def test_without_a_variance_there_is_no_test():
    assert equivalence(mrmc_rate([1, 1], [1, 2], [0, 1]), 0.1) is None


def test_hype_infinity_is_the_share_of_errors():
    accuracy = accuracy_of(3, 10, 20)
    found = hype_infinity(accuracy)
    assert found["estimate"] == 1 - accuracy.estimate
    assert found["ci95"] == [1 - accuracy.ci95[1], 1 - accuracy.ci95[0]]


def test_holm_adjusts_as_in_the_published_example():
    # As R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def responses(rate_by_group, readers=30, images=40, seed=0):
    """All images generated; groups of readers with rates of their own."""
    rng = np.random.default_rng(seed)
    reader, image = (axis.ravel() for axis in np.indices((readers, images)))
    names = np.array(list(rate_by_group))[reader % len(rate_by_group)]
    rates = np.array([rate_by_group[name] for name in names])
    judged = rng.random(len(reader)) < rates
    return Responses.from_labels(reader, image, np.zeros(len(reader), bool), judged), names


def test_groups_that_differ_are_told_apart_and_those_that_do_not_are_not():
    rows, warnings = compare(*insert("specialty", responses({"a": 0.3, "b": 0.6, "c": 0.6})))
    found = {(row["first"], row["second"]): row for row in rows}
    assert warnings == []
    assert found["a", "b"]["p_holm"] < 0.001
    assert found["a", "b"]["difference"] < -0.2
    low, high = found["b", "c"]["ci95"]
    assert low < 0 < high
    assert all(row["p_holm"] >= row["p_value"] for row in rows)


def insert(factor, rows_and_labels):
    rows, labels = rows_and_labels
    return rows, factor, labels


def test_the_test_of_a_difference_keeps_its_level():
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        readers, images = 16, 24
        effects = rng.normal(0, 0.5, (readers, 1)) + rng.normal(0, 0.5, (1, images))
        judged = rng.random((readers, images)) < expit(effects)
        reader, image = (axis.ravel() for axis in np.indices(judged.shape))
        rows = Responses.from_labels(reader, image, np.zeros(len(reader), bool), judged.ravel())
        (row,), _ = compare(rows, "diagnosis", np.where(image % 2, "x", "y"))
        rejected += row["p_value"] < 0.05
    assert rejected <= 22  # 5% of 200, and three standard errors


def test_a_group_of_one_reader_is_left_out_and_said_so():
    rows, _ = responses({"a": 0.5})
    labels = np.where(rows.reader == 0, "alone", "others")
    found, warnings = compare(rows, "specialty", labels)
    assert found == []
    assert warnings == ["specialty alone: fewer than two readers or images, not compared"]


def test_a_factor_with_one_group_is_neither_compared_nor_warned_of():
    rows = Responses.from_labels([1, 1, 2, 2], [1, 2, 1, 2], [False] * 4, [True, False, True, True])
    assert compare(rows, "specialty", np.array(["dermatology"] * 4)) == ([], [])
    assert compare(rows, "run", np.array([""] * 4)) == ([], [])
    apart = compare(rows, "specialty", np.array(["a", "a", "b", "b"]))
    assert apart[0] == []
    assert "specialty a: fewer than two readers" in apart[1][0]
