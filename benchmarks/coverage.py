"""How often 95% intervals cover the truth in simulated studies: the MRMC intervals, compared with the naive one.

`python -m benchmarks.coverage [STUDIES]`: number of studies simulated in each cell; 2,000 by default, with which a
cell's share has a standard error of 0.5 points. It also shows how often tests reject a true hypothesis, and what
happens if there are two kinds of readers or images: `python -m benchmarks.coverage STUDIES kinds` does only that part.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm
from tqdm import tqdm

from benchmarks.report import report
from turing.statistics.auc import mrmc_auc
from turing.statistics.comparisons import equivalence
from turing.statistics.intervals import difference_with_interval
from turing.statistics.kinds import reader_kinds
from turing.statistics.mrmc import group_means, mrmc_rate
from turing.statistics.proportions import naive_intervals

READERS, IMAGES = (5, 20, 65), (20, 50, 100)
EFFECTS = ((0.0, 0.0), (0.5, 0.5), (0.5, 1.0), (1.0, 0.5), (1.0, 1.0))  # readers' and images' standard deviation
RATES, DPRIMES = (0.5, 0.75, 0.95), (0.0, 1.0, 2.0)
MARGIN = 0.1
SPARSE_SHARE = 0.5  # share of reader-image pairs that a sparse study keeps
CUTS = np.array([-1.5, -0.8, -0.35, 0, 0.35, 0.8, 1.5])  # confidence 1 to 4 on either side
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


class Cell(NamedTuple):
    readers: int
    images: int  # generated images; for the AUC the same number of real ones is added
    reader_sd: float
    image_sd: float
    truth: float  # rate, or d'
    sparse: bool


def pairs(shape: tuple[int, int], sparse: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reader and image of each response."""
    return np.nonzero(rng.random(shape) < SPARSE_SHARE if sparse else np.ones(shape, bool))


def responses(cell: Cell, rate: float, studies: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Reader, image and 0 or 1 of studies with logit-normal effects of readers and images around a marginal rate."""
    rng = np.random.default_rng(0)
    spread = np.hypot(cell.reader_sd, cell.image_sd)

    def marginal(centre: float) -> float:
        return float(WEIGHTS @ expit(centre + spread * NODES) / WEIGHTS.sum())

    centre = brentq(lambda value: marginal(value) - rate, -20, 20)
    for _ in range(studies):
        effects = rng.normal(0, cell.reader_sd, (cell.readers, 1)) + rng.normal(0, cell.image_sd, (1, cell.images))
        y = rng.random((cell.readers, cell.images)) < expit(centre + effects)
        reader, image = pairs(y.shape, cell.sparse, rng)
        yield reader, image, y[reader, image]


def cover_rate(cell: Cell, studies: int) -> dict:
    found = []
    for reader, image, answers in responses(cell, cell.truth, studies):
        naive = naive_intervals(int(answers.sum()), len(answers))["wilson"]
        found.append((mrmc_rate(reader, image, answers).ci95, naive))
    return _shares(found, cell.truth)


def reject(cell: Cell, studies: int) -> dict:
    """How often the tests reject: equivalence at the margin's edge and at chance, and a difference that does not exist.

    Half of the images stand for real ones, or for another diagnosis; the rate is the accuracy.
    """

    def shown(rate: float) -> float:
        tests = (equivalence(mrmc_rate(r, i, y, i % 2), MARGIN) for r, i, y in responses(cell, rate, studies))
        return float(np.mean([test is not None and test["equivalent"] for test in tests]))

    differences = []
    for reader, image, answers in responses(cell, cell.truth, studies):
        means = group_means(reader, image, answers, image % 2)
        differences.append(difference_with_interval(means.mean[0] - means.mean[1], means.contrast([1, -1])))
    return {
        "equivalent_at_the_margin": shown(0.5 + MARGIN),
        "equivalent_at_chance": shown(0.5),
        "difference_where_none": float(np.mean([one is not None and one.p_value < 0.05 for one in differences])),
    }


def cover_auc(cell: Cell, studies: int) -> dict:
    """Equal-variance evidence.

    Readers differ in d', images in how easy they are. There are eight levels of confidence.
    """
    rng = np.random.default_rng(0)
    generated = np.arange(2 * cell.images) < cell.images
    truth = _true_auc(cell)
    found = []
    for _ in range(studies):
        dprime = cell.truth + rng.normal(0, cell.reader_sd, (cell.readers, 1))
        evidence = np.where(generated, dprime / 2, -dprime / 2) + rng.normal(0, cell.image_sd, 2 * cell.images)
        evidence += rng.normal(0, 1, evidence.shape)
        reader, image = pairs(evidence.shape, cell.sparse, rng)
        score = np.searchsorted(CUTS, evidence[reader, image])
        found.append((mrmc_auc(reader, image, generated[image], score).ci95, None))
    return _shares(found, truth)


def _true_auc(cell: Cell) -> float:
    """The expected area of one reader's curve over all images."""
    dprime = (cell.truth + cell.reader_sd * NODES)[:, None]
    scale = np.hypot(1, cell.image_sd)
    edges = np.concatenate([[-np.inf], CUTS, [np.inf]])
    generated, real = (np.diff(norm.cdf((edges - mean) / scale)) for mean in (dprime / 2, -dprime / 2))
    areas = (generated * (np.cumsum(real, 1) - real / 2)).sum(1)
    return float(WEIGHTS @ areas / WEIGHTS.sum())


class Kinds(NamedTuple):
    """Readers (or images), each with the rate `low` with probability `share`, and otherwise the rate `high`."""

    of: str  # "readers" or "images"
    readers: int
    images: int
    share: float
    low: float
    high: float
    dropout: bool  # whether two readers in five stop somewhere in the form


TWO_KINDS = [
    Kinds(of, readers, images, *rates, dropout)
    for of, rates in (("readers", (0.2, 0.1, 0.58)), ("readers", (0.5, 0.2, 0.8)), ("images", (0.2, 0.1, 0.58)))
    for readers, images in ((5, 50), (12, 50), (20, 100), (65, 50))
    for dropout in (False, True)
]


def cover_kinds(cell: Kinds, studies: int) -> dict:
    """How often the headline's interval and the one for two kinds cover, and how often two kinds are detected."""
    rng = np.random.default_rng(0)
    truth = cell.share * cell.low + (1 - cell.share) * cell.high
    shape = (cell.readers, 1) if cell.of == "readers" else (1, cell.images)
    rates = (np.where(rng.random(shape) < cell.share, cell.low, cell.high) for _ in range(studies))
    answered = ((rng.random((cell.readers, cell.images)) < rate) for rate in rates)
    return _kinds_shares(answered, truth, cell.dropout, rng)


def alarm_falsely(cell: Cell, studies: int) -> dict:
    """The same with one kind of readers, logit-normal, where two kinds are false alarms.

    `sparse`: some readers drop out.
    """
    rng = np.random.default_rng(0)
    full = responses(cell._replace(sparse=False), cell.truth, studies)
    answered = (y.reshape(cell.readers, cell.images) for _, _, y in full)
    return _kinds_shares(answered, cell.truth, cell.sparse, rng)


def _kinds_shares(answered: Iterator[np.ndarray], truth: float, dropout: bool, rng: np.random.Generator) -> dict:
    found, intervals = [], []
    for y in answered:
        reader, image = np.nonzero(_kept(y.shape, rng) if dropout else np.ones(y.shape, bool))
        score = y[reader, image]
        rate = mrmc_rate(reader, image, score)
        kinds = reader_kinds(reader, score, rate)
        if kinds and rate.ci95:
            intervals.append((rate.ci95, kinds["ci95"]))
            found.append(kinds["two_kinds"])
    inside = [[low <= truth <= high for low, high in pair] for pair in intervals]
    width = np.mean([[high - low for low, high in pair] for pair in intervals], 0)
    seen = [one for one in found if one is not None]
    return {
        "mrmc": float(np.mean(inside, 0)[0]),
        "kinds": float(np.mean(inside, 0)[1]),
        "width": float(width[0]),
        "kinds_width": float(width[1]),
        "two_kinds_seen": float(np.mean(seen)) if seen else None,
    }


def _kept(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Which images each reader answers, in their own order, if two readers in five stop on the way."""
    length = np.where(rng.random(shape[0]) < 0.4, rng.uniform(0.1, 0.9, shape[0]), 1.0) * shape[1]
    return rng.permuted(np.tile(np.arange(shape[1]), (shape[0], 1)), axis=1) < length[:, None]


def _shares(found: list, truth: float) -> dict:
    known = [(interval, naive) for interval, naive in found if interval is not None]
    inside = [[low <= truth <= high for low, high in filter(None, pair)] for pair in known]
    shares = np.mean(inside, 0)
    width = np.mean([interval[1] - interval[0] for interval, _ in known])
    row = {"mrmc": float(shares[0]), "no_interval": 1 - len(known) / len(found), "width": float(width)}
    return row | ({"wilson_naive": float(shares[1])} if len(shares) > 1 else {})


def run(name: str, measure: Callable[..., dict], cells: Sequence[Any], studies: int) -> list[dict]:
    with ProcessPoolExecutor(int(os.environ.get("PROCESSES", 0)) or None) as pool:
        measured = pool.map(measure, cells, itertools.repeat(studies))
        progress = tqdm(measured, name, len(cells), unit="cell", disable=not sys.stderr.isatty())
        rows = [cell._asdict() | {"studies": studies} | row for cell, row in zip(cells, progress, strict=True)]
    report(name, rows)
    return rows


def say_coverage(rows: list[dict], names: Sequence[str]) -> None:
    """Print the range of each share of studies that covered the truth. Cells without one are left out."""
    for name in names:
        shares = [row[name] for row in rows if row[name] is not None]
        below = sum(share < 0.93 for share in shares)
        print(f"{name}: {min(shares):.1%} to {max(shares):.1%} in {len(shares)} cells, {below} below 93%")


def summarise(rows: list[dict], studies: int) -> None:
    outside = [row["mrmc"] for row in rows if not 0.93 <= row["mrmc"] <= 0.975]
    print(f"{len(rows) - len(outside)} of {len(rows)} cells cover 93% to 97.5% ({studies} studies each)", end="")
    print(f"; the others {min(outside):.1%} to {max(outside):.1%}" if outside else "")


def main() -> None:
    studies = int((sys.argv[1:] or ["2000"])[0])
    if sys.argv[2:] == ["kinds"]:
        measure_kinds(studies)
        return
    grid = list(itertools.product(READERS, IMAGES, EFFECTS))
    for name, measure, truths in (("coverage", cover_rate, RATES), ("coverage_auc", cover_auc, DPRIMES)):
        cells = [
            Cell(r, c, *effects, truth, sparse)
            for r, c, effects in grid
            for truth in truths
            for sparse in (False, True)
        ]
        summarise(run(name, measure, cells, studies), studies)
    run(
        "tests",
        reject,
        [Cell(r, c, *effects, 0.5, sparse) for r, c, effects in grid for sparse in (False, True)],
        studies,
    )
    measure_kinds(studies)


def measure_kinds(studies: int) -> None:
    run("two_kinds", cover_kinds, TWO_KINDS, studies)
    one_kind = [
        Cell(readers, 50, reader_sd, 0.7, rate, dropout)
        for readers in (5, 12, 20, 65)
        for reader_sd in (0.0, 0.5, 1.0)
        for rate in (0.5, 0.9)
        for dropout in (False, True)
    ]
    run("one_kind", alarm_falsely, one_kind, studies)


if __name__ == "__main__":
    main()
