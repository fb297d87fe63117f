"""The change of accuracy between two sittings."""

import numpy as np
import pytest
from scipy import stats

from turing.statistics.sittings import NOTHING, sitting_change

READERS, IMAGES = [f"r{one}" for one in range(8)], [f"i{one}" for one in range(30)]


def draw(rng, better=0.0, images=IMAGES, readers=READERS):
    skill = {one: rng.normal(0, 0.3) for one in readers}
    ease = {one: rng.normal(0, 0.5) for one in images}
    return {
        (reader, image): bool(rng.random() < 1 / (1 + np.exp(-(skill[reader] + ease[image] + better))))
        for reader in readers
        for image in images
    }


def test_the_same_images_give_the_difference_of_means_and_fixed_images_a_t_interval_over_readers():
    rng = np.random.default_rng(1)
    before, after = draw(rng), draw(rng, 1.0)
    found = sitting_change(before, after)
    assert found["difference"] == pytest.approx(np.mean(list(after.values())) - np.mean(list(before.values())))
    low, high = found["ci95"]
    assert low < found["difference"] < high
    # Where every image changes alike for a reader, readers are all that varies: Student's interval over them.
    before = dict.fromkeys(before, False)
    after = {(reader, image): READERS.index(reader) < 4 for reader, image in before}
    change = [1.0] * 4 + [0.0] * 4
    wanted = stats.t.interval(0.95, 7, np.mean(change), stats.sem(change))
    assert sitting_change(before, after)["ci95"] == pytest.approx(wanted, rel=0.02)


def test_other_images_are_compared_and_little_data_give_no_interval():
    rng = np.random.default_rng(2)
    other = [f"j{one}" for one in range(30)]
    found = sitting_change(draw(rng), draw(rng, 1.0, other))
    assert found["difference"] == pytest.approx(found["accuracy"]["later"] - found["accuracy"]["earlier"])
    assert found["ci95"][0] < found["difference"] < found["ci95"][1]
    assert sitting_change({}, {}) == NOTHING
    alone = {("r0", "i0"): True}
    assert sitting_change(alone, alone)["ci95"] is None


def test_intervals_cover_the_change_where_readers_and_images_differ():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(200):
        found = sitting_change(draw(rng, 0.2), draw(rng, 0.2))  # skill and ease are drawn anew: no change on average
        inside += found["ci95"][0] <= 0 <= found["ci95"][1]
    assert inside >= 180
