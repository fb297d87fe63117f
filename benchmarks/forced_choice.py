"""How often the intervals of studies of pairs cover the truth: proportion correct (and so d'), and bias to a side.

`python -m benchmarks.forced_choice [STUDIES]`: number of studies simulated in each cell, 200 by default. A cell that
covers less than 94.5% is simulated again with five times as many, so that chance does not look like a fault. A choice
is right if d' / sqrt(2) plus the reader's ability, the pair's ease, the reader's bias to the side and noise of unit
variance is positive. Standard deviations are in units of that noise. Sides are balanced as the platform does it.
"""

import itertools
import sys
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from benchmarks.coverage import SPARSE_SHARE, run, say_coverage
from turing.statistics.forced_choice import dprime_of, level_of
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.proportions import naive_intervals

SIZES = ((5, 20), (5, 50), (10, 20), (20, 50))  # readers, pairs
EFFECTS = ((0.0, 0.0), (0.5, 0.5), (1.0, 0.5), (1.0, 1.0))  # standard deviation of readers and of pairs
SHARES = (0.5, 0.7, 0.9)  # expected proportion correct
SIDES = (0.0, 0.5)  # standard deviation of readers' bias to a side
AGAIN, MORE = 0.945, 5


class Cell(NamedTuple):
    readers: int
    pairs: int
    reader_sd: float
    pair_sd: float
    side_sd: float
    correct: float  # expected proportion
    sparse: bool


def sides(kept: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whether the generated image is on the left (readers, pairs).

    In half of each reader's pairs, balanced over readers.
    """
    left, excess = np.zeros_like(kept), np.zeros(kept.shape[1])
    for reader, own in enumerate(kept):
        pairs = np.flatnonzero(own)
        order = pairs[np.lexsort((rng.random(len(pairs)), excess[pairs]))]
        left[reader, order[: len(order) // 2 + (len(order) % 2 and rng.random() < 0.5)]] = True
        excess += np.where(own, np.where(left[reader], 1, -1), 0)
    return left


def cover(cell: Cell, studies: int) -> dict[str, Any]:
    """The shares of intervals that contain the truth."""
    rng = np.random.default_rng(0)
    centre = norm.ppf(cell.correct) * np.sqrt(1 + cell.reader_sd**2 + cell.pair_sd**2 + cell.side_sd**2)
    shape = (cell.readers, cell.pairs)
    found: dict[str, list[tuple[float, float] | None]] = {"share": [], "left": [], "naive": []}
    for _ in range(studies):
        kept = rng.random(shape) < SPARSE_SHARE if cell.sparse else np.ones(shape, bool)
        on_left = sides(kept, rng)
        ability, ease = rng.normal(0, cell.reader_sd, (cell.readers, 1)), rng.normal(0, cell.pair_sd, cell.pairs)
        bias = np.where(on_left, 1, -1) * rng.normal(0, cell.side_sd, (cell.readers, 1))
        is_right = centre + ability + ease + bias + rng.normal(0, 1, shape) > 0
        reader, pair = np.nonzero(kept)
        right, left = is_right[reader, pair], (is_right == on_left)[reader, pair]
        found["share"].append(mrmc_rate(reader, pair, right, level=level_of(cell.readers)).ci95)
        found["left"].append(mrmc_rate(reader, pair, left).ci95)
        found["naive"].append(naive_intervals(int(right.sum()), len(right))["wilson"])
    expected = {"share": cell.correct, "naive": cell.correct, "left": 0.5}
    row: dict[str, Any] = {"dprime": dprime_of(cell.correct)}
    for name, intervals in found.items():
        known = [one for one in intervals if one is not None]
        row[name] = float(np.mean([low <= expected[name] <= high for low, high in known])) if known else None
        row[f"{name}_none"] = 1 - len(known) / studies
    return row | {"width": float(np.mean([one[1] - one[0] for one in found["share"] if one is not None]))}


def cover_well(cell: Cell, studies: int) -> dict[str, Any]:
    row = cover(cell, studies) | {"simulated": studies}
    if min(row[name] for name in ("share", "left") if row[name] is not None) < AGAIN:
        row = cover(cell, MORE * studies) | {"simulated": MORE * studies}
    return row


def main() -> None:
    studies = int((sys.argv[1:] or ["200"])[0])
    cells = [
        Cell(*size, *effects, side, share, sparse)
        for size, effects, side, share, sparse in itertools.product(SIZES, EFFECTS, SIDES, SHARES, (False, True))
    ]
    rows = run("forced_choice", cover_well, cells, studies)
    say_coverage(rows, ("share", "left", "naive"))


if __name__ == "__main__":
    main()
