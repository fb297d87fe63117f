"""Area under the ROC curve (AUC), averaged over readers, with its MRMC variance for any design.

References:
    Gallas (2006), One-shot estimate of MRMC variance: AUC, Acad Radiol 13:353-362.
    Gallas, Bandos, Samuelson, Wagner (2009), A framework for random-effects ROC analysis, Commun Stat A 38:2586-2603.
    Gallas, Brown (2008), Neural Networks 21:387-397 (split-plot designs; Moebius inversion over shared indices).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from turing.statistics.caveats import NOT_POSITIVE
from turing.statistics.intervals import LEVEL, NEGLIGIBLE, Estimate, Spread, score_interval
from turing.statistics.intervals import METHOD as INTERVAL
from turing.statistics.mrmc import NO_INFORMATION, check_pairs, codes

VARIANCE = "MRMC U-statistic variance (Gallas 2006, 2009) of the AUC"
METHOD = f"{VARIANCE} averaged over readers; {INTERVAL}"
METHOD_COMPARISONS = f"{VARIANCE} over all comparisons alike, as the FDA's iMRMC; {INTERVAL}"

# Sets of indices that two comparisons can share: reader, generated image, real image.
SETS = ("", "r", "g", "n", "rg", "rn", "gn", "rgn")


@dataclass(frozen=True)
class _Tables:
    """Answers counted by reader and score level, and the place of each answer in these tables."""

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
        """For each generated image (n_g,), how many real images the same reader scored lower; ties count one half."""
        below = np.cumsum(self.real, 1) - self.real
        return (below + 0.5 * self.real)[self.g_reader, self.g_level]

    @property
    def losses(self) -> np.ndarray:
        """For each real image (n_n,), how many generated images the same reader scored higher; ties count one half."""
        above = self.generated.sum(1, keepdims=True) - np.cumsum(self.generated, 1)
        return (above + 0.5 * self.generated)[self.n_reader, self.n_level]


def reader_aucs(reader: ArrayLike, is_generated: ArrayLike, score: ArrayLike) -> np.ndarray:
    """The empirical AUC of each reader.

    Returns:
        (R,) by reader code; NaN for a reader who did not see both real and generated images.
    """
    tables = _tabulate(codes(reader), np.zeros(len(np.asarray(reader)), np.intp), is_generated, score)
    readers = len(tables.generated)
    with np.errstate(invalid="ignore", divide="ignore"):
        compared = tables.generated.sum(1) * tables.real.sum(1)
        return np.bincount(tables.g_reader, tables.wins, readers) / compared


def mrmc_auc(
    reader: ArrayLike,
    image: ArrayLike,
    is_generated: ArrayLike,
    score: ArrayLike,
    weigh: Literal["readers", "comparisons"] = "readers",
    level: float = LEVEL,
) -> Estimate:
    """The mean over readers of the empirical AUC, with its variance over readers, generated and real images.

    Args:
        reader, image: labels (n,). Each pair occurs at most once. Any pattern of missing pairs is allowed.
        is_generated: (n,) bool, with one value an image.
        score: (n,) finite; higher means more like generated. Ties count one half.
        weigh: what has equal weight. With `readers`, the AUC is the mean of the readers' AUCs. With `comparisons`, it
            is the mean of all comparisons, so that readers with more comparisons count more, as in the FDA's iMRMC. In
            a fully crossed design the two are the same.
        level: the level of the interval; see `looks`.

    Returns:
        The AUC between 0 and 1 with its variance. What cannot be computed is None, and `warnings` says why.

    Raises:
        ValueError: for unequal lengths, a score that is not finite, or a pair that occurs twice.

    The AUC is a mean of comparisons k of one generated with one real image by one reader. A comparison of reader r has
    the weight 1 / (R n_r m_r), or all comparisons have the same weight. Let M0 be the weighted mean product of two
    comparisons that share neither reader nor any image. Then var = AUC^2 - M0. The parts of the variance come from the
    means over pairs of comparisons that share a reader, a generated image, a real image or several of these. Readers
    who did not see both real and generated images have no AUC. They are left out, with a warning.

    Time and memory grow at most linearly with the number of comparisons, n_r m_r for each reader.
    """
    method = METHOD if weigh == "readers" else METHOD_COMPARISONS
    r, i = codes(reader), codes(image)
    truth, y = np.asarray(is_generated, bool), np.asarray(score, float)
    if not r.shape == i.shape == truth.shape == y.shape or r.ndim != 1:
        raise ValueError("reader, image, is_generated and score must be one-dimensional and of one length")
    if not np.isfinite(y).all():
        raise ValueError("scores must be finite")
    if not len(y):
        return Estimate(None, warnings=("no responses",), method=method)
    check_pairs(r, i, int(i.max()) + 1)
    both = (np.bincount(r, truth) > 0) & (np.bincount(r, ~truth) > 0)
    warnings: tuple[str, ...] = ()
    left_out = len(np.unique(r)) - int(both.sum())
    if left_out:
        warnings = (f"{left_out} readers did not see both real and generated images and are left out",)
    if not both.any():
        return Estimate(None, warnings=warnings, method=method)
    if not both.all():
        kept = both[r]
        r, i, truth, y = np.unique(r[kept], return_inverse=True)[1], i[kept], truth[kept], y[kept]
    tables = _tabulate(r, i, truth, y)
    readers = len(tables.generated)
    compared = tables.generated.sum(1) * tables.real.sum(1)
    won = np.bincount(tables.g_reader, tables.wins, readers)
    if weigh == "readers":
        weight, auc = 1 / (readers * compared), float(np.mean(won / compared))
    else:
        weight, auc = np.full(readers, 1 / compared.sum()), float(won.sum() / compared.sum())
    few = [len(np.unique(codes)) < 2 for codes in (tables.g_reader, tables.g_image, tables.n_image)]
    if any(few):
        name = ("reader", "generated image", "real image")[few.index(True)]
        return Estimate(auc, warnings=(*warnings, f"one {name} only: no interval can be computed"), method=method)
    sums = _sums(tables, weight)
    share = {
        name: float(three[2]) for name, three in sums.items()
    }  # share of all pairs of comparisons, because weights add up to 1
    pairs = _shared_exactly(share)
    # Centred as rates are (see `mrmc.group_means`); the uncentred variance is Gallas's, and the one reported.
    plain, centred = (_means(_shared_exactly(_squares(sums, shift)), pairs) for shift in (0.0, auc))
    if plain is None or centred is None:
        why = "no two comparisons differ in reader and both images: no interval"
        return Estimate(auc, warnings=(*warnings, why), method=method)
    spread, variance = _spread(centred, share), auc**2 - plain[""]
    if auc in (0, 1) or spread.is_empty:
        alike = (
            "every reader separates the images perfectly" if auc in (0, 1) else "no reader's answers rank the images"
        )
        return Estimate(auc, warnings=(*warnings, f"{alike}: {NO_INFORMATION}"), method=method)
    if variance <= NEGLIGIBLE:
        variance = max(spread.least, 0.0)
        warnings += (f"{NOT_POSITIVE}; the variance of readers and images alike stands in",)
    return Estimate(auc, variance, spread.df, score_interval(auc, spread, level), spread, method, warnings)


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


def _sums(tables: _Tables, weight: np.ndarray) -> dict[str, np.ndarray]:
    """For each set of indices, sums of products of the weighted sums of comparisons that share these indices.

    Returns three products (3,): of the comparisons with themselves, of the comparisons with their number, and of the
    number with itself. The sum of squares after subtracting a shift s is then first - 2 s second + s^2 third (see
    `_squares`).
    """
    t = tables
    n_g, n_n = t.generated.sum(1), t.real.sum(1)

    def products(won: np.ndarray, compared: np.ndarray) -> np.ndarray:
        return np.array([won @ won, won @ compared, compared @ compared], float)

    def added_up(code: np.ndarray, won: np.ndarray, compared: np.ndarray) -> np.ndarray:
        return products(np.bincount(code, won), np.bincount(code, compared))

    # Sums over real images for each response to a generated one, and the other way round.
    of_g = weight[t.g_reader] * t.wins, weight[t.g_reader] * n_n[t.g_reader]
    of_n = weight[t.n_reader] * t.losses, weight[t.n_reader] * n_g[t.n_reader]
    ties = (t.generated * t.real).sum(1)
    won = np.bincount(t.g_reader, t.wins, len(n_g))
    return {
        "": products(*(values.sum(keepdims=True) for values in of_g)),
        "r": added_up(t.g_reader, *of_g),
        "g": added_up(t.g_image, *of_g),
        "n": added_up(t.n_image, *of_n),
        "rg": products(*of_g),
        "rn": products(*of_n),
        "gn": _by_image_pair(t, weight),
        "rgn": weight**2 @ np.column_stack([won - ties / 4, won, n_g * n_n]),
    }


def _squares(sums: Mapping[str, np.ndarray], shift: float) -> dict[str, float]:
    """The sums of squares of the comparisons after subtracting `shift`."""
    return {name: float(three @ (1, -2 * shift, shift**2)) for name, three in sums.items()}


def _by_image_pair(tables: _Tables, weight: np.ndarray) -> np.ndarray:
    """`_sums` for pairs of a generated and a real image; the comparisons of each pair are added over readers."""
    t = tables
    shape_g = (len(t.generated), int(t.g_image.max()) + 1)
    shape_n = (len(t.generated), int(t.n_image.max()) + 1)

    def matrix(values: np.ndarray, reader: np.ndarray, image: np.ndarray, shape: tuple[int, int]) -> csr_array:
        return csr_array((values, (reader, image)), shape)

    values = weight[t.g_reader]
    everything = matrix(np.ones(len(t.n_reader)), t.n_reader, t.n_image, shape_n)
    compared = matrix(values, t.g_reader, t.g_image, shape_g).T @ everything
    won = csr_array(compared.shape)
    for level in np.unique(t.g_level):
        own, below = t.g_level == level, t.n_level <= level
        ties_half = np.where(t.n_level < level, 1.0, 0.5)[below]
        part_g = matrix(values[own], t.g_reader[own], t.g_image[own], shape_g)
        won = won + part_g.T @ matrix(ties_half, t.n_reader[below], t.n_image[below], shape_n)
    return np.array([won.multiply(won).sum(), won.multiply(compared).sum(), compared.multiply(compared).sum()])


def _shared_exactly(sums: Mapping[str, float]) -> dict[str, float]:
    """Turn sums over pairs that share at least a set of indices into sums over pairs that share exactly that set.

    This is a Moebius inversion.
    """
    return {
        own: sum((-1) ** (len(other) - len(own)) * sums[other] for other in SETS if set(own) <= set(other))
        for own in SETS
    }


def _means(products: Mapping[str, float], pairs: Mapping[str, float]) -> dict[str, float] | None:
    """The mean product of two comparisons for each set of shared indices.

    None if every two comparisons share something.
    """
    tiny = 1e-12 * max(pairs.values())
    if pairs[""] <= tiny:
        return None
    nothing = products[""] / pairs[""]
    return {name: products[name] / pairs[name] if pairs[name] > tiny else nothing for name in SETS}


def _spread(means: Mapping[str, float], share: Mapping[str, float]) -> Spread:
    """The parts of the variance.

    They come from mean products and from the share of pairs that share at least each set of indices.
    """

    def component(own: str, base: str = "") -> float:
        """The variance that sharing the indices `own` adds beyond its subsets, given that `base` is shared."""
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
        df_images=(generated + real) ** 2 / noise if noise > NEGLIGIBLE**2 else min(df_generated, df_real),
        # If all readers and images were alike, only each reader's own sample of answers would vary.
        least=sum(share[name] * component(name, "r") for name in ("rg", "rn", "rgn")),
    )
