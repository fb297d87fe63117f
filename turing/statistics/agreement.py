"""Agreement between readers, and of each reader with themselves.

References:
    Fleiss (1971), Measuring nominal scale agreement among many raters, Psychol Bull 76:378-382.
    Krippendorff (2019), Content analysis, 4th ed., Sage, chapter 12.
    Gwet (2008), Computing inter-rater reliability and its variance in the presence of high agreement, Br J Math Stat
        Psychol 61:29-48; unequal numbers of raters as in Gwet (2014), Handbook of inter-rater reliability, chapter 2.
    Cohen (1960), A coefficient of agreement for nominal scales, Educ Psychol Meas 20:37-46.
"""

from collections.abc import Callable
from typing import Any

import krippendorff
import numpy as np
from scipy import stats

from turing.statistics.intervals import NEGLIGIBLE, Spread
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses

JACKKNIFE_GROUPS, BOTH_GROUPS = 100, 10

Coefficient = Callable[[np.ndarray], float]


def fleiss_kappa(counts: np.ndarray) -> float:
    """Fleiss' kappa.

    Args:
        counts: (images, categories), how often each image got each answer. Images may have unequal numbers of readers.

    Returns:
        Kappa, at most 1; NaN if it is undefined.
    """
    return _chance_corrected(counts, lambda shares: float((shares**2).sum()))


def gwet_ac1(counts: np.ndarray) -> float:
    """Gwet's AC1.

    Args:
        counts: (images, categories), how often each image got each answer.

    Returns:
        AC1, at most 1; NaN if it is undefined.
    """
    return _chance_corrected(counts, lambda shares: float((shares * (1 - shares)).sum() / (len(shares) - 1)))


def krippendorff_alpha(counts: np.ndarray) -> float:
    """Krippendorff's alpha for nominal data.

    Args:
        counts: (images, categories), how often each image got each answer.

    Returns:
        Alpha, at most 1; NaN if it is undefined.
    """
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
    """Return (observed - expected) / (1 - expected).

    The share of a category is the mean over images of its share in each image.
    """
    total = counts.sum(1)
    rated, several = counts[total >= 1], counts[total >= 2]
    if len(several) == 0:
        return float("nan")
    n = several.sum(1)
    observed = float(((several * (several - 1)).sum(1) / (n * (n - 1))).mean())
    expected = chance((rated / rated.sum(1, keepdims=True)).mean(0))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def agreement(responses: Responses) -> dict[str, Any]:
    """Fleiss' kappa, Krippendorff's alpha and Gwet's AC1 between readers, each with a 95% interval.

    Intervals are Student's on a two-way jackknife variance. Leaving out groups of images gives the images' variance
    plus the residual one. Leaving out groups of readers gives the readers' variance plus the residual one. Leaving out
    both gives the residual variance alone.

    Returns:
        JSON values: each coefficient by its name, and the intervals under `ci95`. A coefficient is None if it is
            undefined.
    """
    counts = _table(responses)
    left_out = _leave_out(counts, responses)
    found: dict[str, Any] = {}
    intervals: dict[str, list[float] | None] = {}
    for name, coefficient in COEFFICIENTS.items():
        value = coefficient(counts)
        replicates = [np.array([coefficient(table) for table in tables]) for tables in left_out]
        found[name] = None if np.isnan(value) else value
        intervals[name] = _jackknife_interval(value, *replicates)
    return found | {"ci95": intervals}


def intra_reader(responses: Responses, repeats: Responses) -> dict[str, Any] | None:
    """Agreement of each repeated answer with the same reader's first answer to the image.

    Returns:
        JSON values: `pairs` (their number), `agreement` (the share of equal answers), `ci95` (its MRMC interval) and
            Cohen's `kappa`. None if no image was repeated.
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
    """Count the answers 'generated' and 'real' to each image: (images, 2)."""
    size = len(responses.image_names)
    key = responses.image * 2 + responses.judged_real
    return np.bincount(key, minlength=2 * size).reshape(size, 2).astype(float)


def _leave_out(counts: np.ndarray, responses: Responses) -> tuple[list[np.ndarray], ...]:
    """Tables of counts without each group of images, without each group of readers, and without one group of each.

    Groups are single images and readers if there are at most `JACKKNIFE_GROUPS` of them. The third set of tables uses
    fewer groups.
    """
    shown = counts.sum(1) > 0
    image = np.cumsum(shown) - 1  # number of an image among those shown
    reader = np.unique(responses.reader, return_inverse=True)[1]
    images, readers = int(shown.sum()), int(reader.max(initial=-1)) + 1

    def groups(most: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The rows that stay without each group of images, and the counts that stay without each group of readers."""
        rows = [shown & (image % min(images, most) != group) for group in range(min(images, most))]
        code = reader % max(1, min(readers, most))
        without = [counts - _table(responses.where(code == group)) for group in range(min(readers, most))]
        return rows, without

    rows, without = groups(JACKKNIFE_GROUPS)
    few_rows, few_without = groups(BOTH_GROUPS)
    return [counts[kept] for kept in rows], without, [table[kept] for kept in few_rows for table in few_without]


def _jackknife_interval(
    estimate: float, images: np.ndarray, readers: np.ndarray, both: np.ndarray
) -> list[float] | None:
    """The interval from leave-out values of the coefficient.

    The values are without each group of images (n,), without each group of readers (m,), and without one group of each,
    images first.
    """
    sizes = len(images), len(readers)
    few = [min(size, BOTH_GROUPS) for size in sizes]
    if min(sizes) < 2 or np.isnan(np.concatenate([[estimate], images, readers, both])).any():
        return None
    of_images, of_readers = ((len(v) - 1) / len(v) * ((v - v.mean()) ** 2).sum() for v in (images, readers))
    grid = both.reshape(few)
    # The interaction, as in a two-way table: subtract what each group changes by itself.
    left = grid - grid.mean(1, keepdims=True) - grid.mean(0, keepdims=True) + grid.mean()
    residual = min((few[0] - 1) * (few[1] - 1) / (few[0] * few[1]) * (left**2).sum(), of_images, of_readers)
    spread = Spread(of_readers - residual, of_images - residual, residual, sizes[1] - 1, sizes[0] - 1, least=0.0)
    if spread.variance <= NEGLIGIBLE:  # the answers are so alike that leaving some out changes nothing
        return None
    half = stats.t.ppf(0.975, spread.df) * np.sqrt(spread.safe_variance)
    return [float(max(-1, estimate - half)), float(min(1, estimate + half))]
