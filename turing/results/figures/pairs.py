"""The figure of pairs: how often readers found the generated image."""

from matplotlib.figure import Figure

from turing.models import Study
from turing.results.counting import Population
from turing.results.figures.rates import MAX_READERS, finish
from turing.results.figures.style import ACCENT, MUTED, axes_of, draw_interval
from turing.results.pairs import groups_of
from turing.results.study_analysis import Analysis, with_generators_named


def forced_choice_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """The proportion correct of all readers and of groups of pairs, above that of each reader."""
    analysis = with_generators_named(study, analysis)
    groups = {name: one["proportion_correct"] for name, one in groups_of(analysis).items()}
    readers = sorted(analysis["forced_choice"]["by_reader"], key=lambda row: row["proportion_correct"])
    left_out, readers = max(0, len(readers) - MAX_READERS), readers[:MAX_READERS]
    figure, axes = axes_of(
        7.5, 0.45 * len(groups) + 0.24 * len(readers) + 1.8, narrow_height=0.45 * (len(groups) + len(readers)) + 2
    )
    for index, rate in enumerate(groups.values()):
        if rate["estimate"] is not None:
            draw_interval(axes, index + 0.18, rate["naive"]["wilson"], MUTED, 1.2)
            draw_interval(axes, index, rate["ci95"], ACCENT, 2.4)
            axes.plot(rate["estimate"], index, "o", color=ACCENT, markersize=7, clip_on=False)
    for index, row in enumerate(readers, start=len(groups)):
        draw_interval(axes, index, row["wilson"], MUTED, 1.4)
        axes.plot(row["proportion_correct"], index, "o", color=ACCENT, markersize=4, clip_on=False)
    axes.plot([], [], "-o", color=ACCENT, linewidth=2.4, label="95% interval over readers and pairs (MRMC)")
    axes.plot([], [], color=MUTED, linewidth=1.2, label="95% interval, naive (Wilson)")
    labels = [f"{name} pairs" if name == "all" else name for name in groups] + [row["reader"] for row in readers]
    finish(figure, axes, labels, population)
    more = f" ({left_out} more readers)" if left_out else ""
    axes.set_xlabel(f"Share of the pairs in which the generated image was found{more}")
    return figure
