"""How a form is randomised."""

import random
import secrets
from collections.abc import Iterable
from uuid import UUID


def new_seed() -> int:
    """A seed for one reading, from the system's entropy: no reader can work out another's order."""
    return secrets.randbits(62)


def form_order(stimuli: Iterable[UUID], seed: int) -> list[UUID]:
    """The stimuli in the random order that the seed gives; every order is equally likely.

    Sorts by one random number a stimulus. Python promises that `Random.random` gives the same numbers in every
    version, which it does not promise of `shuffle`: the order can be repeated years later. The stimuli are taken
    in the order of their ids, which are random, so their order in the argument does not matter.
    """
    source = random.Random(seed)
    keys = {stimulus: source.random() for stimulus in sorted(stimuli)}
    return sorted(keys, key=keys.__getitem__)
