"""The same picture twice: perceptual hashes find candidates, pixels decide."""

from collections.abc import Sequence

import numpy as np
from scipy.fft import dctn

HASH_BITS_APART = 8  # of 63
ALIKE = 0.985  # correlation of the thumbnails
THUMBNAIL = 32


def perceptual_hash(thumbnail: np.ndarray) -> int:
    """pHash: signs of the 8 x 8 lowest frequencies of a (32, 32) grey thumbnail, without the mean; 63 bits."""
    low = dctn(thumbnail, norm="ortho")[:8, :8].ravel()[1:]
    bits = low > np.median(low)
    return int("".join("1" if bit else "0" for bit in bits), 2)


def duplicate_of(hashes: Sequence[int], thumbnails: np.ndarray) -> list[int | None]:
    """For each image the index of the earlier image that it repeats, or None. Thumbnails (N, 32, 32, 3) in 0..255.

    Lesions look alike to a perceptual hash: a pair also has to agree pixel by pixel.
    """
    bits = np.array([[one >> shift & 1 for shift in range(63)] for one in hashes], dtype=np.int16)
    flat = thumbnails.reshape(len(thumbnails), -1).astype(float)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    found: list[int | None] = []
    for index in range(len(bits)):
        near = np.nonzero((bits[:index] != bits[index]).sum(1) <= HASH_BITS_APART)[0]
        alike = near[flat[near] @ flat[index] >= ALIKE] if len(near) else near
        found.append(int(alike[0]) if len(alike) else None)
    return found
