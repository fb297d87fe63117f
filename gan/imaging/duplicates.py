"""Finds repeated pictures: perceptual hashes find candidates, and pixels decide."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.fft import dctn

HASH_BITS_APART = 8  # most different bits, of 63
ALIKE = 0.985  # correlation of the thumbnails
THUMBNAIL = 32
KEPT = 2000  # thumbnails in memory, 25 kB each


def perceptual_hash(thumbnail: np.ndarray) -> int:
    """pHash: the signs of the 8 x 8 lowest frequencies of a (32, 32) grey thumbnail, without the mean; 63 bits."""
    low = dctn(thumbnail, norm="ortho")[:8, :8].ravel()[1:]
    bits = low > np.median(low)
    return int("".join("1" if bit else "0" for bit in bits), 2)


def hash_of(thumbnail: np.ndarray) -> int:
    """The perceptual hash of a thumbnail (32, 32, 3), from the mean of its channels."""
    return perceptual_hash(thumbnail.mean(-1))


def thumbnail_of(image: Image.Image) -> np.ndarray:
    """The thumbnail by which duplicates are compared, (32, 32, 3) uint8."""
    return np.asarray(image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))


def direction_of(thumbnail: np.ndarray) -> np.ndarray:
    """The thumbnail (32, 32, 3) minus its mean, as a unit vector (3072,). The product of two is their correlation."""
    flat = thumbnail.reshape(-1).astype(float)
    flat -= flat.mean()
    return flat / max(float(np.linalg.norm(flat)), 1e-9)


class Look(NamedTuple):
    """What identifies a picture.

    Two are the same if hashes differ by at most `HASH_BITS_APART` and directions agree (`ALIKE`).
    """

    hash: int  # 63 bits
    direction: np.ndarray  # (3072,), unit length


def look_of(image: Image.Image) -> Look:
    thumbnail = thumbnail_of(image)
    return Look(hash_of(thumbnail), direction_of(thumbnail))


class Looks:
    """The looks of several pictures, which can be searched for one that shows the same."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._hashes = np.array([one.hash for one in looks], dtype=np.uint64)
        self._directions = np.stack([one.direction for one in looks])

    def alike(self, look: Look, among: int | None = None) -> np.ndarray:
        """Indices of the pictures, or of the first `among` of them, that show the same as `look`."""
        near = np.flatnonzero(np.bitwise_count(self._hashes[:among] ^ np.uint64(look.hash)) <= HASH_BITS_APART)
        return near[self._directions[near] @ look.direction >= ALIKE]


def duplicate_of(hashes: Sequence[int], thumbnail: Callable[[int], np.ndarray]) -> list[int | None]:
    """For each image, the index of the earlier image that it repeats, or None.

    Lesions look alike to a perceptual hash, so a pair must also agree pixel by pixel. `thumbnail` returns an image's
    (32, 32, 3) in 0..255 by its index. It is called only for pairs with similar hashes, so that a collection of any
    size fits in memory.
    """

    @lru_cache(maxsize=KEPT)
    def direction(index: int) -> np.ndarray:
        return direction_of(thumbnail(index))

    words = np.array(hashes, dtype=np.uint64)
    found: list[int | None] = []
    for index in range(len(words)):
        near = np.nonzero(np.bitwise_count(words[:index] ^ words[index]) <= HASH_BITS_APART)[0]
        found.append(next((int(one) for one in near if direction(int(one)) @ direction(index) >= ALIKE), None))
    return found
