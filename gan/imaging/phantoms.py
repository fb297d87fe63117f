"""Drawn phantoms of dermoscopy images, for the demo and the tests. They are never evidence about real lesions.

Each phantom is a seeded drawing with numpy: skin of some tone and texture, a lesion with an irregular outline, the
signs of its diagnosis (melanoma: several browns, pigment network, globules; basal cell carcinoma: pink, branching
vessels, blue-grey nests), hairs, and, if requested, a ruler or a round dark frame.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

DIAGNOSES = ("melanoma", "basal cell carcinoma")
LICENCE = "CC-0"
ATTRIBUTION = "Phantom: drawn by this software, not a patient"

Array = np.ndarray


@dataclass(frozen=True)
class Canvas:
    """Pixel coordinates (H, W) in units of the short side, origin in the centre, and the random source."""

    x: Array
    y: Array
    rng: np.random.Generator

    @classmethod
    def create(cls, width: int, height: int, rng: np.random.Generator) -> "Canvas":
        rows, columns = np.mgrid[0:height, 0:width]
        short = min(width, height)
        return cls((columns - width / 2) / short, (rows - height / 2) / short, rng)

    def noise(self, scale: float) -> Array:
        """Smooth noise (H, W) of unit variance; `scale` is its grain in units of the short side."""
        field = gaussian_filter(self.rng.standard_normal(self.x.shape), scale * min(self.x.shape), mode="reflect")
        return field / (field.std() + 1e-9)


def draw_phantom(
    diagnosis: str, seed: int, width: int = 200, height: int = 150, *, ruler: bool = False, round_frame: bool = False
) -> Array:
    """One phantom, (height, width, 3) uint8; the same arguments give the same pixels.

    Raises `ValueError` for a diagnosis not in `DIAGNOSES`.
    """
    if diagnosis not in DIAGNOSES:
        raise ValueError(f"no phantom for {diagnosis!r}: choose from {', '.join(DIAGNOSES)}")
    canvas = Canvas.create(width, height, np.random.default_rng([seed, DIAGNOSES.index(diagnosis)]))
    image = _skin(canvas)
    image = _melanoma(canvas, image) if diagnosis == "melanoma" else _basal_cell_carcinoma(canvas, image)
    image = _hairs(canvas, image)
    image *= (1.04 - 0.28 * (canvas.x**2 + canvas.y**2))[..., None]  # the dermatoscope's light falls off
    if ruler:
        image = _ruler(canvas, image)
    if round_frame:
        radius = np.hypot(canvas.x, canvas.y)
        image *= (1 / (1 + np.exp((radius - 0.52) * 90)))[..., None]
    image += canvas.rng.normal(0, 0.008, image.shape)
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8)


def _blend(image: Array, colour: Array, mask: Array) -> Array:
    """Lay a colour (3,) or (H, W, 3) over the image, where the mask (H, W) in [0, 1] says."""
    return image + (colour - image) * mask[..., None]


def _step(field: Array, softness: float) -> Array:
    """0 for negative values of the field and 1 for positive ones, with a soft edge between."""
    return 1 / (1 + np.exp(-np.clip(field / softness, -40, 40)))


def _skin(canvas: Canvas) -> Array:
    rng = canvas.rng
    tone = np.array([0.86, 0.66, 0.58]) + rng.normal(0, 0.035, 3) + rng.normal(0, 0.05)
    texture = 0.012 * canvas.noise(0.012) + 0.016 * canvas.noise(0.2)
    redness = 0.02 * canvas.noise(0.1)
    return tone + texture[..., None] + redness[..., None] * np.array([0.3, -1.0, -0.8])


def _outline(canvas: Canvas, radius: float, irregularity: float) -> Array:
    """A field (H, W) like a signed distance; positive inside a lesion with an irregular border."""
    rng = canvas.rng
    x, y = canvas.x - rng.normal(0, 0.04), canvas.y - rng.normal(0, 0.04)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(0.75, 1.0)
    u = (np.cos(turn) * x + np.sin(turn) * y) / stretch
    v = (-np.sin(turn) * x + np.cos(turn) * y) * stretch
    angle = np.arctan2(v, u)
    border = np.full_like(angle, radius)
    for lobes in range(2, 8):
        border += radius * irregularity / lobes * rng.normal() * np.cos(lobes * angle + rng.uniform(0, 2 * np.pi))
    return border - np.hypot(u, v) + 0.012 * canvas.noise(0.02)


def _melanoma(canvas: Canvas, image: Array) -> Array:
    rng = canvas.rng
    inside = _outline(canvas, rng.uniform(0.24, 0.36), 0.35)
    lesion = _step(inside, rng.uniform(0.012, 0.03))
    brown = np.array([0.46, 0.29, 0.21]) + rng.normal(0, 0.03, 3)
    dark = np.array([0.20, 0.12, 0.11]) + rng.normal(0, 0.02, 3)
    image = _blend(image, brown, 0.9 * lesion)
    image = _blend(image, dark, 0.85 * lesion * _step(canvas.noise(0.07) - rng.uniform(-0.3, 0.8), 0.35))
    # Pigment network: dark lines where a fine noise crosses zero, towards the border.
    lines = np.exp(-((canvas.noise(0.018) / 0.25) ** 2))
    image = _blend(image, dark, 0.45 * lesion * lines * _step(0.16 - inside, 0.05))
    if rng.random() < 0.6:  # blue-white veil
        veil = _step(canvas.noise(0.09) - 1.0, 0.3) * _step(inside - 0.06, 0.03)
        image = _blend(image, np.array([0.47, 0.48, 0.55]), 0.7 * veil)
    for _ in range(rng.integers(3, 14)):  # globules
        spot = _disc(canvas, rng.normal(0, 0.15), rng.normal(0, 0.15), rng.uniform(0.008, 0.018))
        image = _blend(image, dark, 0.8 * spot * lesion)
    return image


def _basal_cell_carcinoma(canvas: Canvas, image: Array) -> Array:
    rng = canvas.rng
    inside = _outline(canvas, rng.uniform(0.22, 0.36), 0.22)
    lesion = _step(inside, rng.uniform(0.03, 0.06))
    pink = np.array([0.80, 0.50, 0.47]) + rng.normal(0, 0.03, 3)
    image = _blend(image, pink + 0.02 * canvas.noise(0.03)[..., None], 0.75 * lesion)
    image = _blend(image, np.array([0.93, 0.84, 0.80]), 0.35 * lesion * _step(canvas.noise(0.05) - 0.8, 0.4))
    for _ in range(rng.integers(2, 7)):  # blue-grey ovoid nests
        nest = _disc(canvas, rng.normal(0, 0.13), rng.normal(0, 0.13), rng.uniform(0.015, 0.05))
        image = _blend(image, np.array([0.42, 0.38, 0.44]), 0.75 * nest * lesion)
    vessels = np.zeros_like(canvas.x)
    for _ in range(rng.integers(2, 5)):  # branching vessels
        _branch(canvas, vessels, rng.uniform(-0.3, 0.3, 2), rng.uniform(0, 2 * np.pi), 0.009, 3)
    return _blend(image, np.array([0.66, 0.24, 0.25]), 0.7 * np.minimum(vessels, 1) * _step(inside + 0.08, 0.04))


def _disc(canvas: Canvas, x: float, y: float, radius: float) -> Array:
    return _step(radius - np.hypot(canvas.x - x, canvas.y - y), radius / 5)


def _branch(canvas: Canvas, mask: Array, start: Array, angle: float, width: float, depth: int) -> None:
    """Draw a wandering vessel into the mask, and two thinner ones from its end."""
    point = np.array(start, dtype=float)
    for _ in range(24):
        angle += canvas.rng.normal(0, 0.16)
        point += 0.008 * np.array([np.cos(angle), np.sin(angle)])
        squared = (canvas.x - point[0]) ** 2 + (canvas.y - point[1]) ** 2
        np.maximum(mask, np.exp(-squared / (2 * (width * 0.6) ** 2)), out=mask)
    if depth > 1:
        for turn in (-0.5, 0.5):
            _branch(canvas, mask, point, angle + turn, width * 0.7, depth - 1)


def _hairs(canvas: Canvas, image: Array) -> Array:
    rng = canvas.rng
    for _ in range(rng.poisson(1.5)):
        angle, offset, bend = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5), rng.normal(0, 0.3)
        along = canvas.x * np.cos(angle) + canvas.y * np.sin(angle)
        across = -canvas.x * np.sin(angle) + canvas.y * np.cos(angle) - offset - bend * along**2
        image = _blend(image, np.array([0.13, 0.10, 0.09]), 0.8 * np.exp(-((across / 0.005) ** 2)))
    return image


def _ruler(canvas: Canvas, image: Array) -> Array:
    bottom = canvas.y > canvas.y.max() - 0.12
    tick = (np.mod(canvas.x, 0.08) < 0.008) & (canvas.y > canvas.y.max() - 0.07)
    image = _blend(image, np.array([0.9, 0.9, 0.88]), 0.35 * bottom)
    return _blend(image, np.array([0.1, 0.1, 0.1]), 0.9 * tick)
