"""The options of a measurement of utility."""

from collections.abc import Sequence
from dataclasses import dataclass

FEATURES, NETWORK = "features", "network"  # the two classifiers


@dataclass(frozen=True)
class Plan:
    """Images of each diagnosis to train on, training seeds, and steps of the small network (0 leaves it out)."""

    sizes: Sequence[int] = (25, 100, 400)
    seeds: int = 5
    seed: int = 0
    steps: int = 400
    limit: int = 1000  # real images of a diagnosis
    collection: str = ""  # collection of the test images; empty means any
