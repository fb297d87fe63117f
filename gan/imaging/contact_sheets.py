"""Contact sheets: many images in one picture."""

import numpy as np
from PIL import Image

GAP = 2  # white pixels between images


def contact_sheet(images: np.ndarray, columns: int) -> Image.Image:
    """Images (N, H, W, 3) uint8 in rows of `columns`, with a white gap."""
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return Image.fromarray(sheet)
