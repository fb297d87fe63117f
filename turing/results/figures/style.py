"""The common style of all figures, and how they become files. This module imports matplotlib."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from turing.results.counting import Population

# SOFT is for text, MUTED for lines. `page` has the same colours for a dark page.
INK, SOFT, ACCENT, MUTED, WARM, PAPER = "#1d2733", "#5b6773", "#0b6e75", "#808b97", "#b5532a", "#ffffff"
# Points. At full size 11 points are 14.7 pixels of a page, and 10 are 13.3.
TEXT, SMALL = 11, 10
NARROW_INCHES = 3.2  # with its margin 326 pixels: what a phone of 390 pixels leaves for a figure
NARROW_CHARACTERS = 36  # in a line of that width
HIGH_CHARACTERS = 22  # in a line that is turned upright beside it
ROW_CHARACTERS = 42  # in a line of a label in a forest plot
CONTENT_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}

matplotlib.rcParams |= {
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "figure.titlesize": SMALL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "figures",  # the same figure always has the same bytes
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
} | dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK)

_narrow: ContextVar[bool] = ContextVar("narrow", default=False)


@contextmanager
def drawn_for(*, narrow: bool) -> Iterator[None]:
    """Figures drawn inside are for a phone if `narrow`, and otherwise for a wide screen and for paper."""
    token = _narrow.set(narrow)
    try:
        yield
    finally:
        _narrow.reset(token)


def is_narrow() -> bool:
    return _narrow.get()


def render(figure: Figure, format: str) -> bytes:
    """The figure as a file in one of `CONTENT_TYPES`."""
    if is_narrow():
        _wrap(figure)
    buffer = BytesIO()
    date = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[format]
    figure.savefig(buffer, format=format, dpi=200, metadata=date, bbox_inches="tight", facecolor=PAPER)
    return buffer.getvalue()


def _wrap(figure: Figure) -> None:
    """Break titles, axis labels and legends into lines that fit in a narrow figure."""
    for axes in figure.axes:
        legend = axes.get_legend()
        for text in (axes.title, axes.xaxis.label, *(legend.get_texts() if legend else ())):
            text.set_text(_in_lines(text.get_text(), NARROW_CHARACTERS))
        axes.yaxis.label.set_text(_in_lines(axes.yaxis.label.get_text(), HIGH_CHARACTERS))


def _in_lines(text: str, characters: int) -> str:
    return "\n".join(textwrap.fill(line, characters) for line in text.split("\n"))


def add_legend(axes: Axes, **options) -> None:
    """A legend within the panel; in a narrow figure, where it would cover the curves, below all panels."""
    if not is_narrow():
        axes.legend(frameon=False, **options)
        return
    figure = axes.get_figure()
    handles, labels = axes.get_legend_handles_labels()
    if not figure.legends:
        wrapped = [_in_lines(label, NARROW_CHARACTERS) for label in labels]
        figure.legend(handles, wrapped, loc="outside lower left", frameon=False)


def figure_of(width: float, height: float, narrow_height: float | None = None) -> Figure:
    """An empty figure; sizes in inches. A narrow one has the same height, unless `narrow_height` is given."""
    size = (min(width, NARROW_INCHES), narrow_height or height) if is_narrow() else (width, height)
    return Figure(figsize=size, layout="constrained")


def axes_of(width: float, height: float, narrow_height: float | None = None) -> tuple[Figure, Axes]:
    """A figure with one panel; sizes in inches."""
    figure = figure_of(width, height, narrow_height)
    return figure, figure.subplots()


def panels_of(lines: int, columns: int, width: float, height: float, **options) -> tuple[Figure, np.ndarray]:
    """A figure with panels in lines and columns, each `width` by `height` inches; a narrow one has a single column."""
    if is_narrow():
        lines, columns, options = lines * columns, 1, {}
    figure = figure_of(width * columns, height * lines)
    return figure, figure.subplots(lines, columns, squeeze=False, **options)


def draw_interval(axes: Axes, y: float, interval: Sequence[float] | None, colour: str, width: float) -> None:
    if interval:
        axes.plot(interval, [y, y], color=colour, linewidth=width, solid_capstyle="butt")


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Add a label for each row of a forest plot: to its left, or above it in a narrow figure."""
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    if not is_narrow():
        axes.set_yticks(range(len(labels)), [_in_lines(label, ROW_CHARACTERS) for label in labels])
        return
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for index, label in enumerate(labels):
        above = {"transform": axes.get_yaxis_transform(), "va": "bottom", "fontsize": SMALL}
        axes.text(0, index - 0.2, _in_lines(label.replace("\n", ", "), ROW_CHARACTERS), **above)


def percent_axis(axis) -> None:
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")


def mark_simulated(figure: Figure, population: Population) -> None:
    if population.simulated:
        figure.suptitle("SIMULATED READERS, NOT PEOPLE", color=WARM)


def legend_above(axes: Axes, columns: int = 2) -> None:
    columns = 1 if is_narrow() else columns
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False)


def nothing_to_show(why: str) -> Figure:
    """A figure that says there is nothing to show, instead of a broken picture."""
    figure, axes = axes_of(6, 1)
    axes.set_axis_off()
    axes.text(0.5, 0.5, textwrap.fill(why, NARROW_CHARACTERS) if is_narrow() else why, ha="center", va="center")
    return figure
