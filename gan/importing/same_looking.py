"""Finds real images that look the same as given files, even if cropped to their square, resized or saved again."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from console import Progress, UserError
from files import read_file
from gan.imaging.duplicates import Looks, look_of
from gan.imaging.image_files import MAX_BYTES, centre_square, open_rgb
from gan.models import LesionImage


def same_looking(paths: list[Path], progress: Progress) -> set[int]:
    """Primary keys of lesion images that one of the files shows. Unreadable files show none."""
    looks = []
    for path in progress(paths, "Looking at training images", len(paths), "image"):
        try:
            looks.append(look_of(open_rgb(read_file(path, MAX_BYTES))))
        except UserError:
            continue
    if not looks:
        return set()
    wanted, found = Looks(looks), set()
    images = LesionImage.objects.order_by("pk")
    for image in progress(images.iterator(chunk_size=500), "Comparing with real images", images.count(), "image"):
        if any(len(wanted.alike(look_of(picture))) for picture in _pictures(image)):
            found.add(image.pk)
    return found


def _pictures(image: LesionImage) -> Iterator[Image.Image]:
    """The whole image and its square."""
    try:
        whole = open_rgb(image.read())
    except (UserError, OSError):
        return
    yield whole
    if whole.width != whole.height:
        yield centre_square(whole, min(whole.size))
