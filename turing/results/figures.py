"""Publication figures as SVG, PDF or PNG. Imports matplotlib: load it from within a view, not at start-up."""

from collections.abc import Callable, Sequence
from io import BytesIO

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan.models import TrainingRun
from turing.models import Study, Truth
from turing.results.analysis import analyse_study
from turing.results.counting import Population

matplotlib.rcParams |= {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "figures",  # the same figure, the same bytes
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
INK, ACCENT, MUTED = "#1d2733", "#0b6e75", "#98a2ad"
STRIP_COLUMNS = 8
MAX_READERS = 80
CONTENT_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}
RATES = {
    "fooling_rate": "Generated judged real",
    "real_judged_real": "Real judged real",
    "accuracy": "Accuracy",
}


def render(figure: Figure, format: str) -> bytes:
    """The figure's file in one of `CONTENT_TYPES`."""
    buffer = BytesIO()
    date = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[format]
    figure.savefig(buffer, format=format, dpi=200, metadata=date, bbox_inches="tight", facecolor="white")
    return buffer.getvalue()


def rates_figure(study: Study, population: Population) -> Figure:
    """Forest plot of the rates, all together and per diagnosis: MRMC interval, and Wilson's, marked naive."""
    analysis = analyse_study(study, population)
    groups = {"All": analysis} | analysis["by_diagnosis"]
    rows = [
        (f"{label}\n{group}" if len(groups) > 1 else label, values[key])
        for key, label in RATES.items()
        for group, values in groups.items()
    ]
    figure, axes = _axes(7.5, 0.6 * len(rows) + 1.2)
    for index, (_, rate) in enumerate(rows):
        if rate["estimate"] is None:
            continue
        _interval(axes, index + 0.18, rate["naive"]["wilson"], MUTED, 1.2)
        _interval(axes, index, rate["ci95"], ACCENT, 2.4)
        axes.plot(rate["estimate"], index, "o", color=ACCENT, markersize=7)
    axes.plot([], [], "-o", color=ACCENT, linewidth=2.4, label="95% interval over readers and images (MRMC)")
    axes.plot([], [], color=MUTED, linewidth=1.2, label="95% interval, naive (Wilson)")
    _finish_forest(axes, [label for label, _ in rows], population)
    return figure


def readers_figure(study: Study, population: Population) -> Figure:
    """Forest plot of every reader's fooling rate, sorted; intervals are for the images that the reader saw."""
    rows = [row for row in analyse_study(study, population)["by_reader"] if row["fooling_rate"] is not None]
    rows.sort(key=lambda row: row["fooling_rate"])
    left_out, rows = max(0, len(rows) - MAX_READERS), rows[:MAX_READERS]
    figure, axes = _axes(7.5, 0.22 * len(rows) + 1.6)
    for index, row in enumerate(rows):
        _interval(axes, index, row["fooling_rate_wilson"], MUTED, 1.4)
        axes.plot(row["fooling_rate"], index, "o", color=ACCENT, markersize=5)
    axes.plot([], [], "-o", color=MUTED, markerfacecolor=ACCENT, label="Reader, with Wilson's 95% interval")
    _finish_forest(axes, [row["reader"] for row in rows], population)
    axes.set_xlabel("Share of generated images judged real" + (f" ({left_out} more readers)" if left_out else ""))
    return figure


def strip_figure(study: Study, population: Population) -> Figure:
    """Real images above generated ones, per diagnosis, as in the seed paper's figures."""
    from PIL import Image

    diagnoses = study.diagnoses
    figure = Figure(figsize=(STRIP_COLUMNS * 1.1, 2.5 * max(1, len(diagnoses))))
    axes = figure.subplots(2 * max(1, len(diagnoses)), STRIP_COLUMNS, squeeze=False)
    for row in axes:
        for cell in row:
            cell.set_axis_off()
    for index, diagnosis in enumerate(diagnoses):
        for offset, truth in enumerate((Truth.REAL, Truth.GENERATED)):
            shown = study.stimuli.filter(diagnosis=diagnosis, truth=truth).order_by("pk")[:STRIP_COLUMNS]
            line = axes[2 * index + offset]
            for cell, stimulus in zip(line, shown, strict=False):
                cell.imshow(Image.open(BytesIO(stimulus.read())), interpolation="nearest")
            kind = "phantom" if study.uses_phantoms and truth == Truth.REAL else truth.label
            line[0].set_title(f"{diagnosis}, {kind}", loc="left", fontsize=9)
    figure.subplots_adjust(wspace=0.05, hspace=0.3)
    return figure


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
            axes.plot(step, discriminator, color="#b5532a", linewidth=1, label="discriminator (real + generated)")
            axes.axhline(1.3863, color=MUTED, linewidth=0.8, linestyle=":", label="discriminator at chance, 2 ln 2")
            axes.legend(frameon=False, fontsize=8)
        axes.set(title=diagnosis, xlabel="Step", ylabel="Loss (nats)")
    return figure


STUDY_FIGURES: dict[str, Callable[[Study, Population], Figure]] = {
    "rates": rates_figure,
    "readers": readers_figure,
    "strip": strip_figure,
}


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _interval(axes: Axes, y: float, interval: Sequence[float] | None, colour: str, width: float) -> None:
    if interval:
        axes.plot(interval, [y, y], color=colour, linewidth=width, solid_capstyle="butt")


def _finish_forest(axes: Axes, labels: list[str], population: Population) -> None:
    axes.axvline(0.5, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=8)
    if population.simulated:
        axes.set_title("SIMULATED READERS, NOT PEOPLE", color="#b5532a", fontsize=9, pad=22)


def study_figure(name: str, study: Study, population: Population, format: str) -> bytes:
    """The file of one of `STUDY_FIGURES`."""
    return render(STUDY_FIGURES[name](study, population), format)


def run_figure(run: TrainingRun, format: str) -> bytes:
    """The file of the run's loss curves."""
    return render(losses_figure(run), format)
