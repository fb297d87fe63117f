"""Seeds derived from seeds."""

import numpy as np


def derive_seed(*parts: int) -> int:
    """A 63-bit seed from whole numbers 0 and up, such as (run seed, step); stable across machines and versions.

    NumPy's `SeedSequence` mixes them: streams of neighbouring seeds do not overlap.
    """
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
