"""Encodes an image as a stimulus, in the same way for real and generated images."""

import random
from io import BytesIO

from PIL import Image

from gan.models import GeneratedImage, LesionImage
from turing.studies.degradation import degrade

CROPPED_TO = (0.9, 0.97)  # share of the side, at random


def encode_stimulus(image: LesionImage | GeneratedImage, size: int, through: int, degradation: str = "") -> bytes:
    """PNG file of the image's centred square, less a margin, at `size` x `size` pixels, blinded.

    Real and generated images are cropped, resampled and encoded by the same calls. All of them are first brought to
    `through` x `through` pixels, the size that the networks draw. Otherwise a real image with more pixels would be
    sharper than any generated one.

    Of those pixels, a square of 90 to 97% of the side, at a random place, is resampled. This way JPEG's cells of 8 x 8
    pixels, the grid on which a network upsamples, and the traces of earlier resampling fall on different pixels in each
    image. Size and place depend only on the pixels, so that the same image always gives the same bytes.

    The PNG holds only pixels (IHDR, IDAT, IEND) and is stored without compression. So every stimulus of a size has the
    same number of bytes; how well an image compresses would otherwise reveal its truth.

    With a `degradation` of `turing.studies.degradation`, the image is made worse at `through` pixels, before all other
    steps.
    """
    pixels = image.square(through)
    if degradation:
        pixels = degrade(pixels, degradation)
    source = random.Random(pixels.tobytes())
    side = through * source.uniform(*CROPPED_TO)
    left, top = (source.uniform(0, through - side) for _ in range(2))
    pixels = pixels.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    plain = Image.frombytes("RGB", pixels.size, pixels.tobytes())  # drops all metadata of the source file
    buffer = BytesIO()
    plain.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
