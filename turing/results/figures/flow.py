"""The way of readers through the study, as a CONSORT diagram shows patients'."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from turing.models import Study
from turing.results.counting import Population, flow_of
from turing.results.figures.style import INK, MUTED, axes_of, mark_simulated

MAIN, SIDE = 0.28, 0.76  # centres of the two columns


def flow_figure(study: Study, population: Population) -> Figure:
    flow = flow_of(study, population)
    figure, axes = axes_of(7, 5)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    _box(axes, MAIN, 0.92, f"Consented and began\n{flow.consented} readers")
    _box(axes, MAIN, 0.5, f"Analysed\n{flow.analysed} readers, {flow.test_responses} answers")
    _box(axes, MAIN, 0.1, f"{flow.completed} completed\n{flow.incomplete} answered in part")
    _box(axes, SIDE, 0.71, f"Not analysed\n{flow.withdrawn} withdrew consent\n{flow.without_answers} gave no answer")
    excluded = [f"{count} {why[0].lower() + why[1:]}" for why, count in flow.excluded.items() if count]
    _box(axes, SIDE, 0.3, "Outside the rates\n" + ("\n".join(excluded) or "nothing"))
    for start, end in ((0.84, 0.59), (0.41, 0.19)):
        axes.annotate("", (MAIN, end), (MAIN, start), arrowprops={"arrowstyle": "->", "color": MUTED})
        height = (start + end) / 2
        axes.annotate("", (SIDE - 0.23, height), (MAIN, height), arrowprops={"arrowstyle": "->", "color": MUTED})
    mark_simulated(axes, population)
    return figure


def _box(axes: Axes, x: float, y: float, text: str) -> None:
    frame = {"boxstyle": "round,pad=0.6", "facecolor": "white", "edgecolor": MUTED}
    axes.text(x, y, text, ha="center", va="center", fontsize=9, color=INK, bbox=frame)
