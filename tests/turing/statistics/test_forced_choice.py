"""Figures of pairs equal plain arithmetic, and are left out if nothing can be said."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from turing.statistics.analysis import PAIRS, analyse
from turing.statistics.forced_choice import ALL_OR_NONE, NO_INTERVAL, TOO_WIDE, _dprime_json, dprime_of
from turing.statistics.intervals import Estimate
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses

READERS, COUNT = 6, 24


def answers(correct, *, diagnosis=None, run=None, confidence=None) -> Responses:
    """Answers from a table (readers, pairs) of right and wrong choices.

    The generated image is left in every other cell.
    """
    table = np.asarray(correct, bool)
    reader, pair = np.nonzero(np.ones_like(table))
    left_is_real = (reader + pair) % 2 == 0
    right = table.ravel()
    return Responses.from_labels(
        [f"R{one}" for one in reader],
        [str(one + 1) for one in pair],
        left_is_real,
        np.where(right, left_is_real, ~left_is_real),
        diagnosis=None if diagnosis is None else np.asarray(diagnosis)[pair],
        confidence=confidence,
        factors={} if run is None else {"run": np.asarray(run)[pair]},
        is_pairs=True,
    )


@pytest.fixture
def table() -> np.ndarray:
    rng = np.random.default_rng(3)
    ability = rng.normal(0.7, 0.4, (READERS, 1)) + rng.normal(0, 0.5, COUNT)
    return ability + rng.normal(0, 1, (READERS, COUNT)) > 0


def test_the_share_is_that_of_right_choices_with_the_mrmc_interval(table):
    found = analyse(answers(table))["forced_choice"]
    reader, pair = np.nonzero(np.ones_like(table))
    expected = mrmc_rate(reader, pair, table.ravel(), level=0.97)  # fewer than ten readers
    assert found["pairs"] == COUNT
    assert found["correct"] == table.sum()
    assert found["proportion_correct"]["estimate"] == pytest.approx(table.mean())
    assert found["proportion_correct"]["ci95"] == pytest.approx(expected.ci95)
    assert found["proportion_correct"]["naive"]["wilson"][0] > expected.ci95[0]


def test_dprime_and_its_limits_follow_from_the_share(table):
    found = analyse(answers(table))["forced_choice"]
    share, dprime = found["proportion_correct"], found["dprime"]
    assert dprime["estimate"] == pytest.approx(math.sqrt(2) * norm.ppf(share["estimate"]))
    assert dprime["ci95"] == pytest.approx([math.sqrt(2) * norm.ppf(limit) for limit in share["ci95"]])
    assert dprime_of(0.5) == 0
    assert dprime_of(0.76) == pytest.approx(0.999, abs=0.001)


def test_a_reader_who_always_says_left_is_at_chance_and_biased():
    left_is_real = (np.arange(READERS)[:, None] + np.arange(COUNT)) % 2 == 0
    table = ~left_is_real  # right where the generated one stands on the left
    found = analyse(answers(table))["forced_choice"]
    assert found["left"]["estimate"] == 1
    assert found["proportion_correct"]["estimate"] == 0.5
    assert [row["left"] for row in found["by_reader"]] == [1.0] * READERS


def test_figures_are_given_by_diagnosis_generator_reader_and_pair(table):
    diagnosis, run = ["a", "b"] * (COUNT // 2), ["7"] * 8 + ["9"] * (COUNT - 8)
    found = analyse(answers(table, diagnosis=diagnosis, run=run))["forced_choice"]
    assert found["by_diagnosis"]["a"]["proportion_correct"]["estimate"] == pytest.approx(table[:, ::2].mean())
    assert found["by_run"]["7"]["pairs"] == 8
    assert found["by_run"]["9"]["dprime"]["estimate"] == pytest.approx(dprime_of(table[:, 8:].mean()))
    assert [row["proportion_correct"] for row in found["by_reader"]] == pytest.approx(table.mean(1))
    assert [row["pair"] for row in found["by_pair"]] == [str(number) for number in range(1, COUNT + 1)]
    assert [row["correct"] for row in found["by_pair"]] == table.sum(0).tolist()
    assert found["by_pair"][8] == found["by_pair"][8] | {"diagnosis": "a", "run": "9", "responses": READERS}


def test_nothing_is_said_of_single_images(table):
    analysis = analyse(answers(table))
    assert PAIRS in analysis["warnings"]
    for key in ("auc", "dprime", "criterion", "equivalence", "hype_infinity", "variance_components", "reader_kinds"):
        assert analysis[key] is None
    for key in ("fooling_rate", "real_judged_real", "accuracy"):
        assert analysis[key]["estimate"] is None
        assert analysis[key]["ci95"] is None
    for key in ("by_diagnosis", "by_run", "by_reader", "by_image", "comparisons", "questions"):
        assert not analysis[key]
    assert analysis["counts"]["responses"] == table.size
    assert analysis["counts"]["images"] == 2 * COUNT
    assert analysis["counts"]["generated_judged_real"] is None


def test_equivalence_to_guessing_is_tested_by_the_margin():
    rng = np.random.default_rng(0)
    guesses = rng.random((20, 200)) < 0.5
    assert analyse(answers(guesses), 0.1)["forced_choice"]["equivalence"]["equivalent"]
    assert not analyse(answers(guesses | (rng.random(guesses.shape) < 0.4)), 0.1)["forced_choice"]["equivalence"][
        "equivalent"
    ]


@pytest.mark.parametrize("value", [True, False])
def test_where_every_pair_or_none_is_told_dprime_is_none_with_a_reason(value):
    found = analyse(answers(np.full((READERS, COUNT), value)))["forced_choice"]
    assert found["proportion_correct"]["estimate"] == float(value)
    assert found["proportion_correct"]["ci95"] is None
    assert found["dprime"] == {"estimate": None, "ci95": None, "reason": ALL_OR_NONE}
    assert found["equivalence"] is None
    assert found["by_reader"][0]["dprime"] is None


def test_one_reader_or_very_few_answers_give_no_interval_and_say_so(table):
    one = analyse(answers(table[:1]))
    assert one["forced_choice"]["dprime"]["reason"] == NO_INTERVAL
    assert any("one reader only" in warning for warning in one["warnings"])
    assert any("1 reader only: intervals were not validated" in warning for warning in one["warnings"])
    assert _dprime_json(Estimate(0.9, ci95=(0.4, 1.0)))["reason"] == TOO_WIDE


def test_confidence_is_set_against_right_choices(table):
    analysis = analyse(answers(table, confidence=np.where(table.ravel(), 4, 1)))
    assert [(row["confidence"], row["correct"]) for row in analysis["calibration"]] == [(1, 0.0), (4, 1.0)]


def test_no_answers_to_pairs_give_an_empty_analysis():
    nothing = Responses.from_labels([], [], [], [], is_pairs=True)
    found = analyse(nothing)["forced_choice"]
    assert found["pairs"] == 0
    assert found["proportion_correct"]["estimate"] is None
