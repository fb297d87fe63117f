"""Finds round dark frames: the rim of the dermatoscope in the image's corners."""

import numpy as np

DARK = 0.45  # share of the brightness further in; a vignette of the lens is brighter
VERY_DARK = 0.25
REACHES = (1 / 64, 1 / 12)  # shares of the width: the outermost tip of a corner, and a corner that is dark throughout
BAR = 25  # grey value below which a whole edge is a black bar


def frame_score(grey: np.ndarray) -> float:
    """How dark the corners are; 1 or more is a round frame. `grey` (H, W) in 0..255.

    Three signs count, each scaled to 1 at its threshold: the tips of two corners are darker than `DARK` of the pixels
    further in; a whole corner is `VERY_DARK`; or an edge is a black bar.
    """
    tips, corners = [], []
    height, width = grey.shape
    reference = int(min(height, width) * 0.35)
    for flipped in (grey, grey[::-1], grey[:, ::-1], grey[::-1, ::-1]):
        inside = max(float(np.median(flipped[reference // 2 : reference, reference // 2 : reference])), 1.0)
        tip, corner = (_corner(flipped, max(3, round(width * reach))) / inside for reach in REACHES)
        tips.append(tip)
        corners.append(corner)
    second_darkest = sorted(tips)[1]
    edges = (grey[:2], grey[-2:], grey[:, :2], grey[:, -2:])
    brightest_of_bar = min(float(np.quantile(edge, 0.9)) for edge in edges)
    return max(DARK / max(second_darkest, 0.01), VERY_DARK / max(min(corners), 0.01), BAR / max(brightest_of_bar, 1.0))


def _corner(grey: np.ndarray, reach: int) -> float:
    """Median of the triangle of pixels within `reach` of the first corner."""
    rows, columns = np.ogrid[:reach, :reach]
    return float(np.median(grey[:reach, :reach][rows + columns < reach]))
