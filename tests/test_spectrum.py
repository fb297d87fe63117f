"""The benchmarks' spectrum tells in which frequencies generated images differ from real ones."""

import numpy as np
import pytest

from benchmarks.spectrum import relative_power


def test_a_grain_shows_in_the_band_of_its_frequency_alone():
    rng = np.random.default_rng(0)
    real = rng.integers(100, 156, (8, 64, 64, 3))
    other = rng.integers(100, 156, (8, 64, 64, 3))
    assert relative_power(other, real) == pytest.approx(dict.fromkeys(["16", "8", "4", "2.7"], 1), abs=0.15)
    columns = np.arange(64)[None, None, :, None]
    grain = 20 * np.cos(2 * np.pi * columns * 0.3)  # waves of 3.3 pixels
    found = relative_power(other + grain, real)
    assert found["4"] > 5
    assert [found[name] for name in ("16", "8", "2.7")] == pytest.approx([1, 1, 1], abs=0.15)
    assert relative_power(2 * real, real) == pytest.approx(dict.fromkeys(found, 4))
