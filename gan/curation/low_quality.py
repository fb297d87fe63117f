"""Finds images that are too small, too blurred, too dark or too flat to learn from."""

import numpy as np
from scipy import ndimage

SHORTEST_SIDE = 64  # pixels
SHARPEST_LOST = 0.35  # grey values of detail in an image 256 wide; with less, it is blurred
DARKEST, FLATTEST = 25.0, 4.0  # mean and standard deviation of the grey values


def quality_score(grey: np.ndarray) -> float:
    """How bad the image is; 1 or more is low quality. `grey` (H, W) in 0..255, about 256 wide.

    Detail is the standard deviation of what a Gaussian of one pixel removes. It is measured over the sharpest quarter
    of the image, so that a smooth lesion on smooth skin does not count as blurred.
    """
    fine = np.abs(grey - ndimage.gaussian_filter(grey, 1.0))
    detail = float(fine[fine >= np.quantile(fine, 0.75)].mean())
    return max(
        SHARPEST_LOST / max(detail, 1e-6),
        DARKEST / max(float(grey.mean()), 1e-6),
        FLATTEST / max(float(grey.std()), 1e-6),
    )
