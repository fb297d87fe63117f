"""The arms of a measurement: real images, generated ones, both, and every real one with generated ones added."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan.utility.image_pools import Images, Pool

ALL = "all"
REAL, GENERATED, HALF, EVERY, ADDED = "real", "generated", "half", "every real", "added"
MEANING = {
    REAL: "real images alone",
    GENERATED: "generated images alone, as many",
    HALF: "half real, half generated, as many in all",
    EVERY: "every real image",
    ADDED: "every real image, and as many generated ones added, as far as there are",
}


@dataclass(frozen=True)
class Arm:
    """The training data of one classifier: numbers of real and of generated images, by diagnosis."""

    name: str
    size: str  # images of each diagnosis, or `ALL`
    real: tuple[int, ...]
    generated: tuple[int, ...]


def arms_of(real: Sequence[int], generated: Sequence[int], sizes: Sequence[int]) -> list[Arm]:
    """The arms for the given numbers of real and generated images of each diagnosis; `ALL` is always among the sizes.

    Equal sizes are equal for each diagnosis, too. A diagnosis with fewer images than a size contributes all that it
    has. A size that no diagnosis reaches is `ALL`, which is as many as there are of both real and generated images.
    """
    most = tuple(map(min, zip(real, generated, strict=True)))
    nothing = tuple(0 for _ in most)
    found = []
    for size in [*sorted({size for size in sizes if size < max(most)}), None]:
        counts = most if size is None else tuple(min(size, limit) for limit in most)
        halves = tuple(count // 2 for count in counts)
        rest = tuple(count - half for count, half in zip(counts, halves, strict=True))
        name = ALL if size is None else str(size)
        found += [
            Arm(REAL, name, counts, nothing),
            Arm(GENERATED, name, nothing, counts),
            Arm(HALF, name, rest, halves),
        ]
    return [*found, Arm(EVERY, ALL, tuple(real), nothing), Arm(ADDED, ALL, tuple(real), most)]


def training_images(images: Images, arm: Arm, seed: int) -> Pool:
    """The arm's images: the first ones of each pool in the seed's random order. Larger sizes contain the smaller ones.

    Real images come before generated ones. Their groups have nothing in common.
    """
    real = images.real.take(_first(images.real, arm.real, seed))
    made = images.generated.take(_first(images.generated, arm.generated, seed))
    return Pool(
        np.concatenate([real.features, made.features]),
        np.concatenate([real.small, made.small]),
        np.concatenate([real.label, made.label]),
        np.concatenate([real.group, made.group + 1 + images.real.group.max()]),
    )


def _first(pool: Pool, counts: Sequence[int], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(np.flatnonzero(pool.label == one)) for one in range(len(counts))]
    return np.concatenate([order[:count] for order, count in zip(orders, counts, strict=True)])
