"""What a measurement of utility is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass

FEATURES, NETWORK = "features", "network"  # the two classifiers


@dataclass(frozen=True)
class Plan:
    """Images of each diagnosis to train on, training seeds, steps of the small network (0: leave it out)."""

    sizes: Sequence[int] = (25, 100, 400)
    seeds: int = 5
    seed: int = 0
    steps: int = 400
    limit: int = 1000  # real images of a diagnosis
    collection: str = ""  # of the test images; empty: any
