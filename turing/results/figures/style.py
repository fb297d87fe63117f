"""The common style of all figures, and how they become files. This module imports matplotlib."""

from collections.abc import Sequence
from io import BytesIO

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from turing.results.counting import Population

matplotlib.rcParams |= {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "figures",  # the same figure always has the same bytes
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
INK, ACCENT, MUTED, WARM = "#1d2733", "#0b6e75", "#98a2ad", "#b5532a"
CONTENT_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}


def render(figure: Figure, format: str) -> bytes:
    """The figure as a file in one of `CONTENT_TYPES`."""
    buffer = BytesIO()
    date = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[format]
    figure.savefig(buffer, format=format, dpi=200, metadata=date, bbox_inches="tight", facecolor="white")
    return buffer.getvalue()


def axes_of(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one panel; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def draw_interval(axes: Axes, y: float, interval: Sequence[float] | None, colour: str, width: float) -> None:
    if interval:
        axes.plot(interval, [y, y], color=colour, linewidth=width, solid_capstyle="butt")


def percent_axis(axis) -> None:
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")


def mark_simulated(axes: Axes, population: Population, pad: float = 8) -> None:
    if population.simulated:
        axes.set_title("SIMULATED READERS, NOT PEOPLE", color=WARM, fontsize=9, pad=pad)


def legend_above(axes: Axes, columns: int = 2) -> None:
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False, fontsize=8)


def nothing_to_show(why: str) -> Figure:
    """A figure that says there is nothing to show, instead of a broken picture."""
    figure, axes = axes_of(6, 1)
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", color=INK)
    return figure
