"""How much fine detail generated images have, compared with real ones, by frequency. No network is involved.

Upsampling networks leave traces at high frequencies (Durall et al. 2020), which people see as grain.
"""

import numpy as np

# Bands by the larger of the two frequencies of a wave, in cycles per pixel: waves of 16 to 8, 8 to 4, 4 to 2.7 and 2.7
# to 2 pixels.
BANDS = {"16": (1 / 16, 1 / 8), "8": (1 / 8, 1 / 4), "4": (1 / 4, 3 / 8), "2.7": (3 / 8, 1 / 2)}


def relative_power(generated: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Power of generated over that of real images (N, S, S, 3) uint8 in bands of frequency; 1 if both are alike.

    The keys are the longest waves of the bands, in pixels.
    """
    side = real.shape[1]
    frequency = np.abs(np.fft.fftfreq(side))
    larger = np.maximum(frequency[:, None], frequency)
    ours, theirs = _power(generated), _power(real)
    found = {}
    for name, (low, high) in BANDS.items():
        band = (larger > low) & (larger <= high)
        found[name] = float(ours[band].mean() / theirs[band].mean())
    return found


def _power(images: np.ndarray) -> np.ndarray:
    """(S, S) mean power spectrum of the brightness of images (N, S, S, 3), faded out towards the borders."""
    brightness = images.mean(3)
    window = np.hanning(images.shape[1])
    faded = (brightness - brightness.mean((1, 2), keepdims=True)) * window[:, None] * window
    return np.asarray((np.abs(np.fft.fft2(faded)) ** 2).mean(0))
