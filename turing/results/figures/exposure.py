"""The figure of exposures, for studies that show images for a moment."""

from matplotlib.figure import Figure

from turing.models import Study
from turing.results.counting import Population
from turing.results.figures.style import ACCENT, MUTED, axes_of, legend_above, mark_simulated, nothing_to_show
from turing.results.study_analysis import Analysis


def exposures_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Each reader's staircase, and the median threshold of all readers with its interval."""
    found = analysis["exposure_threshold"]
    if found is None:
        return nothing_to_show("Readers looked at the images for as long as they liked")
    figure, axes = axes_of(7.5, 3.8)
    for row in found["by_reader"]:
        trials = range(1, row["trials"] + 1)
        axes.step(trials, row["exposures_ms"], where="mid", color=MUTED, linewidth=0.8, alpha=0.7)
    axes.plot([], [], color=MUTED, linewidth=0.8, label="one reader")
    shortest, longest = found["shortest_ms"], found["longest_ms"]
    if found["ci95"]:
        axes.axhspan(*found["ci95"], color=ACCENT, alpha=0.15, linewidth=0)
    axes.axhline(found["estimate_ms"], color=ACCENT, linewidth=2, label=f"threshold, {found['accuracy']:.0%} right")
    axes.set(xlabel="Trial of the test", ylabel="Exposure (ms)", ylim=(0, longest * 1.05))
    axes.set_yticks([shortest, *range(200, longest + 1, 200)])
    legend_above(axes)
    mark_simulated(figure, population)
    return figure
