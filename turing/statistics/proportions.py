"""Binomial intervals of a pooled proportion: 'naive' here, since answers of one reader or to one image go together."""

from scipy.stats import binomtest

Interval = tuple[float, float]


def naive_intervals(successes: int, trials: int, level: float = 0.95) -> dict[str, Interval | None]:
    """Wilson (1927) and Clopper-Pearson (1934) intervals; None without trials."""
    if trials == 0:
        return {"wilson": None, "clopper_pearson": None}
    test = binomtest(successes, trials)
    methods = {"wilson": "wilson", "clopper_pearson": "exact"}
    found = {name: test.proportion_ci(level, method) for name, method in methods.items()}
    return {name: (float(interval.low), float(interval.high)) for name, interval in found.items()}
