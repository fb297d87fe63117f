"""Do readers agree with one another, and with themselves?

References:
    Fleiss (1971), Measuring nominal scale agreement among many raters, Psychol Bull 76:378-382.
    Krippendorff (2019), Content analysis, 4th ed., Sage, chapter 12.
    Gwet (2008), Computing inter-rater reliability and its variance in the presence of high agreement, Br J Math Stat
        Psychol 61:29-48; unequal numbers of raters as in Gwet (2014), Handbook of inter-rater reliability, chapter 2.
    Cohen (1960), A coefficient of agreement for nominal scales, Educ Psychol Meas 20:37-46.
"""

from collections.abc import Callable, Iterator
from typing import Any

import krippendorff
import numpy as np
from scipy import stats

from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses

JACKKNIFE_GROUPS = 100

Coefficient = Callable[[np.ndarray], float]


def fleiss_kappa(counts: np.ndarray) -> float:
    """Fleiss' kappa of counts (images, categories); NaN where undefined. Images may have unequal numbers of readers."""
    return _chance_corrected(counts, lambda shares: float((shares**2).sum()))


def gwet_ac1(counts: np.ndarray) -> float:
    """Gwet's AC1 of counts (images, categories); NaN where undefined."""
    return _chance_corrected(counts, lambda shares: float((shares * (1 - shares)).sum() / (len(shares) - 1)))


def krippendorff_alpha(counts: np.ndarray) -> float:
    """Krippendorff's alpha for nominal data of counts (images, categories); NaN where undefined."""
    rated = counts[counts.sum(1) >= 2]
    if len(rated) == 0 or (rated.sum(0) > 0).sum() < 2:
        return float("nan")
    return float(krippendorff.alpha(value_counts=rated, level_of_measurement="nominal"))


COEFFICIENTS: dict[str, Coefficient] = {
    "fleiss_kappa": fleiss_kappa,
    "krippendorff_alpha": krippendorff_alpha,
    "gwet_ac1": gwet_ac1,
}


def _chance_corrected(counts: np.ndarray, chance: Callable[[np.ndarray], float]) -> float:
    """(observed - expected) / (1 - expected); shares of categories are means over images of each image's shares."""
    total = counts.sum(1)
    rated, several = counts[total >= 1], counts[total >= 2]
    if len(several) == 0:
        return float("nan")
    n = several.sum(1)
    observed = float(((several * (several - 1)).sum(1) / (n * (n - 1))).mean())
    expected = chance((rated / rated.sum(1, keepdims=True)).mean(0))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def agreement(responses: Responses) -> dict[str, Any]:
    """The three coefficients between readers (None where undefined), and `ci95` for each.

    Intervals are Student's from a jackknife that leaves out groups of images, and one that leaves out groups of
    readers; the two variances are added, which counts their interaction twice and so is on the safe side.
    """
    counts = _table(responses)
    whole = {name: coefficient(counts) for name, coefficient in COEFFICIENTS.items()}
    replicates = [list(found) for found in (_without_images(counts), _without_readers(counts, responses))]
    intervals = {}
    for name, coefficient in COEFFICIENTS.items():
        values = [np.array([coefficient(table) for table in tables]) for tables in replicates]
        intervals[name] = _jackknife_interval(whole[name], values)
    return {name: None if np.isnan(value) else value for name, value in whole.items()} | {"ci95": intervals}


def intra_reader(responses: Responses, repeats: Responses) -> dict[str, Any] | None:
    """Each repeated answer against the reader's first to the same image; None where nothing was repeated.

    `pairs`, `agreement` (share of equal answers), `ci95` (MRMC) and Cohen's `kappa`.
    """
    size = max(len(responses.image_names), 1)
    key, again = (part.reader * np.int64(size) + part.image for part in (responses, repeats))
    again, first_repeat = np.unique(again, return_index=True)
    order = np.argsort(key)
    place = np.searchsorted(key[order], again)
    found = np.isin(again, key)
    if not found.any():
        return None
    before = responses.judged_real[order[place[found]]]
    rows = repeats.where(first_repeat[found])
    equal = before == rows.judged_real
    rate = mrmc_rate(rows.reader, rows.image, equal)
    shares = np.array([before.mean(), rows.judged_real.mean()])
    chance = float(shares.prod() + (1 - shares).prod())
    return {
        "pairs": len(equal),
        "agreement": rate.estimate,
        "ci95": list(rate.ci95) if rate.ci95 else None,
        "kappa": (float(equal.mean()) - chance) / (1 - chance) if chance < 1 else None,
    }


def _table(responses: Responses) -> np.ndarray:
    """(images, 2) counts of 'generated' and 'real'."""
    size = len(responses.image_names)
    key = responses.image * 2 + responses.judged_real
    return np.bincount(key, minlength=2 * size).reshape(size, 2).astype(float)


def _without_images(counts: np.ndarray) -> Iterator[np.ndarray]:
    shown = counts[counts.sum(1) > 0]
    groups = np.arange(len(shown)) % JACKKNIFE_GROUPS
    for group in range(min(len(shown), JACKKNIFE_GROUPS)):
        yield shown[groups != group]


def _without_readers(counts: np.ndarray, responses: Responses) -> Iterator[np.ndarray]:
    readers = np.unique(responses.reader, return_inverse=True)[1]
    if len(readers) == 0:
        return
    groups = readers % JACKKNIFE_GROUPS
    for group in range(min(int(readers.max()) + 1, JACKKNIFE_GROUPS)):
        yield counts - _table(responses.where(groups == group))


def _jackknife_interval(estimate: float, replicates: list[np.ndarray]) -> list[float] | None:
    sizes = [len(values) for values in replicates]
    if min(sizes) < 2 or np.isnan(np.concatenate([[estimate], *replicates])).any():
        return None
    variance = sum((len(v) - 1) / len(v) * ((v - v.mean()) ** 2).sum() for v in replicates)
    half = stats.t.ppf(0.975, min(sizes) - 1) * np.sqrt(variance)
    return [float(max(-1, estimate - half)), float(min(1, estimate + half))]
