"""The figure of readers against images for a planned study."""

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from turing.results.figures.style import ACCENT, axes_of
from turing.statistics.planning import Goal, Population, images_needed

READERS = range(3, 101)


def plan_figure(population: Population, goal: Goal) -> Figure:
    """The fewest images for each number of readers; points on or above the curve reach the goal."""
    points = [(count, images) for count in READERS if (images := images_needed(population, goal, count))]
    figure, axes = axes_of(6.5, 3.8)
    if points:
        readers, images = zip(*points, strict=True)
        axes.plot(readers, images, color=ACCENT, linewidth=2)
        axes.fill_between(readers, images, max(images) * 1.2, color=ACCENT, alpha=0.08, linewidth=0)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.text(0.5, 0.5, "No number of images is enough", transform=axes.transAxes, ha="center")
    wanted = f"interval {goal.width:g} wide" if goal.width else f"power {goal.power:g}, margin {goal.margin:g}"
    axes.set(xlabel="Readers", ylabel="Images", title=f"Enough for {wanted}\nat a rate of {population.rate:.2f}")
    return figure
