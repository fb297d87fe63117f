"""How an image becomes a stimulus: the one way, for real and generated alike."""

import random
from io import BytesIO

from PIL import Image

from gan.models import GeneratedImage, LesionImage
from turing.studies.degradation import degrade

CROPPED_TO = (0.9, 0.97)  # of the side, at random


def encode_stimulus(image: LesionImage | GeneratedImage, size: int, through: int, degradation: str = "") -> bytes:
    """PNG file of the image's centred square, less a margin, at `size` x `size` pixels, blinded.

    Real and generated images are cropped, resampled and encoded by the same calls, and all of them by way of
    `through` x `through` pixels, the size that the networks draw at: a real image that came with more pixels would
    otherwise be sharper than any generated one. Of those pixels a square of 90 to 97% of the side, at a random place,
    is resampled: cells of 8 x 8 pixels from JPEG, the grid on which a network upsamples and the traces of earlier
    resampling then lie across each image's pixels in a way of their own. Size and place follow from the pixels, so
    that the same image always gives the same bytes. The PNG holds pixels alone (IHDR, IDAT, IEND) and is stored without
    compression, so that every stimulus of a size has the same number of bytes: how well an image compresses would
    otherwise tell what it is. With a `degradation` of `turing.studies.degradation` the image is made worse at `through`
    pixels, before all other steps.
    """
    pixels = image.square(through)
    if degradation:
        pixels = degrade(pixels, degradation)
    source = random.Random(pixels.tobytes())
    side = through * source.uniform(*CROPPED_TO)
    left, top = (source.uniform(0, through - side) for _ in range(2))
    pixels = pixels.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    plain = Image.frombytes("RGB", pixels.size, pixels.tobytes())  # sheds every note the source file carried
    buffer = BytesIO()
    plain.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
