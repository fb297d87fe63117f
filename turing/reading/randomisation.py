"""How a form is randomised."""

import random
import secrets
from collections.abc import Iterable, Mapping
from uuid import UUID

Placed = tuple[UUID, str]  # a stimulus, and the phase of its trial
REPEAT_GAP = 10  # images at least between an image and its repeat, where the form is long enough


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


def in_blocks(order: Iterable[UUID], block_of: Mapping[UUID, str], seed: int) -> list[UUID]:
    """The order with the stimuli of one block after another's; the blocks in an order that the seed gives."""
    source = random.Random(f"{seed} blocks")
    rank = {block: source.random() for block in sorted(set(block_of.values()))}
    return sorted(order, key=lambda stimulus: rank[block_of[stimulus]])


def with_repeats(order: list[UUID], count: int, seed: int, block_of: Mapping[UUID, str]) -> list[tuple[UUID, bool]]:
    """The order with `count` of its stimuli once more, each later in its own block; and whether one is the repeat.

    Which and where follows from the seed. At least `REPEAT_GAP` images lie between the two, or a quarter of the block
    where that is less. Raises ValueError where fewer than `count` can be repeated so.
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
        raise ValueError(f"{count} repeats are wanted, {len(places)} images can be repeated")
    placed = [(float(index), False, stimulus) for index, stimulus in enumerate(order)]
    placed += [(place, True, stimulus) for _, place, stimulus in sorted(places)[:count]]
    return [(stimulus, repeat) for _, repeat, stimulus in sorted(placed, key=lambda one: one[:2])]


def with_controls_among(
    order: list[Placed], controls: list[Placed], seed: int, block_of: Mapping[UUID, str]
) -> list[Placed]:
    """The order with the controls among it, each anywhere in its own block, also first or last in it.

    Where follows from the seed; the others keep their order. A control whose block is not there comes last.
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
        # Within half a place of the block's ends, so that the controls of two blocks never mix.
        placed.append((start - 0.5 + source.random() * length, one))
    return [one for _, one in sorted(placed)]


def balanced_subset(stimuli: Mapping[UUID, str], shown: Mapping[UUID, int], count: int, seed: int) -> list[UUID]:
    """`count` of the stimuli: of each stratum its share, and of those the ones that were shown least often.

    `stimuli` gives each one's stratum, `shown` how many readers have it in their form already. Ties, and the strata
    that are given what is left over, follow from the seed.
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
