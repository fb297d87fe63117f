"""A signal detection model with crossed random effects of readers and images, which supports the headline.

References:
    DeCarlo (1998), Signal detection theory and generalized linear models, Psychol Methods 3:186-205.
    Rouder, Lu (2005), An introduction to Bayesian hierarchical models with an application in the theory of signal
        detection, Psychon Bull Rev 12:573-604 (readers and items both random).
    Goldstein, Spiegelhalter (1996), League tables and their limitations, J R Stat Soc A 159:385-443 (ranks).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse, stats

from turing.statistics.errors import NotFitted
from turing.statistics.intervals import LEVEL
from turing.statistics.laplace import Fit, Probit
from turing.statistics.responses import Responses

LEAST_READERS, LEAST_IMAGES = 5, 10  # images of each truth
MOST_UNKNOWNS = 600  # coefficients; the time grows with their cube
MOST_EFFECT = 6.0  # in units of the noise; the answers do not bound a larger one
DRAWS = 1000  # for the ranks of images
METHOD = (
    "probit signal detection model with crossed random effects of readers (sensitivity, criterion) and images; Laplace "
    "approximation, restricted likelihood"
)
EMPTY = dict.fromkeys(
    (
        "sensitivity",
        "criterion",
        "sd",
        "fooling_rate",
        "by_diagnosis",
        "by_generator",
        "by_reader",
        "by_image",
        "reason",
    )
)


@dataclass(frozen=True)
class Fixed:
    """The fixed part of the model.

    It holds the columns (n, p) for each response, and the names of the diagnoses and generators that have columns.
    """

    columns: np.ndarray
    diagnoses: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()


def reader_image_model(tests: Responses) -> dict[str, Any]:
    """Fit the model, and give its figures.

    A response is 'generated' with probability Phi(x d - c + u). Here x is 1/2 for a generated and -1/2 for a real
    image. The reader's sensitivity d and criterion c are normal over readers. The image's own evidence u is normal over
    images. Diagnoses shift d and c if each has both real and generated images. Generators shift u of their images.

    Args:
        tests: answers to test trials. `tests.factors["run"]` holds the generators' names.

    Returns:
        JSON values; all are None if the model cannot be fitted, and `reason` says why. `sensitivity` and `criterion`:
            means over readers, averaged over diagnoses. `by_diagnosis` and `by_generator`: sensitivities. Each is
            {estimate, ci95} in units of the noise within one reader and image, so that it lies further from zero than
            d' of pooled answers. `sd`: of sensitivity, criterion and image. `fooling_rate`: the rate over readers and
            images that the model implies. `by_reader`: estimates shrunk towards the readers' mean. `by_image`: shrunk
            shares of 'real' over readers; each generated image also has a `rank` (1 is the most convincing) with its
            95% interval `rank95`.
    """
    nothing = {"method": METHOD} | EMPTY
    if reason := _why_not(tests):
        return nothing | {"reason": reason}
    fixed = _fixed(tests)
    _, reader = np.unique(tests.reader, return_inverse=True)
    _, first, image = np.unique(tests.image, return_index=True, return_inverse=True)
    readers, images = int(reader.max()) + 1, len(first)
    count = fixed.columns.shape[1]
    if count + 2 * readers + images > MOST_UNKNOWNS:
        return nothing | {"reason": f"more than {MOST_UNKNOWNS:,} unknowns: too large a study for this model"}
    everywhere = np.tile(
        np.arange(count), len(tests)
    )  # zeros are stored too, so that each row has the same number of entries
    starts = np.arange(len(tests) + 1) * count
    design = sparse.hstack(
        [
            sparse.csr_matrix((fixed.columns.ravel(), everywhere, starts), shape=fixed.columns.shape),
            _units(reader, readers, _side(tests)),
            _units(reader, readers, -np.ones(len(tests))),
            _units(image, images, np.ones(len(tests))),
        ]
    ).tocsr()
    try:
        fit = Probit(design, ~tests.judged_real, count, [readers, readers, images]).fit()
        _check(fit, count)
    except NotFitted as error:
        return nothing | {"reason": str(error)}
    except (np.linalg.LinAlgError, FloatingPointError, ValueError):
        return nothing | {"reason": "the model's equations could not be solved for these answers"}
    df = min(readers, images) - 1
    found = nothing | _means(fit, fixed, tests, df)
    found["by_reader"] = _by_reader(fit, tests, count, readers)
    found["by_image"] = _by_image(fit, fixed.columns[first], tests.where(first), count + 2 * readers)
    return found


def _check(fit: Fit, count: int) -> None:
    """Raise `NotFitted` if a fixed effect grows without limit, as it does if answers separate the truths."""
    error = np.sqrt(np.diag(fit.covariance)[:count])
    if not (np.isfinite(fit.coefficients).all() and np.isfinite(fit.covariance).all()):
        raise NotFitted("the model does not settle on these answers")
    if (np.abs(fit.coefficients[:count]) > MOST_EFFECT).any() or (error > MOST_EFFECT / 2).any():
        raise NotFitted("nearly every answer to one kind of image is the same: no limit to the sensitivity can be seen")


def _why_not(tests: Responses) -> str | None:
    readers = len(np.unique(tests.reader))
    of_truth = [len(np.unique(tests.image[tests.is_real == truth])) for truth in (True, False)]
    if readers < LEAST_READERS or min(of_truth) < LEAST_IMAGES:
        return f"{LEAST_READERS} readers and {LEAST_IMAGES} images of each truth are needed for this model"
    if len(np.unique(tests.judged_real)) < 2:
        return "every answer was the same"
    return None


def _side(tests: Responses) -> np.ndarray:
    return np.where(tests.is_real, -0.5, 0.5)


def _units(code: np.ndarray, units: int, value: np.ndarray) -> sparse.csr_matrix:
    return sparse.csr_matrix((value, (np.arange(len(code)), code)), shape=(len(code), units))


def _fixed(tests: Responses) -> Fixed:
    """Columns for sensitivity and criterion, then for the changes by diagnoses and generators, which add up to 0."""
    side = _side(tests)
    columns = [side, -np.ones(len(tests))]
    diagnoses: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()
    present = np.unique(tests.diagnosis)
    cells = len(np.unique(np.column_stack([tests.diagnosis, tests.is_real]), axis=0))
    if len(present) > 1 and cells == 2 * len(present):
        deviations = _deviations(np.searchsorted(present, tests.diagnosis), len(present))
        columns += [*(deviations * side[:, None]).T, *(-deviations).T]
        diagnoses = tuple(tests.diagnosis_names[code] for code in present)
    names = np.asarray(tests.factors.get("run", np.full(len(tests), ""))).astype(str)
    made = np.unique(names[~tests.is_real])
    if len(made) > 1 and "" not in made:
        code = np.searchsorted(made, np.where(tests.is_real, made[0], names))
        of_generator = _deviations(code, len(made)) * ~tests.is_real[:, None]
        whole = np.column_stack([*columns, of_generator])
        if np.linalg.matrix_rank(whole) == whole.shape[1]:  # not possible if each diagnosis has its own generator
            columns, generators = list(whole.T), tuple(made.tolist())
    return Fixed(np.column_stack(columns), diagnoses, generators)


def _deviations(code: np.ndarray, levels: int) -> np.ndarray:
    """Coding (n, levels - 1) with 1 in a level's own column and -1 everywhere for the last level."""
    return np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])[code]


def _means(fit: Fit, fixed: Fixed, tests: Responses, df: int) -> dict[str, Any]:
    p, kinds, makers = fixed.columns.shape[1], len(fixed.diagnoses), len(fixed.generators)
    beta, covariance = fit.coefficients[:p], fit.covariance[:p, :p]
    reach = stats.t.ppf((1 + LEVEL) / 2, df)

    def estimate(row: np.ndarray) -> dict[str, Any]:
        value, half = float(row @ beta), float(reach * np.sqrt(row @ covariance @ row))
        return {"estimate": value, "ci95": [value - half, value + half]}

    def unit(index: int) -> np.ndarray:
        return np.eye(p)[index]

    by_diagnosis, by_generator = {}, {}
    for index, name in enumerate(fixed.diagnoses):
        row = unit(0)
        row[2 : 1 + kinds] = _deviations(np.array([index]), kinds)[0]
        by_diagnosis[name] = {"sensitivity": estimate(row)}
    for index, name in enumerate(fixed.generators):
        row = unit(0)
        row[p - makers + 1 :] = _deviations(np.array([index]), makers)[0]
        by_generator[name] = {"sensitivity": estimate(row)}
    return {
        "sensitivity": estimate(unit(0)),
        "criterion": estimate(unit(1)),
        "sd": dict(zip(("sensitivity", "criterion", "image"), map(float, fit.sd), strict=True)),
        "by_diagnosis": by_diagnosis or None,
        "by_generator": by_generator or None,
        "fooling_rate": _fooling_rate(fit, fixed.columns[~tests.is_real], beta, covariance, reach),
    }


def _fooling_rate(fit: Fit, rows: np.ndarray, beta: np.ndarray, covariance: np.ndarray, reach: float) -> dict[str, Any]:
    """The mean share of 'real' over readers and images, for the given rows of the fixed part.

    The interval is by the delta method on the probit scale.
    """
    sensitivity, criterion, image = fit.sd
    scale = np.sqrt(1 + sensitivity**2 / 4 + criterion**2 + image**2)
    at = -(rows @ beta) / scale
    share = float(stats.norm.cdf(at).mean())
    slope = -(stats.norm.pdf(at) @ rows) / (len(rows) * scale)
    middle = stats.norm.ppf(share)
    half = reach * np.sqrt(slope @ covariance @ slope) / stats.norm.pdf(middle)
    return {"estimate": share, "ci95": [float(stats.norm.cdf(middle - half)), float(stats.norm.cdf(middle + half))]}


def _by_reader(fit: Fit, tests: Responses, count: int, readers: int) -> list[dict[str, Any]]:
    found = []
    z = stats.norm.ppf((1 + LEVEL) / 2)
    for index, code in enumerate(np.unique(tests.reader)):
        row: dict[str, Any] = {"reader": tests.reader_names[code]}
        for fixed, name in enumerate(("sensitivity", "criterion")):
            own = count + fixed * readers + index
            value = float(fit.coefficients[fixed] + fit.coefficients[own])
            square = fit.covariance[np.ix_([fixed, own], [fixed, own])].sum()
            half = float(z * np.sqrt(square))
            row |= {name: value, f"{name}_ci95": [value - half, value + half]}
        found.append(row)
    return found


def _by_image(fit: Fit, fixed: np.ndarray, images: Responses, start: int) -> list[dict[str, Any]]:
    """For each image, in the order of `images`: the share of readers who take it for real, and its rank.

    Ranks come from joint draws of all generated images' evidence, given the answers.
    """
    count = len(images)
    rows = np.zeros((count, len(fit.coefficients)))
    rows[:, : fixed.shape[1]] = fixed
    rows[np.arange(count), start + np.arange(count)] = 1
    evidence, between = rows @ fit.coefficients, rows @ fit.covariance @ rows.T
    scale = np.sqrt(1 + fit.sd[0] ** 2 / 4 + fit.sd[1] ** 2)
    half = stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(np.diag(between))
    share, low, high = (stats.norm.cdf(-value / scale) for value in (evidence, evidence + half, evidence - half))
    made = np.flatnonzero(~images.is_real)
    # Images with the same answers have the same evidence but for rounding, which differs between processors.
    rank = dict(zip(made, _ranks(evidence[made].round(6)[None])[0], strict=True))
    root = np.linalg.cholesky(between[np.ix_(made, made)] + 1e-12 * np.eye(len(made)))
    draws = evidence[made] + np.random.default_rng(0).normal(size=(DRAWS, len(made))) @ root.T
    best, worst = np.quantile(_ranks(draws), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0, method="inverted_cdf")
    ranks = {int(one): [int(best[at]), int(worst[at])] for at, one in enumerate(made)}
    return [
        {
            "image": images.image_names[images.image[index]],
            "truth": "real" if images.is_real[index] else "generated",
            "judged_real": float(share[index]),
            "ci95": [float(low[index]), float(high[index])],
            "rank": int(rank[index]) if index in rank else None,
            "rank95": ranks.get(index),
        }
        for index in range(count)
    ]


def _ranks(evidence: np.ndarray) -> np.ndarray:
    """Ranks (draws, images) from 1; the image with the least evidence for 'generated' comes first.

    Of images with equal evidence the first one comes first.
    """
    return evidence.argsort(1, kind="stable").argsort(1, kind="stable") + 1
