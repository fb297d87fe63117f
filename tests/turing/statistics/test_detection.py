"""Signal detection, ROC curves, calibration, learning and response times."""

import numpy as np
import pytest

from turing.statistics.auc import mrmc_auc
from turing.statistics.course import learning, reader_medians, response_times
from turing.statistics.detection import calibration, detection, dprime_criterion, roc_curves
from turing.statistics.responses import Responses


def simulated(seed=0, readers=12, images=60, dprime=1.0, criterion=0.3):
    rng = np.random.default_rng(seed)
    real = np.arange(images) % 2 == 0
    evidence = np.where(real, -dprime / 2, dprime / 2) + rng.normal(0, 1, (readers, images))
    position = np.argsort(rng.random((readers, images)), 1) + 1
    reader, image = (axis.ravel() for axis in np.indices(evidence.shape))
    distance = np.abs(evidence - criterion)
    return Responses.from_labels(
        reader,
        image,
        real[image],
        evidence.ravel() < criterion,
        confidence=1 + np.minimum(3, (2 * distance).astype(int)).ravel(),
        response_time=(3000 / (1 + distance)).astype(int).ravel(),
        position=position.ravel(),
    )


def test_dprime_and_criterion_are_those_of_the_worked_example():
    # Macmillan and Creelman (2005): hits 20 of 25, false alarms 10 of 25; log-linear as in Hautus (1995).
    dprime, criterion = dprime_criterion(20, 25, 10, 25)
    from statistics import NormalDist

    hit, false_alarm = (NormalDist().inv_cdf(value) for value in (20.5 / 26, 10.5 / 26))
    assert float(dprime) == pytest.approx(hit - false_alarm)
    assert float(criterion) == pytest.approx(-(hit + false_alarm) / 2)
    assert np.isfinite(dprime_criterion([25, 0], [25, 25], [0, 25], [25, 25])).all()


def test_the_readers_own_dprime_and_criterion_are_recovered():
    found = detection(simulated(readers=40, images=400))
    low, high = found["dprime"]["ci95"]
    assert low < 1.0 < high
    assert found["dprime"]["mean_reader"] == pytest.approx(1.0, abs=0.1)
    assert found["criterion"]["pooled"] == pytest.approx(0.3, abs=0.1)


def test_the_averaged_roc_curve_has_the_mean_area():
    rows = simulated()
    curves = roc_curves(rows)
    false, true = np.array(curves["average"]).T
    area = np.trapezoid(true, false)
    auc = mrmc_auc(rows.reader, rows.image, ~rows.is_real, rows.score)
    assert area == pytest.approx(auc.estimate, abs=2e-3)  # the grid has 101 points
    for curve in curves["readers"]:
        points = np.array(curve["points"])
        assert points[0].tolist() == [0, 0]
        assert points[-1].tolist() == [1, 1]
        assert (np.diff(points, axis=0) >= 0).all()


def test_confidence_goes_with_being_correct():
    rows = calibration(simulated(readers=30, images=200))
    assert [row["confidence"] for row in rows] == [1, 2, 3, 4]
    shares = [row["correct"] for row in rows]
    assert shares == sorted(shares)
    assert sum(row["responses"] for row in rows) == 6000


def test_learning_is_found_where_there_is_some_and_not_where_there_is_none():
    rows = simulated(readers=40, images=100, dprime=0)
    assert learning(rows)["slope_per_100_trials"]["p_value"] > 0.01
    rng = np.random.default_rng(1)
    correct = rng.random(len(rows)) < 0.4 + 0.4 * rows.position / 100
    learned = Responses(**{**rows.__dict__, "judged_real": correct == rows.is_real})
    slope = learning(learned)["slope_per_100_trials"]
    assert slope["estimate"] == pytest.approx(0.4, abs=0.1)
    assert slope["p_value"] < 1e-6
    blocks = learning(learned)["blocks"]
    assert (blocks[0]["from"], blocks[-1]["to"], len(blocks)) == (1, 100, 10)
    assert blocks[-1]["accuracy"] - blocks[0]["accuracy"] == pytest.approx(0.36, abs=0.1)


def test_medians_are_numpys_reader_by_reader_and_missing_times_are_left_out():
    rows = simulated()
    time = rows.response_time.copy()
    time[::7] = np.nan
    rows = Responses(**{**rows.__dict__, "response_time": time})
    expected = [np.nanmedian(time[rows.reader == reader]) for reader in range(12)]
    assert reader_medians(rows) == pytest.approx(expected)
    found = response_times(rows)
    assert found["median_ms"] == pytest.approx(np.nanmedian(time))
    assert found["correct_over_wrong"]["ci95"][0] < found["correct_over_wrong"]["estimate"]
    assert found["correct_over_wrong"]["estimate"] < 1  # far from the criterion is fast and correct


def test_without_times_positions_or_confidence_there_is_nothing_to_say():
    rows = simulated()
    nothing = np.full(len(rows), np.nan)
    bare = Responses(**{**rows.__dict__, "response_time": nothing, "position": nothing, "confidence": nothing})
    assert response_times(bare) is None
    assert learning(bare) is None
    assert calibration(bare) == []
