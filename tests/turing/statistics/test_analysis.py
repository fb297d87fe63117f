"""The whole analysis has its keys and no NaN, and gives null with a reason for what cannot be known."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turing.statistics.test_detection import simulated
from turing.statistics.analysis import analyse
from turing.statistics.responses import Responses

KEYS = {
    "counts", "fooling_rate", "real_judged_real", "accuracy", "variance_components", "auc", "dprime", "criterion",
    "agreement", "equivalence", "hype_infinity", "by_diagnosis", "by_reader", "by_image", "warnings",
}  # fmt: skip


def bare(reader, image, is_real, judged_real):
    return Responses.from_labels(reader, image, np.array(is_real, bool), np.array(judged_real, bool))


def test_it_has_every_key_of_the_contract_and_counts_right():
    rows = simulated()
    found = analyse(rows)
    assert set(found) >= KEYS
    assert found["warnings"] == []
    judged_real = rows.judged_real[~rows.is_real]
    assert found["counts"]["generated_judged_real"] == judged_real.sum()
    assert found["fooling_rate"]["estimate"] == judged_real.mean()
    assert found["by_diagnosis"][""]["auc"] == found["auc"]
    reader = found["by_reader"][3]
    own = rows.where(rows.reader == 3)
    assert reader["accuracy"] == own.correct.mean()
    assert reader["fooling_rate"] == own.judged_real[~own.is_real].mean()
    assert np.mean([row["auc"] for row in found["by_reader"]]) == pytest.approx(found["auc"]["estimate"])
    assert np.mean([row["dprime"] for row in found["by_reader"]]) == pytest.approx(found["dprime"]["mean_reader"])


HARD = {
    "empty": bare([], [], [], []),
    "one response": bare([1], [1], [0], [1]),
    "one reader": bare([1] * 6, range(6), [0, 1] * 3, [1, 1, 0, 1, 0, 0]),
    "one image": bare(range(6), [1] * 6, [0] * 6, [1, 1, 0, 1, 0, 0]),
    "real images only": bare([1, 1, 2, 2], [1, 2, 1, 2], [1] * 4, [1, 0, 1, 1]),
    "all alike": bare([1, 1, 2, 2], [1, 2, 1, 2], [0, 1, 0, 1], [1] * 4),
    "perfect separation": bare([1, 1, 2, 2], [1, 2, 1, 2], [0, 1, 0, 1], [0, 1, 0, 1]),
    "every reader another image": bare(range(8), range(8), [0, 1] * 4, [1, 0, 0, 1, 1, 1, 0, 0]),
    "split plot": bare([1, 1, 2, 2, 3, 3, 4, 4], [1, 2, 1, 2, 3, 4, 3, 4], [0, 1] * 4, [1, 1, 0, 1, 0, 1, 1, 0]),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_cases_are_null_with_a_reason_and_never_nan(name):
    found = analyse(HARD[name])
    json.dumps(found, allow_nan=False)
    unknown = [key for key in ("fooling_rate", "accuracy") if found[key]["ci95"] is None]
    for key in unknown:
        assert any(warning.startswith(key) for warning in found["warnings"]), key
    if found["auc"] is None:
        assert any(warning.startswith("auc") for warning in found["warnings"])
    if found["equivalence"] is None:
        assert any(warning.startswith("equivalence") for warning in found["warnings"])


def intervals_in(value):
    """Every `ci95` in a part of the analysis, except those of d', criterion, slopes and ratios."""
    if isinstance(value, dict):
        if isinstance(value.get("ci95"), list):
            yield value["ci95"]
        for key, part in value.items():
            if key not in ("dprime", "criterion", "slope_per_100_trials", "correct_over_wrong"):
                yield from intervals_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from intervals_in(part)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 6), st.sampled_from([0.2, 0.6, 1.0]), st.booleans())
def test_any_small_study_gives_figures_within_bounds_or_null(seed, readers, images, kept_share, complete):
    rng = np.random.default_rng(seed)
    kept = rng.random((readers, images)) < kept_share
    reader, image = np.nonzero(kept)
    n = len(reader)

    def some(values):
        return values if complete else np.where(rng.random(n) < 0.5, np.nan, values)

    rows = Responses.from_labels(
        reader, image, (rng.random(images) < 0.5)[image], rng.random(n) < rng.choice([0, 0.5, 1]),
        diagnosis=np.array(["a", "b"])[image % 2],
        confidence=some(rng.integers(1, 5, n).astype(float)),
        response_time=some(rng.integers(0, 5000, n).astype(float)),
        position=some(rng.integers(1, 20, n).astype(float)),
        is_repeat=rng.random(n) < 0.1,
        factors={"specialty": np.array(["x", "y", ""])[reader % 3]},
    )  # fmt: skip
    found = analyse(rows)
    json.dumps(found, allow_nan=False)
    for low, high in intervals_in(found):
        assert -1 <= low <= high <= 1


def test_repeats_stay_out_of_every_rate():
    rows = simulated()
    doubled = Responses.from_labels(
        *(np.tile(column, 2) for column in (rows.reader, rows.image, rows.is_real)),
        np.concatenate([rows.judged_real, ~rows.judged_real]),
        is_repeat=np.repeat([False, True], len(rows)),
    )
    found = analyse(doubled)
    assert found["counts"]["responses"] == len(rows)
    assert found["intra_reader"]["agreement"] == 0


def test_the_margin_is_the_one_given():
    rows = simulated(dprime=0.2)
    assert analyse(rows, margin=0.2)["equivalence"]["margin"] == 0.2
    assert analyse(rows, margin=0.2)["equivalence"]["p_value"] < analyse(rows, margin=0.1)["equivalence"]["p_value"]
