"""How often the intervals of questions (real against generated images) cover the truth in simulated studies.

`python -m benchmarks.contrasts [STUDIES]`: number of studies simulated in each cell, 200 by default. A cell that covers
less than 94.5% is simulated again with five times as many, so that chance does not look like a fault. Readers differ in
where they put their cuts, and in the difference between real and generated images. Images differ, too. Effects are
standard deviations in units of the answers' noise.
"""

import itertools
import sys
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from benchmarks.coverage import EFFECTS, SPARSE_SHARE, run, say_coverage
from turing.statistics.auc import mrmc_auc
from turing.statistics.contrasts import contrast

SIZES = ((5, 10), (5, 20), (5, 50), (10, 20), (20, 20))  # readers, images of each truth
LEVELS = (2, 5, 7)  # levels; 2 is a share, such as that of right diagnoses
PLACES = ((0.0, 0.0), (0.0, 1.0), (1.5, 0.0), (1.5, 1.0))  # middle of the answers, and real minus generated
OWN_DIFFERENCE = 0.5  # factor of the readers' standard deviation by which the difference itself varies among readers
AGAIN, MORE = 0.945, 5
READERS_OF_TRUTH = 200_000


class Cell(NamedTuple):
    readers: int
    images: int
    reader_sd: float
    image_sd: float
    levels: int
    middle: float
    shift: float  # real minus generated, in units of the answers' noise
    sparse: bool


def cuts(cell: Cell) -> np.ndarray:
    return np.linspace(-1.6, 1.6, cell.levels - 1) if cell.levels > 2 else np.zeros(1)


def centres(cell: Cell) -> np.ndarray:
    """The centres of answers to real and to generated images."""
    return cell.middle + np.array([cell.shift, -cell.shift]) / 2


def truth(cell: Cell) -> dict[str, float]:
    """The expected mean of real images and difference, on a scale from 0 to 1, and expected AUC of one reader."""
    spread = np.sqrt(1 + cell.image_sd**2 + cell.reader_sd**2 * (1 + OWN_DIFFERENCE**2))
    at = cuts(cell)
    means = norm.sf((at[:, None] - centres(cell)) / spread).mean(0)
    rng = np.random.default_rng(5)
    size = READERS_OF_TRUTH if cell.reader_sd else 1
    common, own = rng.normal(0, cell.reader_sd, (size, 1)), rng.normal(0, OWN_DIFFERENCE * cell.reader_sd, (size, 2))
    place = centres(cell) + common + own
    edges = np.concatenate([[-np.inf], at, [np.inf]])
    shares = np.diff(norm.cdf((edges[None, None] - place[..., None]) / np.hypot(1, cell.image_sd)), axis=-1)
    real, generated = shares[:, 0], shares[:, 1]
    areas = (real * (np.cumsum(generated, 1) - generated / 2)).sum(1)
    return {"real": float(means[0]), "difference": float(means[0] - means[1]), "auc": float(areas.mean())}


def cover(cell: Cell, studies: int) -> dict[str, Any]:
    """The shares of intervals that contain the truth: for the mean of real images, the difference and the AUC."""
    rng = np.random.default_rng(0)
    expected, is_real = truth(cell), np.arange(2 * cell.images) % 2 == 0
    group = np.where(is_real, 0, 1)
    found: dict[str, list[tuple[float, float] | None]] = {name: [] for name in expected}
    rejected = []
    for _ in range(studies):
        shape = (cell.readers, 2 * cell.images)
        place = centres(cell)[group] + rng.normal(0, cell.image_sd, shape[1])
        place = place + rng.normal(0, cell.reader_sd, (cell.readers, 1))
        place += rng.normal(0, OWN_DIFFERENCE * cell.reader_sd, (cell.readers, 2))[:, group]
        level = np.searchsorted(cuts(cell), place + rng.normal(0, 1, shape))
        kept = rng.random(shape) < SPARSE_SHARE if cell.sparse else np.ones(shape, bool)
        reader, image = np.nonzero(kept)
        score = level[reader, image] / (cell.levels - 1)
        one = contrast(reader, image, is_real[image], score, needs_p_value=False)
        found["real"].append(one.real.ci95 if one.ci95 else None)
        found["difference"].append(one.ci95)
        if one.ci95:
            rejected.append(not one.ci95[0] <= 0 <= one.ci95[1])
        area = mrmc_auc(reader, image, is_real[image], score).ci95 if cell.levels > 2 else None
        found["auc"].append(area)
    row: dict[str, Any] = {}
    for name, intervals in found.items():
        known = [one for one in intervals if one is not None]
        inside = [low <= expected[name] <= high for low, high in known]
        row[name] = float(np.mean(inside)) if known else None
        row[f"{name}_none"] = 1 - len(known) / studies
    width = [one[1] - one[0] for one in found["difference"] if one is not None]
    return row | {"difference_width": float(np.mean(width)), "difference_shown": float(np.mean(rejected))}


def cover_well(cell: Cell, studies: int) -> dict[str, Any]:
    row = cover(cell, studies) | {"simulated": studies}
    if min(row[name] for name in ("real", "difference", "auc") if row[name] is not None) < AGAIN:
        row = cover(cell, MORE * studies) | {"simulated": MORE * studies}
    return row


def main() -> None:
    studies = int((sys.argv[1:] or ["200"])[0])
    cells = [
        Cell(*size, *effects, levels, *place, sparse)
        for size, effects, levels, place, sparse in itertools.product(SIZES, EFFECTS, LEVELS, PLACES, (False, True))
        if size == SIZES[1] or levels != 7  # the finer scale for one size
    ]
    rows = run("contrasts", cover_well, cells, studies)
    say_coverage(rows, ("real", "difference", "auc"))


if __name__ == "__main__":
    main()
