"""What attackers, spreadsheets and tired people send: strategies for Hypothesis, and named files."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from PIL import Image

# The same examples on every machine: a test that fails here fails in CI.
FIXED = {"derandomize": True, "deadline": None, "database": None}
QUICK = settings(max_examples=60, suppress_health_check=list(HealthCheck), **FIXED)
FEW = settings(max_examples=20, suppress_health_check=list(HealthCheck), **FIXED)
THOROUGH = settings(max_examples=300, suppress_health_check=list(HealthCheck), **FIXED)

# Line ends that are none in a CSV, NUL, half characters, direction marks, digits that are not 0 to 9.
ODD = [
    "\0",
    "\ud800",
    "\udcff",
    "\u2028",
    "\u2029",
    "\x85",
    "\x0b",
    "\x1c",
    "\u202e",
    "\u0663",
    "\xb2",
    "e\u0301",
    "💥",
]
NUMBERS = ["nan", "inf", "-inf", "1e400", "-0", "-1", "9" * 5000, "0x10", "1_000", "\u0663", "", " ", "1.5", "2.0"]

odd_text = st.lists(st.one_of(st.sampled_from([*ODD, '"', ",", ";", "\t", "\n", "\r"]), st.text(max_size=5))).map(
    "".join
)
odd_value = st.one_of(odd_text, st.sampled_from(NUMBERS), st.just("x" * 20_000))


def picture(seed: int = 0, format: str = "PNG", size: tuple[int, int] = (64, 48), **options) -> bytes:
    """An image file with colour in it."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """The PNG with one more chunk after its header."""
    return png[:33] + chunk(kind, content) + png[33:]


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A small PNG that claims a billion pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def outcome(call: Callable[[], Any], error: type[Exception]) -> Any:
    """The result of the call, or the text of the only error that it may raise."""
    try:
        return call()
    except error as raised:
        return str(raised)
