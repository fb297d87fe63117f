"""The staircase that sets for how long images are shown, where a study shows them for a moment.

The protocol of HYPE-time (Zhou et al. 2019): each reader begins at 500 ms; three right answers in a row shorten the
next exposure by 30 ms, a wrong one lengthens it by 10 ms, between 100 and 1,000 ms. Answers at random, right with
probability p, neither shorten nor lengthen it where 30 p^3 = 10 (1 - p^3): at 63% right, which is the accuracy at
which the threshold is defined. Web workers load this module: it needs no library.
"""

from collections.abc import Sequence

START_MS, SHORTEST_MS, LONGEST_MS = 500, 100, 1000
SHORTER_MS, LONGER_MS, IN_A_ROW = 30, 10, 3
TARGET = 0.25 ** (1 / 3)  # share of right answers, 63%


def next_exposure(correct: Sequence[bool]) -> int:
    """Milliseconds for which the next image is shown, after so many test answers of one reader in their order."""
    exposure, in_a_row = START_MS, 0
    for is_correct in correct:
        if not is_correct:
            exposure, in_a_row = min(exposure + LONGER_MS, LONGEST_MS), 0
        elif in_a_row + 1 == IN_A_ROW:
            exposure, in_a_row = max(exposure - SHORTER_MS, SHORTEST_MS), 0
        else:
            in_a_row += 1
    return exposure
