"""Error rates of studies that look at results before all answers have come, with and without planned looks.

`python -m benchmarks.looks [STUDIES]`: number of studies simulated in each cell; 1,000 by default, with which a share
of 5% has a standard error of 0.7 points. Readers come one after the other and judge every image, the same at every
look.

`equivalence`: two one-sided tests say that readers cannot tell, although accuracy lies at the margin's edge; at most
5%. `superiority`: accuracy is said to differ from one half, although readers guess; at most 5%. `missed`: an interval
of at least one look misses the accuracy; at most 5%. Each is shown as the platform does it and, marked `naive`, as if
each look were the only one. `power` is that of equivalence if readers guess, and `once` that of one analysis at the
end.
"""

import itertools
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from tqdm import tqdm

from benchmarks.report import report
from turing.statistics.comparisons import ALPHA, equivalence
from turing.statistics.intervals import LEVEL, score_interval
from turing.statistics.looks import Looks
from turing.statistics.mrmc import mrmc_rate

READERS, IMAGES = (12, 24, 60), (40, 100)  # images: half of them real
EFFECTS = ((0.0, 0.0), (0.5, 0.7))  # standard deviations of readers and images in units of an answer's own
SCHEDULES = ((0.5, 1.0), (1 / 3, 2 / 3, 1.0), (0.25, 0.5, 0.75, 1.0))
MARGIN = 0.1


class Cell(NamedTuple):
    readers: int
    images: int
    reader_sd: float
    image_sd: float
    looks: tuple[float, ...]


class Seen(NamedTuple):
    """The results of one look. The second of each pair is as if it were the only look."""

    equivalent: tuple[bool, bool]
    differs: tuple[bool, bool]
    missed: tuple[bool, bool]


def study(cell: Cell, accuracy: float, rng: np.random.Generator) -> list[Seen]:
    """Simulate one study, look by look."""
    spread = np.sqrt(1 + cell.reader_sd**2 + cell.image_sd**2)
    reader, image = (axis.ravel() for axis in np.indices((cell.readers, cell.images)))
    latent = rng.normal(0, cell.reader_sd, (cell.readers, 1)) + rng.normal(0, cell.image_sd, (1, cell.images))
    right = (latent + rng.normal(size=latent.shape) < norm.ppf(accuracy) * spread).ravel()
    found, counts = [], []
    for fraction in cell.looks:
        counts.append(round(fraction * cell.readers) * cell.images)
        part = slice(0, counts[-1])
        rate = mrmc_rate(reader[part], image[part], right[part], image[part] % 2)
        now = Looks(len(right), tuple(counts)).now
        if rate.spread is None or rate.estimate is None:
            found.append(Seen((False, False), (False, False), (False, False)))
            continue
        test, once = equivalence(rate, MARGIN, now.alpha), equivalence(rate, MARGIN, ALPHA)
        intervals = [score_interval(rate.estimate, rate.spread, level) for level in (now.level, LEVEL)]
        found.append(
            Seen(
                (bool(test and test["equivalent"]), bool(once and once["equivalent"])),
                tuple(not low <= 0.5 <= high for low, high in intervals),
                tuple(not low <= accuracy <= high for low, high in intervals),
            )
        )
    return found


def errors(cell: Cell, studies: int) -> dict:
    """The shares of studies in which at least one look gives a false result."""
    rng = np.random.default_rng(
        [cell.readers, cell.images, cell.reader_sd > 0]
    )  # so that all schedules see the same studies
    edge = [study(cell, 0.5 + MARGIN, rng) for _ in range(studies)]
    guessing = [study(cell, 0.5, rng) for _ in range(studies)]

    def share(studies: list[list[Seen]], name: str, way: int) -> float:
        return float(np.mean([any(getattr(one, name)[way] for one in looks) for looks in studies]))

    return {
        **cell._asdict(),
        "looks": " ".join(f"{one:.2f}" for one in cell.looks),
        "studies": studies,
        "equivalence": share(edge, "equivalent", 0),
        "superiority": share(guessing, "differs", 0),
        "missed": share(edge + guessing, "missed", 0),
        "naive_equivalence": share(edge, "equivalent", 1),
        "naive_superiority": share(guessing, "differs", 1),
        "naive_missed": share(edge + guessing, "missed", 1),
        "power": share(guessing, "equivalent", 0),
        "power_once": float(np.mean([looks[-1].equivalent[1] for looks in guessing])),
    }


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    cells = [
        Cell(readers, images, *effects, looks)
        for readers, images, effects, looks in itertools.product(READERS, IMAGES, EFFECTS, SCHEDULES)
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = list(tqdm(pool.map(errors, cells, [studies] * len(cells)), total=len(cells), disable=None))
    report("looks", rows)


if __name__ == "__main__":
    main()
