"""The staircase steps like HYPE-time's, and the simulated threshold is recovered."""

import numpy as np
import pytest

from turing.statistics.analysis import analyse
from turing.statistics.responses import Responses
from turing.statistics.staircase import LONGEST_MS, SHORTEST_MS, TARGET, next_exposure
from turing.statistics.thresholds import exposure_threshold, log_likelihoods, threshold


def psychometric(milliseconds: float, at: float, slope: float, ceiling: float) -> float:
    """The probability of a right answer, written independently; it reaches the target at `at`."""
    scale = at / (-np.log(1 - (TARGET - 0.5) / (ceiling - 0.5))) ** (1 / slope)
    return 0.5 + (ceiling - 0.5) * (1 - np.exp(-((milliseconds / scale) ** slope)))


def read(rng: np.random.Generator, at: float, slope: float, ceiling: float, trials: int) -> tuple[list, list]:
    exposures, correct = [], []
    for _ in range(trials):
        exposures.append(next_exposure(correct))
        correct.append(bool(rng.random() < psychometric(exposures[-1], at, slope, ceiling)))
    return exposures, correct


def responses_of(readings: list[tuple[list, list]]) -> Responses:
    reader = np.repeat(np.arange(len(readings)), [len(exposures) for exposures, _ in readings])
    exposure, correct = (np.concatenate([reading[part] for reading in readings]) for part in (0, 1))
    position = np.concatenate([np.arange(1, len(exposures) + 1) for exposures, _ in readings])
    is_real = np.arange(len(reader)) % 2 == 0
    return Responses.from_labels(
        reader, np.arange(len(reader)), is_real, is_real == correct, exposure=exposure, position=position
    )


def test_three_right_answers_shorten_and_one_wrong_lengthens():
    course = "+++ ++- +-+++ ++++++"
    answers = [sign == "+" for sign in course.replace(" ", "")]
    exposures = [next_exposure(answers[:count]) for count in range(len(answers) + 1)]
    assert exposures == [500, 500, 500, 470, 470, 470, 480, 480, 490, 490, 490, 460, 460, 460, 430, 430, 430, 400]


@pytest.mark.parametrize(("answer", "limit"), [(True, SHORTEST_MS), (False, LONGEST_MS)])
def test_exposures_keep_their_limits(answer, limit):
    assert next_exposure([answer] * 500) == limit


def test_a_reader_who_guesses_at_the_target_rate_stays_where_they_are():
    rng = np.random.default_rng(4)
    ends = [next_exposure((rng.random(60) < TARGET).tolist()) for _ in range(400)]
    assert np.mean(ends) == pytest.approx(500, abs=15)


def test_the_likelihood_is_the_bernoulli_one_averaged_over_nothing():
    exposure, correct = np.array([400.0, 400.0, 300.0]), np.array([True, False, True])
    found = np.exp(log_likelihoods(exposure, correct))
    p400, p300 = (psychometric(value, 25, 1.0, 0.7) for value in (400, 300))  # the first threshold and shape
    assert found[0, 0] == pytest.approx(p400 * (1 - p400) * p300)


@pytest.mark.parametrize(("at", "slope", "ceiling"), [(200, 2, 0.98), (400, 1, 0.9), (700, 3, 0.85)])
def test_intervals_of_a_reader_cover_the_threshold(at, slope, ceiling):
    rng = np.random.default_rng(at)
    points = np.array([threshold(*map(np.array, read(rng, at, slope, ceiling, 150))) for _ in range(60)])
    covered = ((points[:, 0] <= at) & (at <= points[:, 2])).mean()
    assert covered >= 0.85
    assert np.exp(np.log(points[:, 1]).mean()) == pytest.approx(at, rel=0.35)


def test_readers_in_general_are_known_better_than_one():
    rng = np.random.default_rng(1)
    readings = [read(rng, 300 * np.exp(0.2 * rng.normal()), 2, 0.95, 120) for _ in range(15)]
    found = exposure_threshold(responses_of(readings))
    low, high = found["ci95"]
    assert low <= 300 <= high
    assert found["readers"] == 15
    assert found["by_reader"][3]["exposures_ms"] == readings[3][0]
    widths = [np.log(row["ci95"][1] / row["ci95"][0]) for row in found["by_reader"]]
    assert np.log(high / low) < np.median(widths)


def test_a_reader_who_never_tells_has_a_threshold_beyond_what_was_shown():
    rng = np.random.default_rng(2)
    reading = [], []
    for _ in range(200):
        reading[0].append(next_exposure(reading[1]))
        reading[1].append(bool(rng.random() < 0.5))
    _, median, high = threshold(*map(np.array, reading))
    assert median > 900
    assert high > LONGEST_MS


def test_one_reader_gives_no_interval_for_others_and_untimed_studies_no_threshold():
    rng = np.random.default_rng(3)
    found = analyse(responses_of([read(rng, 300, 2, 0.95, 60)]))
    assert found["exposure_threshold"]["ci95"] is None
    assert any("for a moment" in warning for warning in found["warnings"])
    untimed = Responses.from_labels(["a"], ["x"], [True], [True])
    assert analyse(untimed)["exposure_threshold"] is None
