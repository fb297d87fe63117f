"""Figures made of the stimuli themselves."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from turing.models import Stimulus, Study, Truth
from turing.results.analysis import analyse_study
from turing.results.counting import Population
from turing.results.figures.style import mark_simulated, nothing_to_show

STRIP_COLUMNS = 8
RANKED_COLUMNS, MOST_RANKED = 12, 120


def strip_figure(study: Study, population: Population) -> Figure:
    """Real images above generated ones, per diagnosis, as in the seed paper's figures."""
    diagnoses = study.diagnoses
    figure = Figure(figsize=(STRIP_COLUMNS * 1.1, 2.5 * max(1, len(diagnoses))))
    axes = figure.subplots(2 * max(1, len(diagnoses)), STRIP_COLUMNS, squeeze=False)
    for cell in axes.flat:
        cell.set_axis_off()
    for index, diagnosis in enumerate(diagnoses):
        for offset, truth in enumerate((Truth.REAL, Truth.GENERATED)):
            shown = study.stimuli.filter(diagnosis=diagnosis, truth=truth).order_by("pk")[:STRIP_COLUMNS]
            line = axes[2 * index + offset]
            for cell, stimulus in zip(line, shown, strict=False):
                _show(cell, stimulus)
            kind = "phantom" if study.uses_phantoms and truth == Truth.REAL else truth.label
            line[0].set_title(f"{diagnosis}, {kind}", loc="left", fontsize=9)
    figure.subplots_adjust(wspace=0.05, hspace=0.3)
    return figure


def ranking_figure(study: Study, population: Population) -> Figure:
    """Every generated image, from the one most often judged real to the one least often."""
    rows = [row for row in analyse_study(study, population)["by_image"] if row["truth"] == Truth.GENERATED]
    if not rows:
        return nothing_to_show("No generated image was judged")
    rows.sort(key=lambda row: (-row["rate"], -row["responses"], row["image"]))
    if len(rows) > MOST_RANKED:  # both ends
        rows = rows[: MOST_RANKED // 2] + rows[-MOST_RANKED // 2 :]
    lines = -(-len(rows) // RANKED_COLUMNS)
    figure = Figure(figsize=(RANKED_COLUMNS * 0.8, lines * 0.98 + 0.3))
    axes = figure.subplots(lines, RANKED_COLUMNS, squeeze=False)
    stimuli = {str(key): value for key, value in Stimulus.objects.in_bulk([row["image"] for row in rows]).items()}
    for cell in axes.flat:
        cell.set_axis_off()
    for cell, row in zip(axes.flat, rows, strict=False):
        _show(cell, stimuli[row["image"]])
        cell.set_title(f"{row['rate']:.0%}", fontsize=7, pad=2)
    mark_simulated(axes[0, RANKED_COLUMNS // 2], population, pad=14)
    figure.subplots_adjust(wspace=0.06, hspace=0.3)
    return figure


def _show(cell: Axes, stimulus: Stimulus) -> None:
    cell.imshow(Image.open(BytesIO(stimulus.read())), interpolation="nearest")
