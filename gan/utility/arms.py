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


def training_images(images: Images, arm: Arm, seed: int, number: int, seeds: int) -> Pool:
    """The arm's images: the first ones of each pool in the seed's random order. Larger sizes contain the smaller ones.

    `number` counts the seeds from 0. Each has generated images of its own if there are enough, because the interval
    over seeds knows only of what differs between them. Real images come before generated ones. Their groups have
    nothing in common.
    """
    rng = np.random.default_rng(seed)
    real = images.real.take(_first(images.real, arm.real, rng))
    each = images.real.counts if images.are_fresh(seeds) else None
    made = images.generated.take(_first(images.generated, arm.generated, rng, each, number))
    return Pool(
        np.concatenate([real.features, made.features]),
        np.concatenate([real.small, made.small]),
        np.concatenate([real.label, made.label]),
        np.concatenate([real.group, made.group + 1 + images.real.group.max()]),
    )


def _first(
    pool: Pool, counts: Sequence[int], rng: np.random.Generator, each: Sequence[int] | None = None, number: int = 0
) -> np.ndarray:
    """The first `counts` images of each diagnosis in random order; with `each`, of the part for `number`."""
    chosen = []
    for one, count in enumerate(counts):
        own = np.flatnonzero(pool.label == one)
        if each:
            own = own[number * each[one] : (number + 1) * each[one]]
        chosen.append(rng.permutation(own)[:count])
    return np.concatenate(chosen)
