"""How often the 95% intervals of exposure thresholds cover the truth in simulated studies.

`python -m benchmarks.thresholds [STUDIES]`: number of studies simulated in each cell, 100 by default. Thresholds are
lognormal over readers, and every reader's accuracy is a Weibull function of the exposure. The table shows the threshold
of readers in general, that of each reader, and what averaging each staircase's reversals would have given.
"""

import itertools
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.report import report
from turing.statistics.responses import Responses
from turing.statistics.staircase import TARGET, next_exposure
from turing.statistics.thresholds import exposure_threshold

TRIALS = 150  # HYPE-time's block
READERS, MEDIANS, SPREADS = (5, 20), (150, 300, 600), (0.2, 0.5)
SHAPES = ((1.0, 0.98), (2.0, 0.95), (3.0, 0.8))  # slope and ceiling
SETTLED = 4  # reversals left out of the average


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    cells = list(itertools.product(READERS, MEDIANS, SPREADS, SHAPES))
    with ProcessPoolExecutor() as pool:
        found = pool.map(simulate, cells, [studies] * len(cells))
        report("thresholds", list(tqdm(found, total=len(cells), unit="cell", disable=None)))


def simulate(cell: tuple[int, int, float, tuple[float, float]], studies: int) -> dict[str, Any]:
    readers, median, spread, (slope, ceiling) = cell
    rng = np.random.default_rng([readers, median, round(100 * spread), round(10 * slope)])
    found, covered, own_covered, reversals = [], [], [], []
    for _ in range(studies):
        thresholds = median * np.exp(spread * rng.standard_normal(readers))
        readings = [_read(rng, threshold, slope, ceiling) for threshold in thresholds]
        result = exposure_threshold(_responses(readings))
        assert result is not None
        low, high = result["ci95"]
        found.append(result["estimate_ms"])
        covered.append(low <= median <= high)
        for row, threshold in zip(result["by_reader"], thresholds, strict=True):
            own_covered.append(row["ci95"][0] <= threshold <= row["ci95"][1])
        reversals.append(np.mean([_mean_of_reversals(exposures) for exposures, _ in readings]))
    return {
        "readers": readers,
        "median_ms": median,
        "spread": spread,
        "slope": slope,
        "ceiling": ceiling,
        "covered": float(np.mean(covered)),
        "estimate_ms": float(np.median(found)),
        "reader_covered": float(np.mean(own_covered)),
        "mean_of_reversals_ms": float(np.mean(reversals)),
    }


def _read(rng: np.random.Generator, threshold: float, slope: float, ceiling: float) -> tuple[list[int], list[bool]]:
    scale = threshold / (-np.log(1 - (TARGET - 0.5) / (ceiling - 0.5))) ** (1 / slope)
    exposures: list[int] = []
    correct: list[bool] = []
    for _ in range(TRIALS):
        exposures.append(next_exposure(correct))
        accuracy = 0.5 + (ceiling - 0.5) * -np.expm1(-((exposures[-1] / scale) ** slope))
        correct.append(bool(rng.random() < accuracy))
    return exposures, correct


def _responses(readings: list[tuple[list[int], list[bool]]]) -> Responses:
    exposure, correct = (np.concatenate([reading[part] for reading in readings]) for part in (0, 1))
    count = len(exposure)
    return Responses.from_labels(
        np.repeat(np.arange(len(readings)), TRIALS),
        np.arange(count),
        np.ones(count, bool),
        correct.astype(bool),
        exposure=exposure,
        position=np.tile(np.arange(TRIALS), len(readings)),
    )


def _mean_of_reversals(exposures: list[int]) -> float:
    steps = [step for step in np.diff(exposures).tolist() if step]
    turns = [index for index, (one, other) in enumerate(itertools.pairwise(steps)) if (one > 0) != (other > 0)]
    levels = [500 + sum(steps[: index + 1]) for index in turns[SETTLED:]]
    return float(np.mean(levels)) if levels else float(exposures[-1])


if __name__ == "__main__":
    main()
