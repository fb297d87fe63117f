"""The figure that compares people and machines, image by image."""

from matplotlib.figure import Figure

from turing.models import Study
from turing.results.counting import Population
from turing.results.figures.style import (
    ACCENT,
    MUTED,
    WARM,
    legend_above,
    mark_simulated,
    nothing_to_show,
    panels_of,
    percent_axis,
)
from turing.results.study_analysis import Analysis

COLUMNS = 3


def machines_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """For each machine, the share of readers who judged an image real against the machine's score of the image."""
    machines = [one for one in analysis.get("machines", []) if one["against_people"]["images"]]
    if not machines:
        return nothing_to_show("No machine has judged the images that people judged")
    lines = -(-len(machines) // COLUMNS)
    columns = min(COLUMNS, len(machines))
    figure, grid = panels_of(lines, columns, 4.2, 4.2)
    panels = grid.ravel()
    real = "phantom" if study.uses_phantoms else "real"
    for axes, machine in zip(panels, machines, strict=False):
        for truth, colour, marker in (("real", WARM, "s"), ("generated", ACCENT, "o")):
            rows = [
                row for row in machine["by_image"] if row["truth"] == truth and row["people_judged_real"] is not None
            ]
            axes.plot(
                [row["score"] for row in rows], [row["people_judged_real"] for row in rows], marker, color=colour,
                markersize=4.5, alpha=0.7, linewidth=0, label=truth if truth == "generated" else real, clip_on=False,
            )  # fmt: skip
        axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
        if (threshold := machine["settings"].get("threshold")) is not None:
            axes.axvline(threshold, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
        axes.set(
            ylim=(0, 1), ylabel="Readers who judged it real", xlabel=f"{machine['name'][:40]}: score for generated"
        )
        percent_axis(axes.yaxis)
        legend_above(axes)
    for axes in panels[len(machines) :]:
        axes.set_axis_off()
    mark_simulated(figure, population)
    return figure
