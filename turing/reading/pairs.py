"""The side of the generated image of each pair, balanced within each reader and, for each pair, over readers."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping

from django.db.models import Count

from turing.models import Side, Stimulus, Study, Trial, Truth


def balanced_sides(pairs: Mapping[int, str], excess: Mapping[int, int], seed: int) -> dict[int, Side]:
    """The side of each pair's generated image, by the pair's number.

    `pairs` holds each pair's diagnosis. `excess` says in how many more forms a pair had its generated image on the left
    than on the right. In each diagnosis, half of the pairs have it on the left. If their number is odd, the seed
    decides which side has one more. Pairs with the least excess get the left side. The seed breaks ties.
    """
    source = random.Random(f"{seed} sides")
    by_diagnosis: dict[str, list[int]] = {}
    for pair in sorted(pairs):
        by_diagnosis.setdefault(pairs[pair], []).append(pair)
    sides = {}
    for _, members in sorted(by_diagnosis.items()):
        by_need = sorted(members, key=lambda pair: (excess.get(pair, 0), source.random()))
        on_left = len(members) // 2 + (len(members) % 2 and source.random() < 0.5)
        sides |= {pair: Side.LEFT if rank < on_left else Side.RIGHT for rank, pair in enumerate(by_need)}
    return sides


def excess_of_left(study: Study) -> dict[int, int]:
    """For each pair, in how many more forms its generated image is on the left, among readers who still consent."""
    given = Trial.objects.filter(reading__study=study, phase=Trial.Phase.TEST, reading__withdrawn_at=None)
    rows = given.order_by().values_list("stimulus__pair", "stimulus__truth").annotate(count=Count("pk"))
    found: Counter[int] = Counter()
    for pair, truth, count in rows:
        found[pair] += count if truth == Truth.GENERATED else -count
    return found


def place(trials: Iterable[Trial], stimuli: Iterable[Stimulus], excess: Mapping[int, int], seed: int) -> None:
    """Give each trial of a form the left image, and the right image as its partner. Before, it had any of the two."""
    by_pair: dict[int, dict[str, Stimulus]] = {}
    for one in stimuli:
        assert one.pair is not None
        by_pair.setdefault(one.pair, {})[one.truth] = one
    pair_of = {one.pk: one.pair for both in by_pair.values() for one in both.values()}
    trials = list(trials)
    for practice in (True, False):
        part = {pair_of[one.stimulus_id]: one for one in trials if (one.phase == Trial.Phase.PRACTICE) == practice}
        diagnoses = {pair: by_pair[pair][Truth.REAL].diagnosis for pair in part}
        for pair, side in balanced_sides(diagnoses, excess, seed).items():
            real, generated = by_pair[pair][Truth.REAL].pk, by_pair[pair][Truth.GENERATED].pk
            left, right = (generated, real) if side == Side.LEFT else (real, generated)
            part[pair].stimulus_id, part[pair].partner_id = left, right
