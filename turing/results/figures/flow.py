"""The figure of readers at each step of the study, like a CONSORT diagram."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from turing.models import Study
from turing.results.analysis import Analysis
from turing.results.counting import Population, flow_of
from turing.results.figures.style import INK, MUTED, axes_of, mark_simulated

MAIN, SIDE = 0.0, 0.5  # left edges of the two columns
WIDTH = {MAIN: 0.34, SIDE: 0.5}
LINE, PADDING = 0.055, 0.05  # heights of a line of text and of what surrounds it


def flow_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    flow = flow_of(study, population)
    figure, axes = axes_of(7, 4.6)
    axes.set(xlim=(-0.01, 1.01), ylim=(0, 1))
    axes.set_axis_off()
    excluded = [f"{count:,} {why[0].lower() + why[1:]}" for why, count in flow.excluded.items() if count]
    consented = _box(axes, MAIN, 0.9, f"Consented and began\n{flow.consented} readers")
    analysed = _box(axes, MAIN, 0.5, f"Analysed\n{flow.analysed} readers, {flow.test_responses:,} answers")
    completed = _box(axes, MAIN, 0.1, f"{flow.completed} completed\n{flow.incomplete} answered in part")
    _box(axes, SIDE, 0.7, f"Not analysed\n{flow.withdrawn} withdrew consent\n{flow.without_answers} gave no answer")
    _box(axes, SIDE, 0.3, "Outside the rates\n" + ("\n".join(excluded) or "nothing"))
    for above, below, height in ((consented, analysed, 0.7), (analysed, completed, 0.3)):
        middle = MAIN + WIDTH[MAIN] / 2
        _arrow(axes, (middle, above[0]), (middle, below[1]))
        _arrow(axes, (middle, height), (SIDE, height))
    mark_simulated(axes, population)
    return figure


def _box(axes: Axes, left: float, middle: float, text: str) -> tuple[float, float]:
    """Draw a box, and return its lower and upper edge."""
    height = LINE * (text.count("\n") + 1) + PADDING
    low, width = middle - height / 2, WIDTH[left]
    style = {"boxstyle": "round,pad=0,rounding_size=0.015", "facecolor": "white", "edgecolor": MUTED}
    axes.add_patch(FancyBboxPatch((left, low), width, height, **style))
    axes.text(left + width / 2, middle, text, ha="center", va="center", fontsize=9, color=INK)
    return low, low + height


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = {"arrowstyle": "-|>", "color": MUTED, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=arrow)
