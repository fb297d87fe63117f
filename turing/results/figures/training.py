"""Figures of a training run: loss curves and quality."""

from matplotlib.figure import Figure

from gan.models import TrainingRun
from turing.results.figures.style import ACCENT, INK, MUTED, WARM, add_legend, panels_of

# By model. A model that has no entry gets no line of chance, and a label without a unit.
CHANCE = {
    "dcgan": (1.3863, "discriminator at chance, 2 ln 2"),
    "projected": (2.0, "discriminator at chance, 2"),
    "r3gan": (0.6931, "discriminator at chance, ln 2"),
}
UNITS = {
    "dcgan": "Loss (nats)",
    "projected": "Loss (hinge)",
    "r3gan": "Loss (nats)",
}
# What the generator's curve holds besides the loss of the axis.
ADDED = {"projected": ", with the energy distance"}
COLOURS = (ACCENT, WARM, INK, MUTED)


def losses_figure(run: TrainingRun) -> Figure:
    """The losses of both networks against the step, one panel for each pair of networks."""
    networks = list(run.networks) or [""]
    figure, grid = panels_of(1, len(networks), 5 if len(networks) > 1 else 7, 3.2)
    panels = grid.ravel()
    for axes, name in zip(panels, networks, strict=True):
        rows = run.steps.filter(diagnosis=name).order_by("step")
        steps = list(rows.values_list("step", "generator_loss", "discriminator_loss"))
        if steps:
            step, generator, discriminator = zip(*steps, strict=True)
            axes.plot(step, generator, color=ACCENT, linewidth=0.6, label=f"generator{ADDED.get(run.model, '')}")
            axes.plot(step, discriminator, color=WARM, linewidth=0.6, label="discriminator (real + generated)")
            if run.model in CHANCE:
                level, meaning = CHANCE[run.model]
                axes.axhline(level, color=MUTED, linewidth=0.8, linestyle=":", label=meaning)
            add_legend(axes)
        axes.set(title=name, xlabel="Step", ylabel=UNITS.get(run.model, "Loss"))
    return figure


def quality_figure(run: TrainingRun) -> Figure:
    """KID, precision and recall against the step, by diagnosis.

    A dotted line shows real against real if it was measured.
    """
    figure, grid = panels_of(1, 2, 4.8, 3.4)
    distance, shares = grid.ravel()
    title = "Distance to held-out lesions"
    names = [name for name in run.diagnoses if run.evaluations.filter(diagnosis=name).exists()]
    for colour, name in zip(COLOURS * len(names), names, strict=False):
        rows = list(run.evaluations.filter(diagnosis=name).order_by("step"))
        steps = [row.step for row in rows]
        kid = [1000 * row.figures["kid"] for row in rows]
        deviation = [1000 * row.figures["kid_std"] for row in rows]
        distance.errorbar(steps, kid, deviation, color=colour, marker="o", markersize=3, linewidth=1, label=name)
        # A quick evaluation has no floor, and with too few training images it is None.
        floors = [1000 * floor["kid"] for row in rows if (floor := row.figures.get("floor"))]
        if floors:
            distance.axhline(floors[-1], color=colour, linewidth=0.8, linestyle=":")
            title = "Distance to held-out lesions\n(dotted: real to real)"
        for figure_name, style in (("precision", "-"), ("recall", "--")):
            values = [row.figures[figure_name] for row in rows]
            shares.plot(
                steps,
                values,
                style,
                color=colour,
                marker="o",
                markersize=3,
                linewidth=1,
                label=f"{name}, {figure_name}",
            )
    distance.set(xlabel="Step", ylabel="KID x 1000", ylim=(0, None), title=title)
    shares.set(xlabel="Step", ylabel="Share", ylim=(0, 1), title="Precision and recall")
    for axes in (distance, shares):
        if len(every := {row for line in axes.lines for row in line.get_xdata() if line.get_marker() == "o"}) == 1:
            axes.set_xticks(list(every))
    if names:
        distance.legend(frameon=False)
        add_legend(shares)
    return figure
