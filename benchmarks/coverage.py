"""How often 95% intervals cover the truth in simulated studies: the MRMC ones, and the naive one beside it.

`python -m benchmarks.coverage [STUDIES]`: studies simulated in each cell; 2,000 by default, when a cell's share has a
standard error of 0.5 points. Also how often the tests reject what is true.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm
from tqdm import tqdm

from benchmarks.report import report
from turing.statistics.auc import mrmc_auc
from turing.statistics.comparisons import equivalence
from turing.statistics.intervals import difference_with_interval
from turing.statistics.mrmc import group_means, mrmc_rate
from turing.statistics.proportions import naive_intervals

READERS, IMAGES = (5, 20, 65), (20, 50, 100)
EFFECTS = ((0.0, 0.0), (0.5, 0.5), (0.5, 1.0), (1.0, 0.5), (1.0, 1.0))  # readers' and images' standard deviation
RATES, DPRIMES = (0.5, 0.75, 0.95), (0.0, 1.0, 2.0)
MARGIN = 0.1
SPARSE_SHARE = 0.5  # of the reader-image pairs that are kept in a sparse study
CUTS = np.array([-1.5, -0.8, -0.35, 0, 0.35, 0.8, 1.5])  # confidence 1 to 4 on either side
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


class Cell(NamedTuple):
    readers: int
    images: int  # generated ones; for the AUC as many real ones besides
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
    """How often the tests speak: of equivalence at the margin's edge and at chance, of a difference where none is.

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
    """Equal-variance evidence; readers differ in d' and images in how easy they are; eight levels of confidence."""
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


def _shares(found: list, truth: float) -> dict:
    known = [(interval, naive) for interval, naive in found if interval is not None]
    inside = [[low <= truth <= high for low, high in filter(None, pair)] for pair in known]
    shares = np.mean(inside, 0)
    width = np.mean([interval[1] - interval[0] for interval, _ in known])
    row = {"mrmc": float(shares[0]), "no_interval": 1 - len(known) / len(found), "width": float(width)}
    return row | ({"wilson_naive": float(shares[1])} if len(shares) > 1 else {})


def run(name: str, measure: Callable[[Cell, int], dict], cells: list[Cell], studies: int) -> list[dict]:
    with ProcessPoolExecutor() as pool:
        measured = pool.map(measure, cells, itertools.repeat(studies))
        progress = tqdm(measured, name, len(cells), unit="cell", disable=not sys.stderr.isatty())
        rows = [cell._asdict() | row for cell, row in zip(cells, progress, strict=True)]
    report(name, rows)
    return rows


def summarise(rows: list[dict], studies: int) -> None:
    outside = [row["mrmc"] for row in rows if not 0.93 <= row["mrmc"] <= 0.975]
    print(f"{len(rows) - len(outside)} of {len(rows)} cells cover 93% to 97.5% ({studies} studies each)", end="")
    print(f"; the others {min(outside):.1%} to {max(outside):.1%}" if outside else "")


def main() -> None:
    studies = int((sys.argv[1:] or ["2000"])[0])
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


if __name__ == "__main__":
    main()
