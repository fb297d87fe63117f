"""The result type of all parts of the audit, and the test of one trace against the truth."""

import math
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
    too_few: bool = False  # whether there are too few images for this test to find anything

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict.value}


def verdict_of(leaks: Sequence[str], name: str, passed: str) -> Check:
    """A leak that names the first finding, or a pass."""
    if not leaks:
        return Check(name, Verdict.PASSED, passed)
    more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
    return Check(name, Verdict.LEAK, f"{leaks[0]}{more}")


def p_with_limit(p_value: float) -> str:
    """A p-value, and the limit below which it counts as a finding."""
    return f"p = {p_value:.2g} (limit {LEVEL:g})"


def in_words(checks: Sequence[Check]) -> str:
    """What the checks say together, and what a pass does not say."""
    verdicts = [check.verdict for check in checks]
    counts = len(checks), verdicts.count(Verdict.LEAK), verdicts.count(Verdict.WARNING)
    every, leaks, warnings = (
        f"{count} {noun}{'' if count == 1 else 's'}"
        for count, noun in zip(counts, ("check", "leak", "warning"), strict=True)
    )
    return (
        f"{every}: {leaks}, {warnings}. A test passes unless its p is below {LEVEL:g}. The limit is low because an "
        "audit makes many tests, and a false alarm would stop a study. So a weak trace can pass. Look at those whose "
        "AUC is far from 0.5."
    ) + (
        f" In {blind} of these tests no trace could reach the limit, because there are so few images."
        if (blind := sum(check.too_few for check in checks))
        else ""
    )


def trace_check(name: str, values: ArrayLike, generated: ArrayLike, what: str, found: Verdict = Verdict.LEAK) -> Check:
    """Check whether a number of each stimulus goes with the truth, by the AUC and the Mann-Whitney test.

    Args:
        values: (n,) the number of each stimulus.
        generated: (n,) bool, its truth.
        found: the verdict if the test rejects at `LEVEL`.
    """
    values, generated = np.asarray(values, float), np.asarray(generated, bool)
    if len(np.unique(values)) < 2 or generated.all() or not generated.any():
        return Check(name, Verdict.PASSED, f"{what}: the same for all")
    tied = len(np.unique(values)) < len(values)
    is_small = min(generated.sum(), (~generated).sum()) <= SMALL
    method = "exact" if is_small and not tied else "asymptotic"
    test = stats.mannwhitneyu(values[generated], values[~generated], method=method)
    auc = float(test.statistic / (generated.sum() * (~generated).sum()))
    told = f"{what}: AUC {auc:.3f}, {p_with_limit(test.pvalue)}"
    too_few = 2 / math.comb(len(generated), int(generated.sum())) >= LEVEL
    return Check(name, found if test.pvalue < LEVEL else Verdict.PASSED, told, auc, too_few)
