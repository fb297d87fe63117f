"""More samples close to training images than chance explains: neither false alarms nor missed copies."""

import numpy as np
import pytest

from gan.memorisation.closer import closer_p_value
from gan.memorisation.distances import Nearness, limits_of

NO_FEATURES = 0
SAMPLES = 200


def drawn(random, diagnosis, same=False, nearer=0.0, group=None) -> Nearness:
    """Images (N,) with random distances, which are smaller by `nearer` in the diagnosis "rare"."""

    def distances():
        return random.normal(10, 1, len(diagnosis)) - nearer * (diagnosis == "rare")

    first = distances()
    pixels = first if same else distances()
    return Nearness({"features": first, "pixels": pixels}, {}, np.empty((len(first), NO_FEATURES)), group, diagnosis)


def of(common: int, rare: int) -> np.ndarray:
    return np.repeat(["common", "rare"], [common, rare])


def p_values(held_out: np.ndarray, tries: int, seed: int = 0, **kind) -> np.ndarray:
    """Of honest samples, half of each diagnosis."""
    random = np.random.default_rng(seed)
    half = of(SAMPLES // 2, SAMPLES // 2)
    pairs = ((drawn(random, half, **kind), drawn(random, held_out, **kind)) for _ in range(tries))
    return np.array([closer_p_value(*pair, permutations=99) for pair in pairs])


@pytest.mark.parametrize("held_out", [30, 128, 400])
@pytest.mark.parametrize("same", [True, False], ids=["one measure twice", "independent measures"])
def test_images_as_far_as_held_out_ones_raise_no_more_false_alarms_than_the_p_value_says(held_out, same):
    tries = 300
    found = p_values(of(held_out // 2, held_out // 2), tries, same=same)
    for level in (0.01, 0.05):
        assert np.mean(found <= level) < level + 3 * np.sqrt(level / tries)


def test_a_rare_diagnosis_that_lies_closer_raises_no_false_alarm():
    """Half of the samples are of it, and 20 of 620 held-out images."""
    tries = 200
    assert np.mean(p_values(of(600, 20), tries, nearer=1.0) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 / tries)


def test_without_diagnoses_it_would():
    random = np.random.default_rng(0)
    near, held_out = drawn(random, of(256, 256), nearer=1.0), drawn(random, of(600, 20), nearer=1.0)
    blind = [Nearness(one.distance, {}, one.features) for one in (near, held_out)]
    assert closer_p_value(*blind) < 0.01
    assert closer_p_value(near, held_out) > 0.05


@pytest.mark.parametrize("held_out", [of(134, 63), of(600, 20)], ids=["134 and 63", "600 and 20"])
def test_a_tenth_of_copies_is_found(held_out):
    random = np.random.default_rng(1)
    near, theirs = drawn(random, of(256, 256)), drawn(random, held_out)
    for values in near.distance.values():
        values[random.permutation(512)[:51]] = 0
    assert closer_p_value(near, theirs) < 0.01


def test_images_of_one_lesion_count_once():
    """Each held-out lesion has four images at nearly the same distance."""
    random = np.random.default_rng(0)
    tries, by_lesion, by_image = 300, 0, 0
    for _ in range(tries):
        lesions = drawn(random, np.full(40, "common"))
        group = np.repeat(np.arange(40), 4)
        distance = {name: values[group] + random.normal(0, 0.01, 160) for name, values in lesions.distance.items()}
        theirs = Nearness(distance, {}, np.empty((160, NO_FEATURES)), group)
        near = drawn(random, np.full(SAMPLES, ""))
        by_lesion += closer_p_value(near, theirs, permutations=99) <= 0.05
        alone = Nearness(distance, {}, theirs.features)
        by_image += closer_p_value(near, alone, permutations=99) <= 0.05
    assert by_lesion < 0.05 * tries + 3 * np.sqrt(0.05 * tries)
    assert by_image > by_lesion


@pytest.mark.parametrize("held_out", [30, 128, 400])
@pytest.mark.parametrize("same", [True, False], ids=["one measure twice", "independent measures"])
def test_by_each_measure_one_in_a_hundred_is_below_the_limit_or_one_more_than_were_held_out(held_out, same):
    random = np.random.default_rng(0)
    shares = []
    for _ in range(2000):
        limits = limits_of(drawn(random, np.full(held_out, ""), same=same))
        shares.append((drawn(random, np.full(SAMPLES, ""), same=same).over(limits) < 1).mean())
    assert np.mean(shares) == pytest.approx(max(1 / (held_out + 1), 0.01) * (1 if same else 2), rel=0.1)
