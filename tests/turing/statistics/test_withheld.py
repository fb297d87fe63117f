"""Intervals as wide as their scale are left out, with a reason."""

import json
from dataclasses import replace

import numpy as np
import pytest

from turing.results.archive.recomputing import differences
from turing.results.counting import Flow
from turing.results.tables import agreement
from turing.statistics.analysis import analyse, analyse_in_full
from turing.statistics.responses import Responses
from turing.statistics.withheld import TOO_FEW, WHOLE_SCALES

FLOW = Flow(2, 0, 0, 0, 2, 8, {})


def few() -> Responses:
    """Three readers of six images who guess."""
    reader, image = (one.ravel() for one in np.indices((3, 6)))
    judged = np.random.default_rng(0).random(18) < 0.5
    return Responses.from_labels(reader, image, image % 2 == 0, judged, position=image + 1.0)


@pytest.fixture(scope="module")
def analysis():
    return analyse(few())


def intervals(value):
    if isinstance(value, dict):
        if isinstance(value.get("ci95"), list):
            yield value["ci95"]
        for inner in value.values():
            yield from intervals(inner)
    elif isinstance(value, list):
        if len(value) == 2 and all(isinstance(one, float) for one in value):
            yield value
        for inner in value:
            yield from intervals(inner)


def test_no_interval_is_as_wide_as_its_scale(analysis):
    assert any(one in WHOLE_SCALES for one in analyse_in_full(few())["agreement"]["ci95"].values())
    assert [one for one in intervals(analysis) if one in WHOLE_SCALES] == []
    assert f"agreement, fleiss_kappa: {TOO_FEW}" in analysis["warnings"]


def test_the_table_of_agreement_says_so(analysis):
    notes = {row["coefficient"]: row["note"] for row in agreement(analysis, FLOW)}
    assert notes["Fleiss' kappa"] == "too few readers or images to say how sure"


def test_a_slope_that_no_accuracy_can_have_is_left_out(analysis):
    wide = analyse_in_full(few())["learning"]["slope_per_100_trials"]
    assert max(map(abs, wide["ci95"])) > 1
    slope = analysis["learning"]["slope_per_100_trials"]
    assert (slope["ci95"], slope["p_value"]) == (None, None)
    assert any(warning.startswith("learning: too few readers or trials") for warning in analysis["warnings"])


def test_enough_readers_and_images_keep_their_intervals():
    rng = np.random.default_rng(4)
    reader, image = (one.ravel() for one in np.indices((20, 200)))
    order = np.concatenate([1.0 + rng.permutation(200) for _ in range(20)])
    rows = Responses.from_labels(reader, image, image % 2 == 0, rng.random(4000) < 0.5, position=order)
    assert analyse(rows) == analyse_in_full(rows)


def test_an_archive_of_before_that_has_such_intervals_still_verifies():
    rows = few()
    before = json.loads(json.dumps(analyse_in_full(rows)))
    assert differences(rows, 0.1, None, before)[0] == []
    assert differences(rows, 0.1, None, json.loads(json.dumps(analyse(rows))))[0] == []
    other = replace(rows, judged_real=~rows.judged_real)
    assert differences(other, 0.1, None, before)[0] != []
