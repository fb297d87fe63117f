"""Makes real images worse, in named ways, for a study's control."""

from io import BytesIO

from PIL import Image, ImageFilter

from turing.models import Study

Kind = Study.Degradation
JPEG_QUALITY = 10  # quality at which blocks of 8 x 8 pixels are visible
BLUR_SHARE = 0.015  # standard deviation of the Gaussian, as a share of the side
PIXELS_FACTOR = 4  # factor on each side


def degrade(image: Image.Image, kind: str) -> Image.Image:
    """The square RGB image made worse as `Study.Degradation` says. It keeps its size."""
    if kind == Kind.JPEG:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=JPEG_QUALITY)
        return Image.open(buffer).convert("RGB")
    if kind == Kind.BLUR:
        return image.filter(ImageFilter.GaussianBlur(BLUR_SHARE * image.width))
    if kind == Kind.PIXELS:
        small = (max(1, image.width // PIXELS_FACTOR), max(1, image.height // PIXELS_FACTOR))
        return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    raise ValueError(f"{kind!r} is no degradation")
