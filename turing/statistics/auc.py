"""Area under the ROC curve, averaged over readers, with its MRMC variance for any design.

References:
    Gallas (2006), One-shot estimate of MRMC variance: AUC, Acad Radiol 13:353-362.
    Gallas, Bandos, Samuelson, Wagner (2009), A framework for random-effects ROC analysis, Commun Stat A 38:2586-2603.
    Moebius inversion over shared indices as in Gallas and Brown (2008), Neural Networks 21:387-397 (split-plot).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from turing.statistics.intervals import PARTS, Estimate, Spread, logit_interval
from turing.statistics.mrmc import check_pairs, codes

METHOD = (
    "MRMC U-statistic variance (Gallas 2006, 2009) of the AUC averaged over readers; "
    f"95% interval on the logit scale, {PARTS}"
)

# Sets of indices that two comparisons may share: reader, generated image, real image.
SETS = ("", "r", "g", "n", "rg", "rn", "gn", "rgn")


@dataclass(frozen=True)
class _Tables:
    """Answers counted by reader and score level, and where each of them stands."""

    generated: np.ndarray  # (R, L) counts
    real: np.ndarray  # (R, L)
    g_reader: np.ndarray  # (n_g,) codes of responses to generated images
    g_image: np.ndarray
    g_level: np.ndarray
    n_reader: np.ndarray  # (n_n,) codes of responses to real images
    n_image: np.ndarray
    n_level: np.ndarray

    @property
    def wins(self) -> np.ndarray:
        """(n_g,) real images of the same reader scored below each generated one; ties count one half."""
        below = np.cumsum(self.real, 1) - self.real
        return (below + 0.5 * self.real)[self.g_reader, self.g_level]

    @property
    def losses(self) -> np.ndarray:
        """(n_n,) generated images of the same reader scored above each real one; ties count one half."""
        above = self.generated.sum(1, keepdims=True) - np.cumsum(self.generated, 1)
        return (above + 0.5 * self.generated)[self.n_reader, self.n_level]


def reader_aucs(reader: ArrayLike, is_generated: ArrayLike, score: ArrayLike) -> np.ndarray:
    """Empirical AUC of each reader code (R,); NaN where a reader did not see both truths."""
    tables = _tabulate(codes(reader), np.zeros(len(np.asarray(reader)), np.intp), is_generated, score)
    readers = len(tables.generated)
    with np.errstate(invalid="ignore", divide="ignore"):
        compared = tables.generated.sum(1) * tables.real.sum(1)
        return np.bincount(tables.g_reader, tables.wins, readers) / compared


def mrmc_auc(reader: ArrayLike, image: ArrayLike, is_generated: ArrayLike, score: ArrayLike) -> Estimate:
    """The mean over readers of the empirical AUC, with its variance over readers, generated and real images.

    Args:
        reader, image: labels (n,); each pair occurs at most once, any pattern of missing pairs is allowed.
        is_generated: (n,) bool, one value an image.
        score: (n,) finite; higher means more like generated. Ties count one half.

    The AUC is a mean of comparisons k of one generated with one real image by one reader; reader r's comparisons
    weigh 1 / (R n_r m_r). With M0 the weighted mean product of two comparisons that share neither reader nor any
    image, var = AUC^2 - M0. Its parts come from the means over pairs that share reader, generated image, real
    image or several of these. Readers who did not see both truths have no AUC and are left out, with a warning.

    Takes time and memory linear in the comparisons at most, n_r m_r for each reader.
    """
    r, i = codes(reader), codes(image)
    truth, y = np.asarray(is_generated, bool), np.asarray(score, float)
    if not r.shape == i.shape == truth.shape == y.shape or r.ndim != 1:
        raise ValueError("reader, image, is_generated and score must be one-dimensional and of one length")
    if not np.isfinite(y).all():
        raise ValueError("scores must be finite")
    if not len(y):
        return Estimate(None, warnings=("no responses",), method=METHOD)
    check_pairs(r, i, int(i.max()) + 1)
    both = (np.bincount(r, truth) > 0) & (np.bincount(r, ~truth) > 0)
    warnings: tuple[str, ...] = ()
    left_out = len(np.unique(r)) - int(both.sum())
    if left_out:
        warnings = (f"{left_out} readers did not see both real and generated images and are left out",)
    if not both.any():
        return Estimate(None, warnings=warnings, method=METHOD)
    if not both.all():
        kept = both[r]
        r, i, truth, y = np.unique(r[kept], return_inverse=True)[1], i[kept], truth[kept], y[kept]
    tables = _tabulate(r, i, truth, y)
    readers = len(tables.generated)
    compared = tables.generated.sum(1) * tables.real.sum(1)
    auc = float(np.mean(np.bincount(tables.g_reader, tables.wins, readers) / compared))
    few = [len(np.unique(codes)) < 2 for codes in (tables.g_reader, tables.g_image, tables.n_image)]
    if any(few):
        name = ("reader", "generated image", "real image")[few.index(True)]
        return Estimate(auc, warnings=(*warnings, f"one {name} only: no interval can be computed"), method=METHOD)
    weight = 1 / (readers * compared)
    pairs = _shared_exactly(_sums(tables, weight))
    # Centred as rates are (see `mrmc.group_means`); the uncentred variance is Gallas's, and the one reported.
    plain, centred = (_means(_shared_exactly(_sums(tables, weight, shift)), pairs) for shift in (0.0, auc))
    if plain is None or centred is None:
        why = "no two comparisons differ in reader and both images: no interval"
        return Estimate(auc, warnings=(*warnings, why), method=METHOD)
    if auc in (0, 1):
        why = "every reader separates the images perfectly: the data hold no information on the interval's width"
        return Estimate(auc, 0.0, warnings=(*warnings, why), method=METHOD)
    spread, variance = _spread(centred, tables, weight), auc**2 - plain[""]
    if variance <= 0:
        variance = max(spread.least, 0.0)
        warnings += ("the variance estimate was not positive; the variance of readers and images alike stands in",)
    return Estimate(auc, variance, spread.df, logit_interval(auc, spread), spread, METHOD, warnings)


def _tabulate(reader: np.ndarray, image: np.ndarray, is_generated: ArrayLike, score: ArrayLike) -> _Tables:
    level = np.unique(np.asarray(score, float), return_inverse=True)[1]
    truth = np.asarray(is_generated, bool)
    readers, levels = int(reader.max()) + 1, int(level.max()) + 1

    def counts(mask: np.ndarray) -> np.ndarray:
        key = reader[mask] * levels + level[mask]
        return np.bincount(key, minlength=readers * levels).reshape(readers, levels).astype(float)

    generated = [codes[truth] for codes in (reader, image, level)]
    real = [codes[~truth] for codes in (reader, image, level)]
    return _Tables(counts(truth), counts(~truth), *generated, *real)


def _sums(tables: _Tables, weight: np.ndarray, shift: float | None = None) -> dict[str, float]:
    """For each set of indices, the sum over its values of the squared sum of weighted comparisons that have them.

    Comparisons are taken less `shift`; without it, each counts 1, which gives the sums of weights.
    """
    t = tables
    n_g, n_n = t.generated.sum(1), t.real.sum(1)
    # Sums over real images for each response to a generated one, and the other way round.
    if shift is None:
        by_g, by_n, squares = n_n[t.g_reader], n_g[t.n_reader], n_g * n_n
    else:
        by_g, by_n = t.wins - shift * n_n[t.g_reader], t.losses - shift * n_g[t.n_reader]
        ties = (t.generated * t.real).sum(1)
        more = np.bincount(t.g_reader, t.wins, len(n_g)) - 0.5 * ties
        squares = more * (1 - shift) ** 2 + ties * (0.5 - shift) ** 2 + (n_g * n_n - more - ties) * shift**2
    by_g, by_n = weight[t.g_reader] * by_g, weight[t.n_reader] * by_n
    by_pair = _by_image_pair(t, weight, shift)
    return {
        "": float(by_g.sum() ** 2),
        "r": float((np.bincount(t.g_reader, by_g) ** 2).sum()),
        "g": float((np.bincount(t.g_image, by_g) ** 2).sum()),
        "n": float((np.bincount(t.n_image, by_n) ** 2).sum()),
        "rg": float(by_g @ by_g),
        "rn": float(by_n @ by_n),
        "gn": float(by_pair @ by_pair),
        "rgn": float(weight**2 @ squares),
    }


def _by_image_pair(tables: _Tables, weight: np.ndarray, shift: float | None) -> np.ndarray:
    """Sum over readers of the weighted comparisons of each generated with each real image, where there are any."""
    t = tables
    shape_g = (len(t.generated), int(t.g_image.max()) + 1)
    shape_n = (len(t.generated), int(t.n_image.max()) + 1)

    def matrix(values: np.ndarray, mask: np.ndarray, reader: np.ndarray, image: np.ndarray, shape) -> csr_array:
        return csr_array((values[mask], (reader[mask], image[mask])), shape)

    every_g, every_n = np.ones(len(t.g_reader), bool), np.ones(len(t.n_reader), bool)
    values = weight[t.g_reader]
    compared = matrix(values, every_g, t.g_reader, t.g_image, shape_g).T @ matrix(
        np.ones(len(t.n_reader)), every_n, t.n_reader, t.n_image, shape_n
    )
    if shift is None:
        return compared.data
    total = -shift * compared
    for level in np.unique(t.g_level):
        below = np.where(t.n_level < level, 1.0, 0.5)
        part_g = matrix(values, t.g_level == level, t.g_reader, t.g_image, shape_g)
        total = total + part_g.T @ matrix(below, t.n_level <= level, t.n_reader, t.n_image, shape_n)
    return total.data


def _shared_exactly(sums: Mapping[str, float]) -> dict[str, float]:
    """From sums over pairs that share at least a set of indices, those that share exactly it (Moebius inversion)."""
    return {
        own: sum((-1) ** (len(other) - len(own)) * sums[other] for other in SETS if set(own) <= set(other))
        for own in SETS
    }


def _means(products: Mapping[str, float], pairs: Mapping[str, float]) -> dict[str, float] | None:
    """Mean product of two comparisons for each set that they share; None where none of them share nothing."""
    tiny = 1e-12 * max(pairs.values())
    if pairs[""] <= tiny:
        return None
    nothing = products[""] / pairs[""]
    return {name: products[name] / pairs[name] if pairs[name] > tiny else nothing for name in SETS}


def _spread(means: Mapping[str, float], tables: _Tables, weight: np.ndarray) -> Spread:
    share = _sums(tables, weight)  # of pairs of comparisons that share at least the set; shares, as weights add to 1

    def component(own: str, base: str = "") -> float:
        """The variance that sharing `own` adds to what its parts add, given that `base` is shared."""
        inner = [other for other in SETS if set(base) <= set(other) <= set(own)]
        return sum((-1) ** (len(own) - len(other)) * means[other] for other in inner)

    generated, real = (max(0.0, share[name] * component(name)) for name in ("g", "n"))
    df_generated, df_real = 1 / share["g"] - 1, 1 / share["n"] - 1
    noise = generated**2 / df_generated + real**2 / df_real
    return Spread(
        readers=share["r"] * component("r"),
        images=sum(share[name] * component(name) for name in ("g", "n", "gn")),
        residual=sum(share[name] * component(name) for name in ("rg", "rn", "rgn")),
        df_readers=1 / share["r"] - 1,
        df_images=(generated + real) ** 2 / noise if noise > 0 else min(df_generated, df_real),
        # With readers and images alike, what varies is each reader's own sample of answers.
        least=sum(share[name] * component(name, "r") for name in ("rg", "rn", "rgn")),
    )
