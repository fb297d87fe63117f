"""If nothing varies, there is no interval and no variance, and a warning says why."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from turing.statistics.analysis import analyse
from turing.statistics.intervals import Spread, score_interval
from turing.statistics.responses import Responses

READERS, IMAGES = 6, 24  # the first half of the images is real

Rule = Callable[[int, int, bool], bool]  # reader, image, is real: judged real?


def responses(
    rule: Rule, images: list[int] | None = None, diagnosis: Callable[[int], str] = lambda image: ""
) -> Responses:
    images = list(range(IMAGES)) if images is None else images
    rows = [(reader, image, image < IMAGES // 2) for reader in range(READERS) for image in images]
    return Responses.from_labels(
        np.array([f"r{reader}" for reader, _, _ in rows]),
        np.array([f"i{image:02d}" for _, image, _ in rows]),
        np.array([real for _, _, real in rows]),
        np.array([rule(*row) for row in rows]),
        diagnosis=np.array([diagnosis(image) for _, image, _ in rows]),
    )


def mixed(reader: int, image: int, real: bool) -> bool:
    return (reader * 7 + image * 5) % 3 > 0


def intervals(value: Any, place: str = "") -> Iterator[tuple[str, list[float]]]:
    """Every interval in an analysis, with its place."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "ci95" and isinstance(one, list):
                yield place, one
            yield from intervals(one, f"{place}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from intervals(one, place)


DEGENERATE: dict[str, Responses] = {
    "every answer real": responses(lambda reader, image, real: True),
    "every answer generated": responses(lambda reader, image, real: False),
    "every answer right": responses(lambda reader, image, real: real),
    "every answer wrong": responses(lambda reader, image, real: not real),
    "each reader one answer": responses(lambda reader, image, real: reader % 2 == 0),
    "each image one answer": responses(lambda reader, image, real: image % 2 == 0),
    "generated images one answer": responses(lambda reader, image, real: not real or mixed(reader, image, real)),
    "one generated image": responses(mixed, [*range(IMAGES // 2), IMAGES - 1]),
    "one real image": responses(mixed, [0, *range(IMAGES // 2, IMAGES)]),
    "one of two diagnoses alike": responses(
        lambda reader, image, real: image % 2 == 0 or mixed(reader, image, real), None, lambda image: "ab"[image % 2]
    ),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_no_interval_is_without_width(name):
    analysis = analyse(DEGENERATE[name])
    assert [(place, one) for place, one in intervals(analysis) if one[1] - one[0] < 1e-6] == []


@pytest.mark.parametrize("name", ["every answer real", "every answer generated", "every answer right"])
def test_what_has_no_variance_is_null_with_a_reason(name):
    analysis = analyse(DEGENERATE[name])
    for key in ("fooling_rate", "real_judged_real", "accuracy", "auc"):
        assert (analysis[key]["ci95"], analysis[key]["variance"]) == (None, None)
        assert any(warning.startswith(f"{key}: ") and "no information" in warning for warning in analysis["warnings"])
    assert analysis["equivalence"] is None
    assert analysis["hype_infinity"]["ci95"] is None


def test_readers_who_each_give_one_answer_have_no_area_with_an_interval():
    analysis = analyse(DEGENERATE["each reader one answer"])
    assert analysis["auc"]["estimate"] == 0.5
    assert (analysis["auc"]["ci95"], analysis["auc"]["variance"]) == (None, None)
    assert any("auc: no reader's answers rank the images" in warning for warning in analysis["warnings"])


@pytest.mark.parametrize("truth", ["generated", "real"])
def test_one_image_of_a_truth_is_named_as_the_reason(truth):
    analysis = analyse(DEGENERATE[f"one {truth} image"])
    assert analysis["accuracy"]["ci95"] is None
    wanted = f"accuracy: the responses to {truth} images come from one image only: no interval over readers and images"
    assert wanted in analysis["warnings"]
    assert not any("differ in both" in warning for warning in analysis["warnings"])


def test_a_stratum_without_variance_is_named_where_the_other_has_one():
    analysis = analyse(DEGENERATE["generated images one answer"])
    assert analysis["accuracy"]["ci95"] is not None
    assert any("accuracy: every response to generated images was the same" in one for one in analysis["warnings"])


def test_only_the_diagnosis_that_varies_has_intervals():
    found = analyse(DEGENERATE["one of two diagnoses alike"])["by_diagnosis"]
    assert found["a"]["accuracy"]["ci95"] is None
    assert found["a"]["auc"]["ci95"] is None
    assert found["b"]["accuracy"]["ci95"] is not None


@pytest.mark.parametrize("rounding", [0.0, 1e-17, -1e-17])
def test_rounding_makes_no_interval_without_width_where_the_parts_cancel(rounding):
    spread = Spread(readers=0.002 + rounding, images=-0.001, residual=-0.002, df_readers=5, df_images=9, least=0.01)
    low, high = score_interval(0.5, spread)
    assert high - low == pytest.approx(0.408, abs=1e-3)  # of the independent answers alone
    assert spread.df < 100
