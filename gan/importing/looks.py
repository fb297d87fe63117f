"""Finds real images that look the same as given files: cropped to their square or not, resized, saved again."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from console import Progress, UserError
from files import read_file
from gan.curation.duplicates import ALIKE, HASH_BITS_APART, perceptual_hash, thumbnail_of
from gan.images import MAX_BYTES, centre_square, open_rgb
from gan.models import LesionImage

GREY = np.array([0.299, 0.587, 0.114])  # of RGB, as ITU-R BT.601 weighs it


def same_looking(paths: list[Path], progress: Progress) -> set[int]:
    """Primary keys of the lesion images that one of the files shows. Files that cannot be read show none."""
    thumbnails = []
    for path in progress(paths, "Looking at training images", len(paths), "image"):
        try:
            thumbnails.append(thumbnail_of(open_rgb(read_file(path, MAX_BYTES))))
        except UserError:
            continue
    if not thumbnails:
        return set()
    hashes = np.array([_hash(one) for one in thumbnails], dtype=np.uint64)
    directions = np.stack([_direction(one) for one in thumbnails])
    found = set()
    images = LesionImage.objects.order_by("pk")
    for image in progress(images.iterator(chunk_size=500), "Comparing with real images", images.count(), "image"):
        for thumbnail in _thumbnails(image):
            near = np.nonzero(np.bitwise_count(hashes ^ np.uint64(_hash(thumbnail))) <= HASH_BITS_APART)[0]
            if len(near) and (directions[near] @ _direction(thumbnail)).max() >= ALIKE:
                found.add(image.pk)
    return found


def _thumbnails(image: LesionImage) -> Iterator[np.ndarray]:
    """Of the whole image and of its square."""
    try:
        whole = open_rgb(image.read())
    except (UserError, OSError):
        return
    yield thumbnail_of(whole)
    if whole.width != whole.height:
        yield thumbnail_of(centre_square(whole, min(whole.size)))


def _hash(thumbnail: np.ndarray) -> int:
    return perceptual_hash(thumbnail @ GREY)


def _direction(thumbnail: np.ndarray) -> np.ndarray:
    flat = thumbnail.reshape(-1).astype(float)
    flat -= flat.mean()
    return flat / max(float(np.linalg.norm(flat)), 1e-9)
