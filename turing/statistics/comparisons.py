"""Differences: between groups of readers or images, and of accuracy from chance.

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
    """TOST: is accuracy within 0.5 +- `margin` (0 to 0.5)? None where accuracy has no variance.

    Two one-sided t tests on the MRMC variance, not below the binomial one, with Satterthwaite's degrees of freedom.
    `p_value` is the larger of the two; `equivalent` where it is below `alpha`: with 0.05, that is where the 90% t
    interval lies inside the margins. Looks at results ask for less (see `looks`). A p-value above `alpha` is no
    evidence of a difference.
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
    """The share of wrong answers to real and generated images together (HYPE-infinity), 0.5 at chance.

    Zhou et al. show as many real as generated images, and bootstrap readers; the interval here is the MRMC one.
    """
    if accuracy.estimate is None:
        return None
    interval = [1 - accuracy.ci95[1], 1 - accuracy.ci95[0]] if accuracy.ci95 else None
    return {"estimate": 1 - accuracy.estimate, "ci95": interval}


def compare(responses: Responses, factor: str, labels: np.ndarray) -> tuple[list[dict[str, Any]], list[str]]:
    """All pairwise differences of the fooling rate between groups of responses, Holm-adjusted within the factor.

    `labels` (n,) put each response in a group; '' belongs to none. Readers and images that two groups share make
    the comparison paired. Rows of `factor`, `first`, `second`, their rates and readers, `difference`, `ci95`,
    `p_value`, `p_holm`; and warnings about groups that were left out.
    """
    generated = ~responses.is_real & (labels != "")
    rows, labels = responses.where(generated), labels[generated]
    if len(np.unique(labels)) < 2:
        return [], []  # nothing to compare with
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
    """Holm's adjusted p-values, in the order given."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted.tolist()
