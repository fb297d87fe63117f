"""Measures hints in the pixels that no human sees. They cannot all be removed; the audit reports how strong they are.

References:
    Durall, Keuper, Keuper (2020), Watch your up-convolution: CNN based generative deep neural networks are failing to
        reproduce spectral distributions, CVPR (the spectrum).
    Fan, de Queiroz (2003), Identification of bitmap compression history, IEEE Trans Image Process 12:230-235 (blocks).
    Popescu, Farid (2005), Exposing digital forgeries by detecting traces of resampling, IEEE Trans Signal Process
        53:758-767.
"""

from io import BytesIO

import numpy as np
from PIL import Image

from turing.studies.blinding.checks import Check, Verdict, trace_check

HINTS = {
    "high frequencies": "energy in the upper half of the spectrum",
    "spectrum's slope": "fall of energy with frequency",
    "8x8 blocks": "steps at multiples of 8 pixels against other steps, as JPEG leaves them",
    "checkerboard": "energy at a period of two pixels, as upsampling networks leave it",
    "resampling": "how well a pixel follows from its neighbours",
    "clipped values": "share of values at 0 or 255",
}


def hints_of(content: bytes) -> list[float]:
    """One number for each of `HINTS`."""
    with Image.open(BytesIO(content)) as image:
        rgb = np.asarray(image.convert("RGB"), float)
    grey = rgb.mean(2)
    power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(size) for size in grey.shape), indexing="ij"))
    radius = np.minimum((frequency * min(grey.shape)).astype(int), min(grey.shape) // 2)
    rings = np.bincount(radius.ravel(), power.ravel()) / np.bincount(radius.ravel())
    at = np.arange(2, len(rings) - 1)
    slope = np.polyfit(np.log(at), np.log(rings[at] + 1e-9), 1)[0]
    steps = np.abs(np.diff(grey, axis=1)).mean(0)
    edges = np.arange(len(steps)) % 8 == 7
    predicted = (grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]) / 4
    return [
        float(power[frequency > 0.25].sum() / max(power.sum(), 1e-9)),
        float(slope),
        float(steps[edges].mean() / max(steps[~edges].mean(), 1e-9)),
        float(power[:, power.shape[1] // 2].sum() / max(power.sum(), 1e-9)),
        float(np.abs(grey[1:-1, 1:-1] - predicted).mean() / max(grey.std(), 1e-9)),
        float(((rgb == 0) | (rgb == 255)).mean()),
    ]


def check_pixels(contents: list[bytes], generated: np.ndarray) -> tuple[list[Check], np.ndarray]:
    """A warning for each hint that goes with the truth; and the hints (n, 6)."""
    hints = np.array([hints_of(content) for content in contents])
    checks = [
        trace_check(f"pixels: {name}", hints[:, index], generated, what, found=Verdict.WARNING)
        for index, (name, what) in enumerate(HINTS.items())
    ]
    return checks, hints
