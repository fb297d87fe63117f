"""The result type of all parts of the audit, and the test of one trace against the truth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = (
    1e-4  # level of the test of one trace; it is low because an audit makes many tests, and a false alarm stops a study
)
SMALL = 20  # the test is exact up to this many stimuli of one truth


class Verdict(StrEnum):
    """The outcome of a check. A leak makes a study worthless. A warning is about the pixels themselves."""

    PASSED = "passed"
    WARNING = "warning"
    LEAK = "leak"


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    verdict: Verdict
    detail: str
    auc: float | None = None  # AUC of the trace as evidence for 'generated', if it is a number

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict.value}


def verdict_of(leaks: Sequence[str], name: str, passed: str) -> Check:
    """A leak that names the first finding, or a pass."""
    if not leaks:
        return Check(name, Verdict.PASSED, passed)
    more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
    return Check(name, Verdict.LEAK, f"{leaks[0]}{more}")


def trace_check(
    name: str, values: ArrayLike, generated: ArrayLike, what: str, found: Verdict = Verdict.LEAK, level: float = LEVEL
) -> Check:
    """Check whether a number of each stimulus goes with the truth, by the AUC and the Mann-Whitney test.

    Args:
        values: (n,) the number of each stimulus.
        generated: (n,) bool, its truth.
        found: the verdict if the test rejects at `level`.
    """
    values, generated = np.asarray(values, float), np.asarray(generated, bool)
    if len(np.unique(values)) < 2 or generated.all() or not generated.any():
        return Check(name, Verdict.PASSED, f"{what}: the same for all")
    tied = len(np.unique(values)) < len(values)
    is_small = min(generated.sum(), (~generated).sum()) <= SMALL
    method = "exact" if is_small and not tied else "asymptotic"
    test = stats.mannwhitneyu(values[generated], values[~generated], method=method)
    auc = float(test.statistic / (generated.sum() * (~generated).sum()))
    told = f"{what}: AUC {auc:.3f}, p = {test.pvalue:.2g}"
    return Check(name, found if test.pvalue < level else Verdict.PASSED, told, auc)
