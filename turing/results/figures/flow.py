"""The figure of readers at each step of the study, like a CONSORT diagram."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from turing.models import Study
from turing.results.counting import Flow, Population, flow_of
from turing.results.figures.style import INK, MUTED, PAPER, SMALL, axes_of, is_narrow, mark_simulated
from turing.results.study_analysis import Analysis
from turing.templatetags.figures import number_of

MAIN, SIDE = 0.0, 0.5  # left edges of the two columns
WIDTH = {MAIN: 0.34, SIDE: 0.5}
LINE, PADDING = 0.055, 0.05  # heights of a line of text and of what surrounds it
INDENT, NARROW_LINE, GAP = 0.12, 34, 1.2  # of boxes below each other: a share, characters, lines of text


def flow_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    texts = _texts(flow_of(study, population))
    if is_narrow():
        return _below_each_other(texts, population)
    figure, axes = axes_of(7, 4.8)
    axes.set(xlim=(-0.01, 1.01), ylim=(0, 1))
    axes.set_axis_off()
    consented, not_analysed, analysed, outside, completed = texts
    boxes = [_box(axes, MAIN, middle, text) for middle, text in ((0.9, consented), (0.5, analysed), (0.1, completed))]
    _box(axes, SIDE, 0.7, not_analysed)
    _box(axes, SIDE, 0.3, outside)
    for above, below, height in zip(boxes, boxes[1:], (0.7, 0.3), strict=False):
        middle = MAIN + WIDTH[MAIN] / 2
        _arrow(axes, (middle, above[0]), (middle, below[1]))
        _arrow(axes, (middle, height), (SIDE, height))
    mark_simulated(figure, population)
    return figure


def _texts(flow: Flow) -> list[str]:
    """What the boxes say, from the first to the last; the second and the fourth say who and what left."""
    excluded = [f"{count:,} {why[0].lower() + why[1:]}" for why, count in flow.excluded.items() if count]
    return [
        f"Consented and began\n{number_of(flow.consented, 'reader')}",
        f"Not analysed\n{flow.withdrawn} withdrew consent\n{flow.without_answers} gave no answer",
        f"Analysed\n{number_of(flow.analysed, 'reader')}, {number_of(flow.test_responses, 'answer')}",
        "Outside the rates\n" + ("\n".join(excluded) or "nothing"),
        f"{flow.completed} completed\n{flow.incomplete} answered in part",
    ]


def _below_each_other(texts: list[str], population: Population) -> Figure:
    """One column, read from above; what left is indented."""
    texts = ["\n".join(textwrap.fill(line, NARROW_LINE) for line in text.split("\n")) for text in texts]
    heights = [text.count("\n") + 2.0 for text in texts]  # lines of text, with the padding
    total = sum(heights) + GAP * (len(texts) - 1)
    figure, axes = axes_of(7, 0.19 * total + 0.4)
    axes.set(xlim=(-0.01, 1.01), ylim=(total + 0.1, -0.1))
    axes.set_axis_off()
    top, end = 0.0, 0.0
    for index, (text, height) in enumerate(zip(texts, heights, strict=True)):
        left = INDENT if index % 2 else 0.0
        _draw(axes, left, top, 1 - INDENT, height, text)
        if index % 2:
            _arrow(axes, (INDENT / 2, top + height / 2), (INDENT, top + height / 2))
        elif index:
            _arrow(axes, (INDENT / 2, end), (INDENT / 2, top))
        if not index % 2:
            end = top + height
        top += height + GAP
    mark_simulated(figure, population)
    return figure


def _box(axes: Axes, left: float, middle: float, text: str) -> tuple[float, float]:
    """Draw a box, and return its lower and upper edge."""
    height = LINE * (text.count("\n") + 1) + PADDING
    low = middle - height / 2
    _draw(axes, left, low, WIDTH[left], height, text)
    return low, low + height


def _draw(axes: Axes, left: float, low: float, width: float, height: float, text: str) -> None:
    style = {"boxstyle": "round,pad=0,rounding_size=0.015", "facecolor": PAPER, "edgecolor": MUTED}
    axes.add_patch(FancyBboxPatch((left, low), width, height, **style))
    axes.text(left + width / 2, low + height / 2, text, ha="center", va="center", fontsize=SMALL, color=INK)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = {"arrowstyle": "-|>", "color": MUTED, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=arrow)
