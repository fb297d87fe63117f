"""Loss curves of a training run."""

from matplotlib.figure import Figure

from gan.models import TrainingRun
from turing.results.figures.style import ACCENT, MUTED, WARM


def losses_figure(run: TrainingRun) -> Figure:
    """Both losses against the step, one panel a diagnosis."""
    diagnoses = run.diagnoses or [""]
    figure = Figure(figsize=(5 * len(diagnoses), 3.2), layout="constrained")
    panels = figure.subplots(1, len(diagnoses), squeeze=False)[0]
    for axes, diagnosis in zip(panels, diagnoses, strict=True):
        rows = run.steps.filter(diagnosis=diagnosis).order_by("step")
        steps = list(rows.values_list("step", "generator_loss", "discriminator_loss"))
        if steps:
            step, generator, discriminator = zip(*steps, strict=True)
            axes.plot(step, generator, color=ACCENT, linewidth=1, label="generator")
            axes.plot(step, discriminator, color=WARM, linewidth=1, label="discriminator (real + generated)")
            axes.axhline(1.3863, color=MUTED, linewidth=0.8, linestyle=":", label="discriminator at chance, 2 ln 2")
            axes.legend(frameon=False, fontsize=8)
        axes.set(title=diagnosis, xlabel="Step", ylabel="Loss (nats)")
    return figure
