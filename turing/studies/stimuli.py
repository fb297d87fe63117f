"""How an image becomes a stimulus: the one way, for real and generated alike."""

from io import BytesIO

from PIL import Image

from gan.models import GeneratedImage, LesionImage


def encode_stimulus(source: LesionImage | GeneratedImage, size: int, through: int) -> bytes:
    """PNG file of the image's centred square at `size` x `size` pixels, blinded.

    Real and generated images are cropped, resampled and encoded by the same calls, and all of them by way of
    `through` x `through` pixels, the size that the networks draw at: a real image that came with more pixels would
    otherwise be sharper than any generated one. The PNG holds pixels alone (IHDR, IDAT, IEND) and is stored without
    compression, so that every stimulus of a size has the same number of bytes: how well an image compresses would
    otherwise tell what it is.
    """
    pixels = source.square(through)
    if size != through:
        pixels = pixels.resize((size, size), Image.Resampling.LANCZOS)
    plain = Image.frombytes("RGB", pixels.size, pixels.tobytes())  # sheds every note the source file carried
    buffer = BytesIO()
    plain.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
