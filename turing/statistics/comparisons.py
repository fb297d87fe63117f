"""Differences between groups of readers or images, and between accuracy and chance.

References:
    Gallas, Pennello, Myers (2007), see `mrmc`; the covariance of two groups' means makes the comparison paired.
    Holm (1979), A simple sequentially rejective multiple test procedure, Scand J Stat 6:65-70.
    Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach for assessing the
        equivalence of average bioavailability, J Pharmacokinet Biopharm 15:657-680.
    Zhou et al. (2019), HYPE: a benchmark for human eye perceptual evaluation of generative models, NeurIPS.
"""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from turing.statistics.intervals import Estimate, difference_with_interval
from turing.statistics.mrmc import group_means
from turing.statistics.responses import Responses

MOST_GROUPS = 12
ALPHA = 0.05  # of each one-sided test of equivalence


def equivalence(accuracy: Estimate, margin: float, alpha: float = ALPHA) -> dict[str, Any] | None:
    """Test whether accuracy lies within 0.5 +- `margin`, by two one-sided t tests (TOST).

    The tests use the MRMC variance, but not less than the binomial one, and Satterthwaite's degrees of freedom.

    Args:
        margin: from 0 to 0.5.
        alpha: the level of each one-sided test. With 0.05, equivalence is shown if the 90% t interval lies inside the
            margins. Analyses at looks use a smaller level (see `looks`).

    Returns:
        JSON values: `margin`, `p_value` (the larger of the two p-values) and `equivalent` (whether it is below
            `alpha`). None if accuracy has no variance. A p-value above `alpha` is not evidence of a difference.
    """
    spread = accuracy.spread
    if accuracy.estimate is None or spread is None:
        return None
    error = np.sqrt(spread.safe_variance)
    distance = accuracy.estimate - 0.5
    below = stats.t.sf((distance + margin) / error, spread.df)
    above = stats.t.cdf((distance - margin) / error, spread.df)
    p_value = max(below, above)
    return {"margin": margin, "p_value": float(p_value), "equivalent": bool(p_value < alpha)}


def hype_infinity(accuracy: Estimate) -> dict[str, Any] | None:
    """HYPE-infinity: the share of wrong answers to real and generated images together, 0.5 at chance.

    Zhou et al. (2019) show equal numbers of real and generated images and bootstrap readers. Here the interval is the
    MRMC interval.
    """
    if accuracy.estimate is None:
        return None
    interval = [1 - accuracy.ci95[1], 1 - accuracy.ci95[0]] if accuracy.ci95 else None
    return {"estimate": 1 - accuracy.estimate, "ci95": interval}


def compare(responses: Responses, factor: str, labels: np.ndarray) -> tuple[list[dict[str, Any]], list[str]]:
    """All pairwise differences in fooling rate between groups of responses, Holm-adjusted within the factor.

    A comparison is paired if two groups share readers or images.

    Args:
        labels: (n,) the group of each response; '' for none.

    Returns:
        Rows with `factor`, `first`, `second`, their rates and numbers of readers, `difference`, `ci95`, `p_value` and
            `p_holm`; and warnings about groups that were left out.
    """
    generated = ~responses.is_real & (labels != "")
    rows, labels = responses.where(generated), labels[generated]
    if len(np.unique(labels)) < 2:
        return [], []  # one group has nothing to be compared with
    kept: list[str] = []
    warnings: list[str] = []
    for name in np.unique(labels):
        mask = labels == name
        if min(len(np.unique(codes[mask])) for codes in (rows.reader, rows.image)) >= 2:
            kept.append(str(name))
        else:
            warnings.append(f"{factor} {name}: fewer than two readers or images, not compared")
    if len(kept) > MOST_GROUPS:
        warnings.append(f"{factor}: more than {MOST_GROUPS} groups, not compared")
        kept = []
    if len(kept) < 2:
        return [], warnings
    mask = np.isin(labels, kept)
    rows, group = rows.where(mask), np.searchsorted(kept, labels[mask])
    means = group_means(rows.reader, rows.image, rows.judged_real, group)
    found: list[dict[str, Any]] = []
    for a, b in combinations(range(len(kept)), 2):
        pair = means.pair(a, b)
        difference = float(means.mean[a] - means.mean[b])
        defined = not np.isnan(pair.covariance).any()
        tested = difference_with_interval(difference, pair.contrast([1, -1])) if defined else None
        if tested is None:
            warnings.append(f"{factor}, {kept[a]} against {kept[b]}: no variance can be computed")
        found.append(
            {
                "factor": factor,
                "first": kept[a],
                "second": kept[b],
                "rates": [float(means.mean[a]), float(means.mean[b])],
                "readers": [int((means.reader_counts[one] > 0).sum()) for one in (a, b)],
                "difference": difference,
                "ci95": list(tested.ci95) if tested else None,
                "p_value": tested.p_value if tested else None,
            }
        )
    adjusted = holm([row["p_value"] for row in found if row["p_value"] is not None])
    for row in found:
        row["p_holm"] = float(adjusted.pop(0)) if row["p_value"] is not None else None
    return found, warnings


def holm(p_values: ArrayLike) -> list[float]:
    """Holm's adjusted p-values, in the order of the given p-values."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted.tolist()
