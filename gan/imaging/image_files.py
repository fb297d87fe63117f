"""Opens image files from anywhere as plain 8-bit RGB, and refuses what is not an image of sensible size."""

import hashlib
import warnings
from io import BytesIO
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gan.foundation.errors import GanError

MAX_PIXELS = 60_000_000  # larger than any dermatoscope's sensor
MAX_BYTES = 100_000_000
MIN_SIDE = 32
GREY = 4  # between the channels of a grey JPEG
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")


def open_rgb(source: bytes | IO[bytes]) -> Image.Image:
    """Decode a whole image file to mode RGB, upright.

    EXIF rotation is applied, CMYK is converted, 16 bits are scaled to 8, and transparency is laid on white. The number
    of pixels is checked in the header, before any pixel is decoded (decompression bombs).

    Raises `GanError` with the reason if the file is truncated, corrupt, too large, too small or not an image.
    """
    stream = BytesIO(source) if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings():
            # Our own limit below decides, and a damaged file fails when it is decoded.
            warnings.simplefilter("ignore")
            image = Image.open(stream, formats=FORMATS)
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise GanError(f"too large: {width} x {height} pixels, at most {MAX_PIXELS:,} are read")
            if min(width, height) < MIN_SIDE:
                raise GanError(f"too small: {width} x {height} pixels, at least {MIN_SIDE} on each side are needed")
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image)
    except GanError:
        raise
    except Image.DecompressionBombError as error:
        raise GanError("too large: more pixels than are read") from error
    except UnidentifiedImageError as error:
        raise GanError(f"not a readable image (none of {', '.join(FORMATS)})") from error
    except Exception as error:  # Pillow's decoders raise many types on hostile files
        raise GanError(f"not a readable image ({str(error) or type(error).__name__})") from error


def count_pixels(content: bytes) -> int:
    """The number of pixels according to the file's header; 0 if it is not an image. No pixel is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = Image.open(BytesIO(content), formats=FORMATS).size
    except Exception:  # Pillow's decoders raise many types on hostile files; `open_rgb` reports the reason
        return 0
    return width * height


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        pixels = np.nan_to_num(np.asarray(image, dtype=np.float32))
        # 16-bit greys are divided by 257. A 32-bit or float file that holds 8-bit values stays as it is.
        scale = 257.0 if pixels.max(initial=0) > 255 else 1.0
        return Image.fromarray(np.clip(pixels / scale, 0, 255).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")


def without_suffix(name: str) -> str:
    """The name of an image file without its extension; any other name as it is."""
    return next((name[: -len(end)] for end in SUFFIXES if name.lower().endswith(end)), name)


def is_grey(image: Image.Image) -> bool:
    """Whether an RGB image has no colour anywhere, like a mask."""
    small = np.asarray(image.resize((128, 128), Image.Resampling.BOX), dtype=int)
    return int((small.max(-1) - small.min(-1)).max()) <= GREY


def centre_square(image: Image.Image, size: int) -> Image.Image:
    """Crop the largest centred square and resample it to `size` x `size` (Lanczos).

    Training images and stimuli are all made by this function. If real and generated images were cropped differently,
    that alone would tell them apart.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square if side == size else square.resize((size, size), Image.Resampling.LANCZOS)


def png_bytes(pixels: np.ndarray | Image.Image) -> bytes:
    """PNG file of an (H, W, 3) uint8 array or an image, without metadata.

    The same pixels always give the same bytes.
    """
    image = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    buffer = BytesIO()
    Image.frombytes("RGB", image.size, image.tobytes()).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of the bytes."""
    return hashlib.sha256(content).hexdigest()
