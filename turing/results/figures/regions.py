"""The figure of places that readers marked as giving an image away."""

from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from turing.models import Stimulus, Study
from turing.results.counting import Population
from turing.results.figures.style import PAPER, SMALL, WARM, figure_of, is_narrow, mark_simulated, nothing_to_show
from turing.results.study_analysis import Analysis

COLUMNS, LINES = 4, 2  # of images, beside the two heat maps


def regions_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Heat maps of marks in generated and in real images judged generated, and the images marked most often."""
    found = next((row for row in analysis.get("questions", []) if row["kind"] == "region" and row["images"]), None)
    if found is None:
        return nothing_to_show("Nobody marked a place in an image")
    figure = figure_of(10, 4.8, narrow_height=6.8)
    if is_narrow():
        left, right = figure.subfigures(2, 1, height_ratios=(1, 1.9))
        maps, panels = left.subplots(1, 2), right.subplots(COLUMNS, LINES).ravel()
    else:
        left, right = figure.subfigures(1, 2, width_ratios=(1, 2))
        maps, panels = left.subplots(2, 1), right.subplots(LINES, COLUMNS).ravel()
    apart = "\n" if is_narrow() else " "
    real = "phantoms" if study.uses_phantoms else "real images"
    for axes, (truth, name) in zip(maps, (("generated", "generated images"), ("real", real)), strict=True):
        grid = np.array(found["grid"][truth])
        axes.imshow(grid, cmap="magma_r", vmin=0, vmax=max(1, grid.max()), extent=(0, 1, 1, 0))
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(f"{grid.sum()} marks in{apart}{name}\njudged generated", fontsize=SMALL)
    mark_simulated(figure, population)
    shown = found["images"][: COLUMNS * LINES]
    stimuli = {str(key): value for key, value in Stimulus.objects.in_bulk([one["image"] for one in shown]).items()}
    for axes, one in zip(panels, shown, strict=False):
        with Image.open(BytesIO(stimuli[one["image"]].read_unchanged())) as image:
            axes.imshow(np.asarray(image.convert("RGB")), extent=(0, 1, 1, 0), interpolation="none")
        marks = np.array(one["marks"])
        axes.plot(marks[:, 0], marks[:, 1], "o", markersize=5, color=WARM, markeredgecolor=PAPER, clip_on=False)
        axes.set_title(f"{one['truth']}, {len(marks)}", fontsize=SMALL)
    for axes in panels:
        axes.set_axis_off()
    return figure
