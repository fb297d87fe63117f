"""Whether more samples lie close to the training images than chance explains."""

from collections.abc import Iterator

import numpy as np

from gan.memorisation.distances import MEASURES, Nearness, limit_of

PERMUTATIONS = 999
AT_ONCE = 100


def closer_p_value(samples: Nearness, held_out: Nearness, permutations: int = PERMUTATIONS) -> float:
    """The p-value of the number of samples below a limit, if they were like held-out images of their diagnosis.

    A permutation test (Phipson and Smyth 2010, whose p-value is never 0). In each diagnosis, random images of both
    kinds take the part of the held-out ones. Each time the limits are computed anew from them, and the images that took
    the part of samples are counted. So the test allows for limits that come from few images, for measures that agree,
    and for a diagnosis that lies closer to the training images and has another share among the samples than among the
    held-out images. Images of a lesion are alike, so each held-out lesion has one image in the test.
    """
    held_out = held_out.one_of_each_group()
    number = len(held_out.features)
    distances = [np.concatenate([held_out.distance[measure], samples.distance[measure]]) for measure in MEASURES]
    observed = int(_closer(distances, np.arange(len(distances[0]))[None], number)[0])
    diagnosis = np.concatenate([held_out.diagnoses, samples.diagnoses])
    orders = _permutations(diagnosis, permutations)
    as_many = sum(int((_closer(distances, order, number) >= observed).sum()) for order in orders)
    return (1 + as_many) / (1 + permutations)


def _closer(distances: list[np.ndarray], order: np.ndarray, number: int) -> np.ndarray:
    """(B,) how many images come below a limit, in each order (B, N) of them, whose first `number` give the limits."""
    below = np.zeros((len(order), order.shape[1] - number), bool)
    for values in distances:
        below |= values[order[:, number:]] < limit_of(values[order[:, :number]])[:, None]
    return below.sum(1)


def _permutations(diagnosis: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """`count` random orders of images (N,) within their diagnoses, at most a hundred at once, and always the same."""
    random = np.random.default_rng(0)
    members = [np.flatnonzero(diagnosis == one) for one in np.unique(diagnosis)]
    for first in range(0, count, AT_ONCE):
        orders = np.empty((min(AT_ONCE, count - first), len(diagnosis)), dtype=np.int64)
        for places in members:
            orders[:, places] = random.permuted(np.tile(places, (len(orders), 1)), axis=1)
        yield orders
