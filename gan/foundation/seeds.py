"""Derives seeds from seeds."""

import numpy as np


def derive_seed(*parts: int) -> int:
    """A 63-bit seed from whole numbers of at least 0, such as (run seed, step).

    It is stable across machines and versions. NumPy's `SeedSequence` mixes them, so that streams of neighbouring seeds
    do not overlap.
    """
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
