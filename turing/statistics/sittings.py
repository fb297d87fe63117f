"""The change of accuracy between two sittings of the same readers, with readers and images as samples.

References:
    Gallas, Pennello, Myers (2007), see `mrmc`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from turing.statistics.comparisons import compare
from turing.statistics.intervals import difference_with_interval
from turing.statistics.mrmc import group_means
from turing.statistics.responses import Responses

Right = Mapping[tuple[str, str], bool]  # for each reader and image, whether the answer was right
NOTHING: dict[str, Any] = {"accuracy": None, "difference": None, "ci95": None, "p_value": None}


def sitting_change(earlier: Right, later: Right) -> dict[str, Any]:
    """Accuracy in both sittings, and the difference, later minus earlier.

    If readers judged the same images twice, each pair of answers is one score, their difference. What is special to an
    image or a reader in both sittings then cancels. If the images differ, the two means are compared, and the
    comparison is paired by the readers who took part in both (`comparisons.compare`).

    Returns:
        JSON values; a difference that cannot be computed is None.
    """
    twice = sorted(earlier.keys() & later.keys())
    return _of_same_images(earlier, later, twice) if twice else _of_other_images(earlier, later)


def _of_same_images(earlier: Right, later: Right, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    reader, image = map(np.array, zip(*pairs, strict=True))
    before = np.array([earlier[one] for one in pairs], float)
    after = np.array([later[one] for one in pairs], float)
    # Scores lie between 0 and 1. The difference lies from -1 to 1, so its spread is twice that of the mean score.
    means = group_means(reader, image, (after - before + 1) / 2)
    difference = float(after.mean() - before.mean())
    enough = min(len(set(reader)), len(set(image))) >= 2 and not np.isnan(means.covariance).any()
    tested = difference_with_interval(difference, means.contrast([2])) if enough else None
    return {
        "accuracy": {"earlier": float(before.mean()), "later": float(after.mean())},
        "difference": difference,
        "ci95": list(tested.ci95) if tested else None,
        "p_value": tested.p_value if tested else None,
    }


def _of_other_images(earlier: Right, later: Right) -> dict[str, Any]:
    rows = [(sitting, *pair, right) for sitting, of in enumerate((earlier, later)) for pair, right in of.items()]
    if not rows:
        return NOTHING
    sitting, reader, image, right = map(np.array, zip(*rows, strict=True))
    # `compare` takes the share of 'judged real' among generated images. Here that stands for right answers among all.
    responses = Responses.from_labels(reader, image, np.zeros(len(right), bool), right)
    found, _ = compare(responses, "sitting", np.where(sitting == 0, "earlier", "later"))
    if not found:
        return NOTHING
    [row] = found
    return {
        "accuracy": dict(zip(("earlier", "later"), row["rates"], strict=True)),
        "difference": -row["difference"],
        "ci95": [-row["ci95"][1], -row["ci95"][0]] if row["ci95"] else None,
        "p_value": row["p_value"],
    }
