"""Compares readers who stopped early with readers who finished, and shows their effect on the headline.

References:
    Gallas, Pennello, Myers (2007), see `mrmc`.
    Little, Rubin (2019), Statistical analysis with missing data, 3rd ed, Wiley (why answers may be missing).
"""

from typing import Any

import numpy as np

from turing.statistics.intervals import NEGLIGIBLE, Estimate, Spread, difference_with_interval, score_interval
from turing.statistics.mrmc import codes, group_means, mrmc_rate
from turing.statistics.responses import Responses

# If the length of forms is unknown, the longest one counts as a full form if at least this many readers answered it.
LEAST_SHARE_WHOLE = 1 / 3
METHOD = "MRMC U-statistic variance (Gallas 2007) of a mean in which every reader weighs alike"


def dropout(tests: Responses) -> dict[str, Any]:
    """Readers who stopped before the end of the form, and the fooling rate with, without and among them.

    Args:
        tests: answers to test trials; `tests.form` is the number of test trials in each reader's form.

    Returns:
        JSON values. `finished` and `stopped`: numbers of readers. `answered_share`: the mean part of their forms that
            readers who stopped had answered. `fooling_rate`: for `finished` and `stopped`, each with estimate and ci95.
            `difference`: stopped minus finished, with MRMC interval and p-value. `sensitivity`: the headline from
            readers who `finished`, and with `readers_alike`, in which a reader who stopped early has the same weight as
            one who finished. `form`: whether the lengths of forms were `given` or `inferred` from the readers who
            answered most. What is not known is None, and `reason` says why.
    """
    found: dict[str, Any] = {
        "finished": None,
        "stopped": None,
        "form": None,
        "answered_share": None,
        "fooling_rate": {"finished": None, "stopped": None},
        "difference": None,
        "sensitivity": {"finished": None, "readers_alike": None},
        "reason": None,
    }
    generated = tests.where(~tests.is_real)
    if len(generated) == 0:
        return found | {"reason": "no answers to generated images"}
    alike = _json(reader_mean_rate(generated.reader, generated.image, generated.judged_real))
    found["sensitivity"]["readers_alike"] = alike
    answered = np.bincount(tests.reader)
    form, source = _forms(tests, answered)
    if form is None:
        return found | {"reason": "how many images each reader was to judge is not known"}
    here = answered > 0
    stops = here & (answered < form)
    found |= {"form": source, "stopped": int(stops.sum()), "finished": int((here & ~stops).sum())}
    if not stops.any():
        return found | {"reason": "every reader finished"}
    found["answered_share"] = float((answered[stops] / form[stops]).mean())
    stopped = stops[generated.reader]
    for name, mask in (("finished", ~stopped), ("stopped", stopped)):
        rows = generated.where(mask)
        found["fooling_rate"][name] = _json(mrmc_rate(rows.reader, rows.image, rows.judged_real))
    found["sensitivity"]["finished"] = found["fooling_rate"]["finished"]
    if stopped.all() or not stopped.any():
        return found | {"reason": "all readers who judged generated images stopped early, or none of them did"}
    means = group_means(generated.reader, generated.image, generated.judged_real, stopped.astype(int))
    units = [(counts > 0).sum(1).min() for counts in (means.reader_counts, means.image_counts)]
    if min(units) < 2 or np.isnan(means.covariance).any():
        return found | {"reason": "two readers who finished and two who stopped are needed to compare them"}
    test = difference_with_interval(means.mean[1] - means.mean[0], means.contrast([-1, 1]))
    if test is None:
        return found | {"reason": "the answers do not vary: their difference has no interval"}
    found["difference"] = {"estimate": test.estimate, "ci95": list(test.ci95), "p_value": test.p_value}
    return found


def _forms(tests: Responses, answered: np.ndarray) -> tuple[np.ndarray | None, str | None]:
    """The number of test trials in each reader's form (readers,), and whether it was given or inferred."""
    if not np.isnan(tests.form).any():
        form = np.zeros(len(answered))
        form[tests.reader] = tests.form
        return form, "given"
    here = answered[answered > 0]
    if (here == here.max()).mean() < LEAST_SHARE_WHOLE:
        return None, None
    return np.full(len(answered), here.max()), "inferred"


def _json(rate: Estimate) -> dict[str, Any]:
    return {"estimate": rate.estimate, "ci95": list(rate.ci95) if rate.ci95 else None}


def reader_mean_rate(reader: np.ndarray, image: np.ndarray, score: np.ndarray) -> Estimate:
    """The mean over readers of each reader's share of 1s, with its variance over readers and images.

    With weights w that give every reader 1 / R, the mean products M1 to M4 of `mrmc.group_means` are weighted by the
    products of two responses' weights. Each part of the variance is weighted by the sum of the weights over such pairs.
    If every reader answered the same number of images, this is `mrmc.mrmc_rate`.

    Args:
        reader, image: labels (n,). Each pair occurs at most once.
        score: (n,) 0 or 1.

    Returns:
        The estimate. It and its interval are None in the same cases as for `mrmc.mrmc_rate`.
    """
    if len(score) == 0:
        return Estimate(None, method=METHOD, warnings=("no responses",))
    r, i, y = codes(reader), codes(image), np.asarray(score, float)
    r, i = np.unique(r, return_inverse=True)[1], np.unique(i, return_inverse=True)[1]
    weight = 1 / (np.bincount(r)[r] * (r.max() + 1))
    estimate = float(weight @ y)
    off = y - estimate

    def sums(value: np.ndarray) -> np.ndarray:
        """Sums of products over pairs of answers.

        The pairs share nothing, exactly the reader, exactly the image, or are one answer.
        """
        own = float(value @ value)
        same_reader = float((np.bincount(r, value) ** 2).sum()) - own
        same_image = float((np.bincount(i, value) ** 2).sum()) - own
        return np.array([value.sum() ** 2 - same_reader - same_image - own, same_reader, same_image, own])

    weights = sums(weight)
    if min(r.max(), i.max()) < 1 or weights[0] <= NEGLIGIBLE:
        return Estimate(estimate, method=METHOD, warnings=("no two responses differ in both reader and image",))
    with np.errstate(invalid="ignore", divide="ignore"):
        m4, m2, m3, m1 = np.where(weights > NEGLIGIBLE, sums(weight * off) / weights, np.nan)
    m2, m3 = (m4 if np.isnan(one) else one for one in (m2, m3))
    of_readers, of_images = weights[1] + weights[3], weights[2] + weights[3]
    spread = Spread(
        readers=float(of_readers * (m2 - m4)),
        images=float(of_images * (m3 - m4)),
        residual=float(weights[3] * (m1 - m2 - m3 + m4)),
        df_readers=max(1.0, 1 / of_readers - 1),
        df_images=max(1.0, 1 / of_images - 1),
        least=float(weights[3] * estimate * (1 - estimate)),
    )
    if spread.is_empty:
        return Estimate(estimate, method=METHOD, warnings=("every response was the same",))
    return Estimate(estimate, spread.variance, spread.df, score_interval(estimate, spread), spread, METHOD)
