"""The staircase that sets the exposure of the next image in studies that show images for a moment.

The protocol is that of HYPE-time (Zhou et al. 2019). Each reader begins at 500 ms. Three right answers in a row shorten
the next exposure by 30 ms. A wrong answer lengthens it by 10 ms. Exposures stay between 100 and 1,000 ms. If answers
are right at random with probability p, the exposure stays the same on average where 30 p^3 = 10 (1 - p^3). That is at
63% right, the accuracy at which the threshold is defined. Web workers load this module, so it imports no library.
"""

from collections.abc import Sequence

START_MS, SHORTEST_MS, LONGEST_MS = 500, 100, 1000
SHORTER_MS, LONGER_MS, IN_A_ROW = 30, 10, 3
TARGET = 0.25 ** (1 / 3)  # share of right answers, 63%


def next_exposure(correct: Sequence[bool]) -> int:
    """The exposure of the next image in milliseconds, from one reader's test answers so far, in their order."""
    exposure, in_a_row = START_MS, 0
    for is_correct in correct:
        if not is_correct:
            exposure, in_a_row = min(exposure + LONGER_MS, LONGEST_MS), 0
        elif in_a_row + 1 == IN_A_ROW:
            exposure, in_a_row = max(exposure - SHORTER_MS, SHORTEST_MS), 0
        else:
            in_a_row += 1
    return exposure
