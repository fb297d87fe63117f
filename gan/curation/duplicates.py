"""The same picture twice: perceptual hashes find candidates, pixels decide."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image
from scipy.fft import dctn

HASH_BITS_APART = 8  # of 63
ALIKE = 0.985  # correlation of the thumbnails
THUMBNAIL = 32
KEPT = 2000  # thumbnails in memory, 25 kB each


def perceptual_hash(thumbnail: np.ndarray) -> int:
    """pHash: signs of the 8 x 8 lowest frequencies of a (32, 32) grey thumbnail, without the mean; 63 bits."""
    low = dctn(thumbnail, norm="ortho")[:8, :8].ravel()[1:]
    bits = low > np.median(low)
    return int("".join("1" if bit else "0" for bit in bits), 2)


def thumbnail_of(image: Image.Image) -> np.ndarray:
    """The image as duplicates are compared, (32, 32, 3) uint8."""
    return np.asarray(image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))


def duplicate_of(hashes: Sequence[int], thumbnail: Callable[[int], np.ndarray]) -> list[int | None]:
    """For each image the index of the earlier image that it repeats, or None.

    Lesions look alike to a perceptual hash: a pair also has to agree pixel by pixel. `thumbnail` gives an image's
    (32, 32, 3) in 0..255 by its index; it is asked only for pairs whose hashes are near, so that a collection of any
    size fits in memory.
    """

    @lru_cache(maxsize=KEPT)
    def direction(index: int) -> np.ndarray:
        flat = thumbnail(index).reshape(-1).astype(float)
        flat -= flat.mean()
        return flat / max(float(np.linalg.norm(flat)), 1e-9)

    words = np.array(hashes, dtype=np.uint64)
    found: list[int | None] = []
    for index in range(len(words)):
        near = np.nonzero(np.bitwise_count(words[:index] ^ words[index]) <= HASH_BITS_APART)[0]
        found.append(next((int(one) for one in near if direction(int(one)) @ direction(index) >= ALIKE), None))
    return found
