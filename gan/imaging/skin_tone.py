"""Skin tone from the picture: the individual typology angle (ITA) of the skin around a lesion.

    ITA = arctan((L* - 50) / b*) in degrees, of CIELAB under D65; a higher angle is lighter skin.

Real and generated images are measured in the same way, as squares of one size. L* and b* are medians over the border
region. What is not skin is left out: the lesion if it reaches the border, hair, dark corners and frames, highlights,
ink and gauze. `gan.models.SKIN_TONES` has the bands.

References:
    Chardon, Cretois, Hourseau (1991), Skin colour typology and suntanning pathways, Int J Cosmet Sci 13:191-208: ITA.
    Del Bino, Bernerd (2013), Variations in skin colour and the biological consequences of ultraviolet
        radiation exposure, Br J Dermatol 169 Suppl 3:33-40: the bands.
    Kinyanjui et al. (2020), Fairness of classifiers across skin tones in dermatology, MICCAI: ITA of the skin around
        lesions in dermoscopy.
    Lee, Ng, Gallagher, Coldman, McLean (1997), DullRazor: a software approach to hair removal from images,
        Comput Biol Med 27:533-543: hair by morphological closing.
    Otsu (1979), A threshold selection method from gray-level histograms, IEEE Trans Syst Man Cybern 9:62-66.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import grey_closing

SIDE = 128  # pixels at which every image is measured
BORDER = 0.7  # share of the way from the centre to the middle of a side; the border region lies beyond it
LEAST_SKIN = 0.02  # share of the square's pixels
DARK, BRIGHT = 15.0, 97.0  # L* of vignettes and frames, and of highlights and white
GREENISH, BLUISH = -4.0, -15.0  # a* and b* of ink and gauze; even skin under cool light is not close to them
LEAST_YELLOW = 4.0  # smallest median b*; with less, the light was so cool that the angle says nothing
HAIR = 9.0  # L* by which a closing brightens a thin dark line
HAIR_WIDTH = 7  # pixels
CONTRAST = 12.0  # smallest difference in L* between Otsu's classes that means lesion and skin, not only skin


@dataclass(frozen=True)
class SkinTone:
    """ITA in degrees, and the share of pixels that are skin.

    There is no angle if they are few or the light is too cool.
    """

    ita: float | None
    share: float


def lab_of(rgb: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) uint8 as CIELAB (..., 3) float, D65."""
    value = np.asarray(rgb, float) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ matrix.T / (0.95047, 1.0, 1.08883)
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def measure(square: np.ndarray) -> SkinTone:
    """The skin tone around the lesion of an image (SIDE, SIDE, 3) uint8, its centred square."""
    lab = lab_of(square)
    light, red, yellow = lab[..., 0], lab[..., 1], lab[..., 2]
    axis = np.abs(np.linspace(-1, 1, len(square)))
    border = np.maximum(*np.meshgrid(axis, axis)) > BORDER
    skin = border & (light > DARK) & (light < BRIGHT) & (red > GREENISH) & (yellow > BLUISH)
    skin &= grey_closing(light, (HAIR_WIDTH, HAIR_WIDTH)) - light < HAIR
    if skin.any():
        skin &= light >= _lesion_below(light[skin])
    share = float(skin.mean())
    if share < LEAST_SKIN or (b := float(np.median(yellow[skin]))) < LEAST_YELLOW:
        return SkinTone(None, share)
    return SkinTone(float(np.degrees(np.arctan2(np.median(light[skin]) - 50, b))), share)


def _lesion_below(light: np.ndarray) -> float:
    """The L* below which border pixels are lesion; -inf if there is only skin."""
    counts, edges = np.histogram(light, 64)
    middle = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        dark, bright = sums / below, (sums[-1] - sums) / (total - below)
        between = np.where((below > 0) & (below < total), below * (total - below) * (bright - dark) ** 2, -1)
    at = int(np.argmax(between))
    return float(edges[at + 1]) if between[at] > 0 and bright[at] - dark[at] >= CONTRAST else -np.inf
