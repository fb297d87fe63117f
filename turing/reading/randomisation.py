"""Randomises the order of a reader's form."""

import random
import secrets
from collections.abc import Iterable, Mapping
from uuid import UUID

Placed = tuple[UUID, str]  # a stimulus, and the phase of its trial
REPEAT_GAP = 10  # smallest number of images between an image and its repeat, if the form is long enough


def new_seed() -> int:
    """A seed for one reading, from the system's entropy, so that no reader can work out another reader's order."""
    return secrets.randbits(62)


def form_order(stimuli: Iterable[UUID], seed: int) -> list[UUID]:
    """The stimuli in the random order given by the seed. Every order is equally likely.

    It sorts by one random number for each stimulus. Python promises that `Random.random` gives the same numbers in
    every version, but does not promise this for `shuffle`. So the order can be repeated years later. The stimuli are
    first sorted by their ids, which are random, so the order of the argument does not matter.
    """
    source = random.Random(seed)
    keys = {stimulus: source.random() for stimulus in sorted(stimuli)}
    return sorted(keys, key=keys.__getitem__)


def in_blocks(order: Iterable[UUID], block_of: Mapping[UUID, str], seed: int) -> list[UUID]:
    """The order with one block of stimuli after the other; the seed gives the order of the blocks."""
    source = random.Random(f"{seed} blocks")
    rank = {block: source.random() for block in sorted(set(block_of.values()))}
    return sorted(order, key=lambda stimulus: rank[block_of[stimulus]])


def with_repeats(order: list[UUID], count: int, seed: int, block_of: Mapping[UUID, str]) -> list[tuple[UUID, bool]]:
    """The order with `count` of its stimuli repeated, each later in its own block; and a flag for each repeat.

    The seed decides which are repeated and where. At least `REPEAT_GAP` images lie between an image and its repeat, or
    a quarter of the block if that is less. Raises ValueError if fewer than `count` images can be repeated.
    """
    source = random.Random(f"{seed} repeats")
    end = {block_of[stimulus]: index + 1 for index, stimulus in enumerate(order)}
    length = {block: sum(block_of[stimulus] == block for stimulus in order) for block in end}
    places = []
    for index, stimulus in enumerate(order):
        block = block_of[stimulus]
        first = index + min(REPEAT_GAP, length[block] // 4)
        key, share = source.random(), source.random()
        if first < end[block]:
            places.append((key, first + share * (end[block] - first), stimulus))
    if count > len(places):
        raise ValueError(f"{count} repeats are wanted, but only {len(places)} images can be repeated")
    placed = [(float(index), False, stimulus) for index, stimulus in enumerate(order)]
    placed += [(place, True, stimulus) for _, place, stimulus in sorted(places)[:count]]
    return [(stimulus, repeat) for _, repeat, stimulus in sorted(placed, key=lambda one: one[:2])]


def with_controls_among(
    order: list[Placed], controls: list[Placed], seed: int, block_of: Mapping[UUID, str]
) -> list[Placed]:
    """The order with controls inserted, each anywhere in its own block, including first and last.

    The seed decides where. The other images keep their order. A control whose block is missing comes last.
    """
    source = random.Random(f"{seed} controls")
    first: dict[str, int] = {}
    end: dict[str, int] = {}
    for index, (stimulus, _) in enumerate(order):
        first.setdefault(block_of[stimulus], index)
        end[block_of[stimulus]] = index + 1
    placed = [(float(index), one) for index, one in enumerate(order)]
    for one in sorted(controls):
        block = block_of[one[0]]
        start, length = first.get(block, len(order)), end.get(block, len(order)) - first.get(block, len(order))
        # Up to half a place beyond the block's ends, so that the controls of two blocks never mix.
        placed.append((start - 0.5 + source.random() * length, one))
    return [one for _, one in sorted(placed)]


def balanced_subset(stimuli: Mapping[UUID, str], shown: Mapping[UUID, int], count: int, seed: int) -> list[UUID]:
    """Choose `count` of the stimuli: a proportional number from each stratum, those shown least often first.

    `stimuli` gives the stratum of each stimulus. `shown` says how many readers already have it in their form. The seed
    breaks ties and decides which strata get the remainder.
    """
    source = random.Random(f"{seed} subset")
    strata: dict[str, list[UUID]] = {}
    for stimulus in sorted(stimuli):
        strata.setdefault(stimuli[stimulus], []).append(stimulus)
    share = {name: count * len(members) / len(stimuli) for name, members in strata.items()}
    quota = {name: int(value) for name, value in share.items()}
    rest = sorted(strata, key=lambda name: (quota[name] - share[name], source.random()))
    for name in rest[: count - sum(quota.values())]:
        quota[name] += 1
    chosen: list[UUID] = []
    for name, members in strata.items():
        by_need = sorted(members, key=lambda stimulus: (shown.get(stimulus, 0), source.random()))
        chosen += by_need[: quota[name]]
    return chosen
