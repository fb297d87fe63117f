"""A rate over readers and images with an interval that knows both are samples (MRMC).

References:
    Gallas (2006), One-shot estimate of MRMC variance: AUC, Acad Radiol 13:353-362.
    Gallas, Pennello, Myers (2007), Multireader multicase variance analysis for binary data, JOSA A 24:B70-B80.
    Satterthwaite (1946), An approximate distribution of estimates of variance components, Biometrics 2:110-114.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit, logit

METHOD = "MRMC U-statistic variance (Gallas 2007), Satterthwaite degrees of freedom, t interval on the logit scale"


@dataclass(frozen=True)
class VarianceComponents:
    """Unbiased estimates for a fully crossed design; an estimate near zero can fall below it."""

    reader: float
    image: float
    residual: float


@dataclass(frozen=True)
class MrmcRate:
    """A rate with its MRMC variance; what cannot be computed is None, and `warnings` says why."""

    estimate: float | None
    variance: float | None = None
    df: float | None = None
    ci95: tuple[float, float] | None = None
    components: VarianceComponents | None = None
    warnings: tuple[str, ...] = ()
    method: str = METHOD


def mrmc_rate(reader: ArrayLike, image: ArrayLike, score: ArrayLike) -> MrmcRate:
    """Mean score over all responses, with its variance over readers and images.

    Args:
        reader, image: labels (n,) of any sortable type; each pair occurs at most once. Any pattern of missing
            pairs is allowed; `components` are given where none is missing.
        score: (n,) 0 or 1.

    With M1 the mean product of a response with itself, M2 of two responses of one reader, M3 of two responses
    to one image, M4 of two with neither in common, each over all such pairs that occur,

        var = [n (M1 - M4) + P_r (M2 - M4) + P_i (M3 - M4)] / n^2,

    where P_r and P_i count ordered pairs that share only the reader or only the image (Gallas 2007). For R
    readers crossed with C images this is (MS_reader + MS_image - MS_residual) / (R C). Takes time and memory
    linear in n.

    Raises ValueError for arguments of unequal lengths, scores other than 0 and 1, or a pair given twice.
    """
    _, reader_code = np.unique(np.asarray(reader), return_inverse=True)
    _, image_code = np.unique(np.asarray(image), return_inverse=True)
    y = np.asarray(score, dtype=float)
    if not reader_code.shape == image_code.shape == y.shape or y.ndim != 1:
        raise ValueError("reader, image and score must be one-dimensional and of one length")
    n = len(y)
    if n == 0:
        return MrmcRate(None, warnings=("no responses",))
    if not np.isin(y, (0, 1)).all():
        raise ValueError("scores must be 0 or 1")
    readers, images = int(reader_code.max()) + 1, int(image_code.max()) + 1
    if len(np.unique(reader_code.astype(np.int64) * images + image_code)) < n:
        raise ValueError("a reader answered the same image twice; give each pair once")

    estimate = float(y.mean())
    if readers < 2 or images < 2:
        few = "reader" if readers < 2 else "image"
        return MrmcRate(estimate, warnings=(f"one {few} only: no interval over readers and images can be computed",))
    n_reader, n_image = np.bincount(reader_code), np.bincount(image_code)
    squares, total = float(y @ y), float(y.sum())
    pairs_reader = float((n_reader.astype(float) ** 2).sum() - n)
    pairs_image = float((n_image.astype(float) ** 2).sum() - n)
    pairs_neither = float(n) ** 2 - n - pairs_reader - pairs_image
    same_reader = float((np.bincount(reader_code, y) ** 2).sum() - squares)
    same_image = float((np.bincount(image_code, y) ** 2).sum() - squares)
    if pairs_neither < 1:
        return MrmcRate(estimate, warnings=("no two responses differ in both reader and image: no interval",))
    m1 = squares / n
    m4 = (total**2 - squares - same_reader - same_image) / pairs_neither
    # A kind of pair that does not occur has no weight in the variance.
    m2 = same_reader / pairs_reader if pairs_reader else m4
    m3 = same_image / pairs_image if pairs_image else m4
    reader_part, image_part, residual = m2 - m4, m3 - m4, m1 - m2 - m3 + m4
    components = VarianceComponents(reader_part, image_part, residual) if n == readers * images else None

    # Mean squares over n, as the two-way ANOVA has them; exact when fully crossed, effective sizes otherwise.
    share_reader = (n_reader / n) @ (n_reader / n)
    share_image = (n_image / n) @ (n_image / n)
    ms_residual = residual / n
    ms_reader = share_reader * reader_part + ms_residual
    ms_image = share_image * image_part + ms_residual
    variance = float(ms_reader + ms_image - ms_residual)
    if total in (0, n):
        why = "every response was the same: the data hold no information on the interval's width"
        return MrmcRate(estimate, 0.0, components=components, warnings=(why,))
    warnings: list[str] = []
    if variance <= 0:
        variance = estimate * (1 - estimate) / n
        warnings.append("the variance estimate was not positive; the binomial variance stands in, which may be small")
    df_reader, df_image = 1 / share_reader - 1, 1 / share_image - 1
    spread = ms_reader**2 / df_reader + ms_image**2 / df_image + ms_residual**2 / (df_reader * df_image)
    df = max(1.0, float(variance**2 / spread)) if spread > 0 else 1.0
    return MrmcRate(estimate, variance, df, logit_interval(estimate, variance, df), components, tuple(warnings))


def logit_interval(estimate: float, variance: float, df: float, level: float = 0.95) -> tuple[float, float]:
    """t interval made on the logit scale, where it cannot leave (0, 1); `estimate` strictly between 0 and 1."""
    half = stats.t.ppf((1 + level) / 2, df) * np.sqrt(variance) / (estimate * (1 - estimate))
    return float(expit(logit(estimate) - half)), float(expit(logit(estimate) + half))
