"""The figure of places that readers marked as giving an image away."""

from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from turing.models import Stimulus, Study
from turing.results.analysis import Analysis
from turing.results.counting import Population
from turing.results.figures.style import INK, WARM, mark_simulated, nothing_to_show

COLUMNS, LINES = 4, 2  # of images, beside the two heat maps


def regions_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Heat maps of marks in generated and in real images judged generated, and the images marked most often."""
    found = next((row for row in analysis.get("questions", []) if row["kind"] == "region" and row["images"]), None)
    if found is None:
        return nothing_to_show("Nobody marked a place in an image")
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 2))
    maps = left.subplots(2, 1)
    real = "phantoms" if study.uses_phantoms else "real images"
    for axes, (truth, name) in zip(maps, (("generated", "generated images"), ("real", real)), strict=True):
        grid = np.array(found["grid"][truth])
        axes.imshow(grid, cmap="magma_r", vmin=0, vmax=max(1, grid.max()), extent=(0, 1, 1, 0))
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(f"{grid.sum()} marks in {name} judged generated", fontsize=8, color=INK)
    mark_simulated(maps[0], population, pad=6)
    shown = found["images"][: COLUMNS * LINES]
    stimuli = {str(key): value for key, value in Stimulus.objects.in_bulk([one["image"] for one in shown]).items()}
    panels = right.subplots(LINES, COLUMNS).ravel()
    for axes, one in zip(panels, shown, strict=False):
        with Image.open(BytesIO(stimuli[one["image"]].read())) as image:
            axes.imshow(np.asarray(image.convert("RGB")), extent=(0, 1, 1, 0), interpolation="none")
        marks = np.array(one["marks"])
        axes.plot(marks[:, 0], marks[:, 1], "o", markersize=5, color=WARM, markeredgecolor="white", clip_on=False)
        axes.set_title(f"{one['truth']}, {len(marks)}", fontsize=8, color=INK)
    for axes in panels:
        axes.set_axis_off()
    return figure
