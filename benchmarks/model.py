"""How well the model of readers and images recovers simulated values: coverage of its intervals, bias of its spreads.

`python -m benchmarks.model [STUDIES]`: number of studies simulated in each cell, 200 by default.
"""

import itertools
import sys
import time
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from benchmarks.report import report
from turing.statistics.model import reader_image_model
from turing.statistics.responses import Responses

SENSITIVITY, CRITERION = 0.6, -0.1
SIZES = ((8, 40), (20, 60), (65, 100))  # readers and images, half of them real
SPREADS = ((0.3, 0.2, 0.3), (0.6, 0.5, 0.6))  # standard deviations of sensitivity, criterion and images
SPARSE_SHARE = 0.5


class Cell(NamedTuple):
    readers: int
    images: int
    sd_sensitivity: float
    sd_criterion: float
    sd_image: float
    sparse: bool


def measure(cell: Cell, studies: int) -> dict:
    rng = np.random.default_rng(0)
    rows, seconds, failed = [], [], 0
    generated = np.arange(cell.images) % 2 == 0
    side = np.where(generated, 0.5, -0.5)
    variance = 1 + cell.sd_sensitivity**2 / 4 + cell.sd_criterion**2 + cell.sd_image**2
    fooled = norm.cdf(-(SENSITIVITY / 2 - CRITERION) / np.sqrt(variance))
    for _ in range(studies):
        sensitivity = SENSITIVITY + rng.normal(0, cell.sd_sensitivity, cell.readers)
        criterion = CRITERION + rng.normal(0, cell.sd_criterion, cell.readers)
        own = rng.normal(0, cell.sd_image, cell.images)
        evidence = side * sensitivity[:, None] - criterion[:, None] + own
        says_generated = rng.normal(size=evidence.shape) < evidence
        kept = rng.random(evidence.shape) < (SPARSE_SHARE if cell.sparse else 1)
        reader, image = np.nonzero(kept)
        tests = Responses.from_labels(reader, image, ~generated[image], ~says_generated[kept])
        started = time.perf_counter()
        found = reader_image_model(tests)
        seconds.append(time.perf_counter() - started)
        if found["reason"]:
            failed += 1
            continue
        of_reader = [int(row["reader"]) for row in found["by_reader"]]
        made = [row for row in found["by_image"] if row["truth"] == "generated"]
        order = np.argsort(np.argsort(own[generated])) + 1
        rank = [order[int(row["image"]) // 2] for row in made]
        rows.append(
            {
                "sensitivity": _within(SENSITIVITY, found["sensitivity"]["ci95"]),
                "criterion": _within(CRITERION, found["criterion"]["ci95"]),
                "fooling_rate": _within(fooled, found["fooling_rate"]["ci95"]),
                "of_readers": np.mean(
                    [
                        _within(sensitivity[one], row["sensitivity_ci95"])
                        for one, row in zip(of_reader, found["by_reader"], strict=True)
                    ]
                ),
                "ranks": np.mean([_within(one, row["rank95"]) for one, row in zip(rank, made, strict=True)]),
                "bias": found["sensitivity"]["estimate"] - SENSITIVITY,
                **{f"{name}_sd": found["sd"][name] for name in ("sensitivity", "criterion", "image")},
            }
        )
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return {"studies": studies, "failed": failed} | means | {"seconds": float(np.median(seconds))}


def _within(value: float, interval: list[float]) -> bool:
    return interval[0] <= value <= interval[1]


def main() -> None:
    studies = int((sys.argv[1:] or ["200"])[0])
    cells = [Cell(*size, *sd, sparse) for size, sd, sparse in itertools.product(SIZES, SPREADS, (False, True))]
    report("model", [cell._asdict() | measure(cell, studies) for cell in cells])


if __name__ == "__main__":
    main()
