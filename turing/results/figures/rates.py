"""Forest plots of rates, of readers, and of differences between groups."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from turing.models import Study
from turing.results.counting import Population
from turing.results.figures.style import (
    ACCENT,
    MUTED,
    axes_of,
    draw_interval,
    label_rows,
    legend_above,
    mark_simulated,
    nothing_to_show,
    percent_axis,
)
from turing.results.study_analysis import Analysis, with_generators_named

MAX_READERS = 80
RATES = {
    "fooling_rate": "Generated judged real",
    "real_judged_real": "Real judged real",
    "accuracy": "Accuracy",
}


def rates_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """The rates of all images, and by diagnosis and generator, with the MRMC interval and Wilson's, marked naive."""
    analysis = with_generators_named(study, analysis)
    groups = {"All": analysis} | analysis["by_diagnosis"]
    rows = [
        (f"{label}\n{group}" if len(groups) > 1 else label, values[key])
        for key, label in RATES.items()
        for group, values in (groups | (analysis["by_run"] if key == "fooling_rate" else {})).items()
    ]
    figure, axes = axes_of(7.5, 0.47 * len(rows) + 1.2, narrow_height=0.52 * len(rows) + 1.8)
    for index, (_, rate) in enumerate(rows):
        if rate["estimate"] is None:
            continue
        draw_interval(axes, index + 0.18, rate["naive"]["wilson"], MUTED, 1.2)
        draw_interval(axes, index, rate["ci95"], ACCENT, 2.4)
        axes.plot(rate["estimate"], index, "o", color=ACCENT, markersize=7, clip_on=False)
    axes.plot([], [], "-o", color=ACCENT, linewidth=2.4, label="95% interval over readers and images (MRMC)")
    axes.plot([], [], color=MUTED, linewidth=1.2, label="95% interval, naive (Wilson)")
    finish(figure, axes, [label for label, _ in rows], population)
    return figure


def readers_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Every reader's fooling rate, sorted. Intervals are for the images that the reader saw."""
    rows = [row for row in analysis["by_reader"] if row["fooling_rate"] is not None]
    rows.sort(key=lambda row: row["fooling_rate"])
    left_out, rows = max(0, len(rows) - MAX_READERS), rows[:MAX_READERS]
    figure, axes = axes_of(7.5, 0.24 * len(rows) + 1.6, narrow_height=0.45 * len(rows) + 1.6)
    for index, row in enumerate(rows):
        draw_interval(axes, index, row["fooling_rate_wilson"], MUTED, 1.4)
        axes.plot(row["fooling_rate"], index, "o", color=ACCENT, markersize=5, clip_on=False)
    axes.plot([], [], "-o", color=MUTED, markerfacecolor=ACCENT, label="Reader, with Wilson's 95% interval")
    finish(figure, axes, [row["reader"] for row in rows], population)
    axes.set_xlabel("Share of generated images judged real" + (f" ({left_out} more readers)" if left_out else ""))
    return figure


def comparisons_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Differences of the fooling rate between groups, with their intervals and adjusted p-values."""
    rows = with_generators_named(study, analysis)["comparisons"]
    return draw_comparisons(rows, population)


def draw_comparisons(rows: list[dict[str, Any]], population: Population) -> Figure:
    """The figure of an analysis's `comparisons`."""
    if not rows:
        return nothing_to_show("No two groups with two readers and two images each")
    figure, axes = axes_of(7.5, 0.44 * len(rows) + 1.4, narrow_height=0.62 * len(rows) + 1.4)
    labels = []
    for index, row in enumerate(rows):
        draw_interval(axes, index, row["ci95"], ACCENT, 2)
        axes.plot(row["difference"], index, "o", color=ACCENT, markersize=5)
        adjusted = "" if row["p_holm"] is None else f"\n{_p_value(row['p_holm'])}"
        labels.append(f"{row['factor']}: {row['first']} minus {row['second']}{adjusted}")
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
    label_rows(axes, labels)
    axes.set_xlabel("Difference of the fooling rate in percentage points;\np adjusted by Holm within each factor")
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}")
    mark_simulated(figure, population)
    return figure


def _p_value(value: float) -> str:
    return (f"p = {value:.3f}" if value >= 0.001 else "p < 0.001").replace(" ", "\N{NO-BREAK SPACE}")


def finish(figure: Figure, axes: Axes, labels: list[str], population: Population) -> None:
    """Add labels, the line of guessing, and the scale from 0 to 100%."""
    axes.axvline(0.5, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
    label_rows(axes, labels)
    axes.set_xlim(0, 1)
    percent_axis(axes.xaxis)
    legend_above(axes)
    mark_simulated(figure, population)
