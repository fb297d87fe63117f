"""Finds rulers and annotations: parallel dark strokes at regular distances near the border, and colours unlike skin.

A bank of oriented filters finds strokes on the red channel, in which pigment and vessels are weak and ink is strong.
Whether a row of strokes is a ruler is decided *a contrario* (Desolneux, Moisan and Morel 2000): how many rows as
regular and as strong would be expected by chance among so many strokes?
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
from scipy import ndimage
from scipy.fft import irfft2, next_fast_len, rfft2

ANGLES = 16
ACROSS, ALONG = 1.5, 3.5  # standard deviations of the filters in pixels of an image 256 wide
WEAKEST = 0.04  # stroke strength, in logarithms of brightness
USUAL = 0.03
STRENGTH_WEIGHT = 4.0
BORDER = 0.15  # share of the shorter side; rulers lie at the edge
NEAREST, FURTHEST = 7.0, 42.0  # pixels between neighbouring ticks
SHIFT = 20.0  # pixels along the tick; long and short ticks share an end, not a centre
TILT = np.radians(22)
MOST_STROKES = 120
SIGNIFICANT = 3.5  # score of a ruler
COLOURED_SHARE = 0.002  # of the pixels
FLATTEST_EDGE = 1.0  # grey values


@dataclass(frozen=True)
class Strokes:
    """Dark strokes: centres (N, 2) as row and column, unit vectors along them (N, 2), strengths (N,)."""

    centre: np.ndarray
    along: np.ndarray
    strength: np.ndarray
    searched: int  # pixels

    @property
    def across(self) -> np.ndarray:
        return np.stack([self.along[:, 1], -self.along[:, 0]], 1)

    def angle(self, one: int | np.integer, other: int | np.integer) -> float:
        """The angle between two strokes, 0 to pi / 2."""
        return float(np.arccos(np.clip(abs(self.along[one] @ self.along[other]), 0, 1)))


def ruler_score(rgb: np.ndarray) -> float:
    """How much the image looks annotated; 1 or more is a ruler or an annotation. `rgb` (H, W, 3) in 0..255."""
    strokes = find_strokes(rgb[..., 0])
    best = max((_significance(strokes, row, shifts) for row, shifts in _rows(strokes)), default=0.0)
    return max(best / SIGNIFICANT, coloured_share(rgb) / COLOURED_SHARE, FLATTEST_EDGE / max(_edge_spread(rgb), 0.01))


def coloured_share(rgb: np.ndarray) -> float:
    """The share of pixels in pure colours that skin and pigment do not have, such as print, ink and stickers."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    # Channel by channel, because numpy is slow at reducing an axis of three.
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    strange = (green > red + 20) | (blue > red + 45) | ((red > 150) & (green > 140) & (blue < 60))
    return float((strange & (chroma > 45)).mean())


def _edge_spread(rgb: np.ndarray) -> float:
    """The smallest standard deviation of grey values along an edge.

    Near 0 if a strip of one colour was pasted there.
    """
    grey = (rgb[..., 0] + rgb[..., 1] + rgb[..., 2]) / 3
    deep = max(3, round(0.03 * len(grey)))
    return float(min(edge.std() for edge in (grey[:deep], grey[-deep:], grey[:, :deep], grey[:, -deep:])))


def find_strokes(channel: np.ndarray) -> Strokes:
    """Dark strokes near the border of an image (H, W) about 256 pixels wide, the strongest first."""
    logarithm = np.log(np.maximum(channel, 10)).astype(np.float32)  # transforms take most of the time
    height, width = channel.shape
    padded = np.pad(logarithm, 12, mode="reflect")
    responses = _filtered(padded)[:, 12:-12, 12:-12]
    best, which = responses.max(0), responses.argmax(0)
    rows, columns = np.mgrid[:height, :width]
    # A dot has a response in every direction, a stroke in one.
    strength = best - np.maximum(responses[(which + ANGLES // 2) % ANGLES, rows, columns], 0)
    edge = np.minimum.reduce([rows, columns, height - 1 - rows, width - 1 - columns])
    near = edge < BORDER * min(height, width)
    peaks = near & (best == ndimage.maximum_filter(best, 7)) & (strength > WEAKEST)
    y, x = np.nonzero(peaks)
    order = np.argsort(-strength[y, x], kind="stable")[:MOST_STROKES]
    y, x = y[order], x[order]
    angle = np.pi * which[y, x] / ANGLES
    return Strokes(
        np.stack([y, x], 1).astype(float), np.stack([np.sin(angle), np.cos(angle)], 1), strength[y, x], int(near.sum())
    )


def _filtered(channel: np.ndarray) -> np.ndarray:
    """The image (H, W) convolved with every filter (ANGLES, H, W). All filters share one transform of the image."""
    height, width = channel.shape
    around = _filters()[0].shape[0] - 1
    fast = (next_fast_len(height + around, True), next_fast_len(width + around, True))
    whole = irfft2(rfft2(channel, fast) * _spectra(fast), fast)
    return whole[:, around // 2 : around // 2 + height, around // 2 : around // 2 + width]


@lru_cache(maxsize=16)  # cached, because images of a collection have few shapes
def _spectra(shape: tuple[int, int]) -> np.ndarray:
    return rfft2(np.stack(_filters()).astype(np.float32), shape)


@cache
def _filters() -> list[np.ndarray]:
    """Filters: second derivatives of a Gaussian across, a Gaussian along; positive on a dark stroke, with zero mean."""
    y, x = np.mgrid[-11:12, -11:12].astype(float)
    filters = []
    for step in range(ANGLES):
        angle = np.pi * step / ANGLES
        along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
        bar = ((across / ACROSS) ** 2 - 1) * np.exp(-((across / ACROSS) ** 2 + (along / ALONG) ** 2) / 2)
        bar -= bar.mean()
        filters.append(bar / np.abs(bar).sum())
    return filters


def _rows(strokes: Strokes) -> Iterator[tuple[list[int], list[tuple[float, float]]]]:
    """Every row of two or more parallel strokes at equal distances.

    Each comes with the deviations of its strokes from their expected places.
    """
    centre, along, across = strokes.centre, strokes.along, strokes.across
    for first in range(len(centre)):
        distance = np.hypot(*(centre - centre[first]).T)
        for second in np.nonzero((distance >= NEAREST) & (distance <= FURTHEST))[0]:
            step = centre[second] - centre[first]
            sideways = abs(across[first] @ step)
            if (
                strokes.angle(first, second) > TILT
                or sideways < 0.9 * NEAREST
                or abs(along[first] @ step) > max(sideways, SHIFT)
            ):
                continue
            row, shifts = [first, int(second)], []
            while (found := _next(strokes, row)) is not None:
                row.append(found[0])
                shifts.append(found[1:])
            yield row, shifts


def _next(strokes: Strokes, row: list[int]) -> tuple[int, float, float] | None:
    """The next stroke of the row, and its deviation across and along the strokes."""
    last = row[-1]
    step = strokes.centre[last] - strokes.centre[row[-2]]
    ahead = strokes.centre - strokes.centre[last]
    across, along = strokes.across[last], strokes.along[last]
    off_across = np.abs(ahead @ across - step @ across)
    off_along = np.abs(ahead @ along - step @ along)
    fits = (off_across <= max(0.25 * abs(step @ across), 2.0)) & (off_along <= SHIFT)
    candidates = [int(k) for k in np.nonzero(fits)[0] if k not in row and strokes.angle(int(k), last) <= TILT]
    if not candidates:
        return None
    best = min(candidates, key=lambda k: off_across[k] + 0.3 * off_along[k] - 20 * strokes.strength[k])
    return best, float(off_across[best]), float(off_along[best])


def _significance(strokes: Strokes, row: list[int], shifts: list[tuple[float, float]]) -> float:
    """Minus log10 of the number of such rows expected by chance, plus a bonus for strong strokes."""
    weakest = float(strokes.strength[row].min())
    rivals = max(int((strokes.strength >= weakest).sum()), 3)
    expected = np.log10(rivals * (rivals - 1)) + np.log10(np.pi * FURTHEST**2 / strokes.searched)
    for off_across, off_along in shifts:
        chance = rivals * 4 * max(off_across, 1.0) * max(off_along, 2.0) / strokes.searched
        expected += min(np.log10(chance), -0.3)
    for one, other in pairwise(row):
        expected += np.log10(2 * max(strokes.angle(one, other), np.radians(6)) / np.pi)
    return float(-expected + STRENGTH_WEIGHT * np.log10(weakest / USUAL))
