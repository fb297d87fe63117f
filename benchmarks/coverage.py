"""How often 95% intervals cover the truth in simulated studies: the MRMC one and the naive one, side by side."""

import numpy as np
from scipy.special import expit, logit

from benchmarks.report import report
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.proportions import naive_intervals

STUDIES = 500
CELLS = [(5, 20), (20, 50), (65, 50), (65, 100)]
READER_SD, IMAGE_SD, RATE = 0.5, 0.7, 0.5872  # on the logit scale; the paper's fooling rate


def cover(readers: int, images: int, rng: np.random.Generator, truth: float) -> tuple[bool, bool]:
    """Whether each interval of one simulated, fully crossed study covers the truth."""
    effects = rng.normal(0, READER_SD, (readers, 1)) + rng.normal(0, IMAGE_SD, (1, images))
    y = rng.random((readers, images)) < expit(logit(RATE) + effects)
    reader, image = np.indices(y.shape)
    low, high = mrmc_rate(reader.ravel(), image.ravel(), y.ravel()).ci95 or (0.0, 1.0)
    naive_low, naive_high = naive_intervals(int(y.sum()), y.size)["wilson"] or (0.0, 1.0)
    return low <= truth <= high, naive_low <= truth <= naive_high


def main() -> None:
    rng = np.random.default_rng(0)
    effects = rng.normal(0, np.hypot(READER_SD, IMAGE_SD), 2_000_000)
    truth = float(expit(logit(RATE) + effects).mean())
    rows = []
    for readers, images in CELLS:
        covered = np.mean([cover(readers, images, rng, truth) for _ in range(STUDIES)], axis=0)
        rows.append(
            {"readers": readers, "images": images, "mrmc": float(covered[0]), "wilson_naive": float(covered[1])}
        )
    report("coverage", rows)


if __name__ == "__main__":
    main()
