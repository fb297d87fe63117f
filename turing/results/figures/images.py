"""Figures made of the stimuli themselves."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from turing.models import Stimulus, Study, Truth
from turing.results.counting import Population
from turing.results.figures.style import INK, NARROW_INCHES, SMALL, WARM, is_narrow, nothing_to_show
from turing.results.study_analysis import Analysis

STRIP_COLUMNS = 8
RANKED_COLUMNS, MOST_RANKED = 10, 120
NARROW = {STRIP_COLUMNS: 3, RANKED_COLUMNS: 4}  # columns on a phone
GAP = 0.06  # between images, as a share of their side


def strip_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Real images above generated ones, by diagnosis, as in the seed paper's figures."""
    return draw_strip(study, list(study.stimuli.of_test().order_by("pk")))


def draw_strip(study: Study, stimuli: Sequence[Stimulus]) -> Figure:
    """The strip of some of the study's stimuli."""
    lines = []
    for diagnosis in study.diagnoses:
        for truth in (Truth.REAL, Truth.GENERATED):
            shown = [one for one in stimuli if one.diagnosis == diagnosis and one.truth == truth][:STRIP_COLUMNS]
            kind = "phantom" if study.uses_phantoms and truth == Truth.REAL else truth.label
            lines.append(([(stimulus, "") for stimulus in shown], f"{diagnosis}, {kind}"))
    return _montage(lines, study.stimulus_size, STRIP_COLUMNS, side=1.1)


def ranking_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """All generated images, from the one most often judged real to the one least often judged real."""
    rows = [row for row in analysis["by_image"] if row["truth"] == Truth.GENERATED]
    if not rows:
        return nothing_to_show("No generated image was judged")
    rows.sort(key=lambda row: (-row["rate"], -row["responses"], row["image"]))
    if len(rows) > MOST_RANKED:  # both ends
        rows = rows[: MOST_RANKED // 2] + rows[-MOST_RANKED // 2 :]
    stimuli = {str(key): value for key, value in Stimulus.objects.in_bulk([row["image"] for row in rows]).items()}
    cells = [(stimuli[row["image"]], f"{row['rate']:.0%}") for row in rows]
    lines = [(cells[start : start + RANKED_COLUMNS], "") for start in range(0, len(cells), RANKED_COLUMNS)]
    if is_narrow():
        lines = [(cells, "")]
    figure = _montage(lines, study.stimulus_size, RANKED_COLUMNS, side=0.78)
    if population.simulated:  # the layout of this figure leaves no room for a title of the whole
        figure.axes[0].set_title("SIMULATED READERS, NOT PEOPLE", color=WARM, fontsize=SMALL)
    return figure


def _montage(
    lines: Sequence[tuple[Sequence[tuple[Stimulus, str]], str]], pixels: int, columns: int, side: float
) -> Figure:
    """One picture with lines of (stimulus, caption), each line under a title; `side` of an image in inches.

    One picture draws many times faster than one panel an image, and its pixels are exactly the stimuli's. Raises
    `LostImageError` if the store has lost one of them.
    """
    if is_narrow():
        lines, columns = _broken(lines, NARROW[columns]), NARROW[columns]
        side = NARROW_INCHES / (columns * (1 + GAP))
    step, height = round(pixels * (1 + GAP)), round(pixels * (1 + 0.25 / side))
    sheet = np.zeros((max(1, len(lines)) * height, columns * step, 4), np.uint8)  # transparent where no image is
    figure = Figure(figsize=(columns * step / pixels * side, len(sheet) / pixels * side))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    label = {"fontsize": SMALL, "color": INK, "va": "bottom"}
    for line, (cells, title) in enumerate(lines):
        top = line * height + height - pixels
        axes.text(0, top - 2, title, ha="left", **label)
        for column, (stimulus, caption) in enumerate(cells):
            left = column * step
            with Image.open(BytesIO(stimulus.read_unchanged())) as image:
                sheet[top : top + pixels, left : left + pixels] = np.asarray(image.convert("RGBA"))
            axes.text(left + pixels / 2, top - 1, caption, ha="center", **label)
    axes.imshow(sheet, interpolation="none")  # vector files then hold the pixels themselves
    return figure


def _broken(
    lines: Sequence[tuple[Sequence[tuple[Stimulus, str]], str]], columns: int
) -> list[tuple[Sequence[tuple[Stimulus, str]], str]]:
    """The lines, broken after so many columns. A title stands only above the first part of its line."""
    return [
        (cells[start : start + columns], title if start == 0 else "")
        for cells, title in lines
        for start in range(0, max(1, len(cells)), columns)
    ]
