"""Files that are called images open as plain RGB of a sensible size, or are refused with a reason."""

import io
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan.foundation.errors import GanError
from gan.imaging.image_files import MIN_SIDE, open_rgb
from tests.hostile.inputs import THOROUGH, bomb, outcome, picture, with_chunk

MEGABYTES = zlib.compress(bytes(300_000_000), 9)


def saved(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x")
    return buffer.getvalue()


FRAMES = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (10, 200)]


@pytest.mark.parametrize(
    "content",
    [
        bomb(),
        bomb(2**31 - 1, 2**31 - 1),
        bomb(1, 1),
        picture(format="JPEG")[:900],
        picture()[:-200],
        b"",
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>',
        picture(format="GIF"),
        b"8BPS\0\1" + bytes(6) + b"\0\3" + bytes(200),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n",
        zipped() + picture(),
    ],
    ids=[
        "bomb",
        "bomb of 2^62",
        "1 pixel",
        "half JPEG",
        "half PNG",
        "empty",
        "HTML",
        "SVG",
        "GIF",
        "PSD",
        "PostScript",
        "ZIP",
    ],
)
def test_what_is_no_image_of_a_known_kind_and_size_is_refused(content):
    with pytest.raises(GanError):
        open_rgb(content)


@pytest.mark.parametrize(
    "content",
    [
        picture(format="JPEG") + zipped(),
        picture(format="TIFF"),
        picture(format="WEBP"),
        picture(format="BMP"),
        saved(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
        saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]),
        saved(Image.new("P", (64, 64)), "PNG", transparency=0),
        saved(Image.new("1", (64, 64)), "PNG"),
        saved(Image.new("LA", (64, 64)), "PNG"),
        saved(Image.new("LAB", (64, 64)), "TIFF"),
        saved(Image.fromarray(np.full((64, 64), np.nan, np.float32)), "TIFF"),
        saved(Image.fromarray(np.full((64, 64), np.inf, np.float32)), "TIFF"),
    ],
    ids=[
        "JPEG and ZIP",
        "TIFF",
        "WebP",
        "BMP",
        "frames",
        "pages",
        "palette",
        "1-bit",
        "grey alpha",
        "LAB",
        "NaN",
        "inf",
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_files_that_hold_an_image_become_plain_rgb(content):
    image = open_rgb(content)
    assert image.mode == "RGB"
    assert min(image.size) >= MIN_SIDE


@pytest.mark.parametrize(
    ("kind", "content"),
    [(b"iCCP", b"x\0\0" + MEGABYTES), (b"zTXt", b"x\0\0" + MEGABYTES), (b"iTXt", b"x\0\1\0\0\0" + MEGABYTES)],
    ids=["iCCP", "zTXt", "iTXt"],
)
def test_a_note_in_a_png_that_unpacks_to_300_megabytes_is_not_unpacked(kind, content):
    tracemalloc.start()
    outcome(lambda: open_rgb(with_chunk(picture(), kind, content)), GanError)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000_000


whole = st.sampled_from([picture(format=format) for format in ("PNG", "JPEG", "TIFF", "BMP", "WEBP")])


@THOROUGH
@given(
    whole, st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=8)), max_size=4), st.integers(0)
)
def test_any_bytes_are_an_image_or_a_reason(content, changes, length):
    damaged = bytearray(content)
    for place, new in changes:
        place %= len(damaged)
        damaged[place : place + len(new)] = new
    found = outcome(lambda: open_rgb(bytes(damaged[: length % 30_000 or None])), GanError)
    assert isinstance(found, str) or (found.mode == "RGB" and min(found.size) >= MIN_SIDE)
