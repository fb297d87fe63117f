"""Figures that everybody may see: of the redacted analysis, and of images whose licence allows it."""

import hashlib

from django.core.cache import cache
from matplotlib.figure import Figure

from turing.models import Stimulus, Study
from turing.results.counting import Population, version_of
from turing.results.figures import KEPT_SECONDS, STUDY_FIGURES
from turing.results.figures.images import draw_strip
from turing.results.figures.style import drawn_for, render
from turing.results.machines import machines_version
from turing.results.study_analysis import Analysis


def public_figure(
    name: str,
    study: Study,
    population: Population,
    format: str,
    analysis: Analysis,
    stimuli: list[Stimulus],
    *,
    narrow: bool = False,
) -> bytes:
    """The file of a figure of `STUDY_FIGURES` from the redacted `analysis` and the `stimuli` that may be shown."""

    def draw() -> bytes:
        with drawn_for(narrow=narrow):
            return render(_figure(name, study, population, analysis, stimuli), format)

    if name == "flow":
        return draw()
    shown = hashlib.sha256(" ".join(str(one.pk) for one in stimuli).encode()).hexdigest()[:16]
    version = f"{version_of(study, population)}-{machines_version(study)}-{shown}"
    return cache.get_or_set(f"public-{name}-{format}-{'narrow-' * narrow}{version}", draw, KEPT_SECONDS)


def _figure(name: str, study: Study, population: Population, analysis: Analysis, stimuli: list[Stimulus]) -> Figure:
    if name == "strip":
        return draw_strip(study, stimuli)
    ids = {str(one.pk) for one in stimuli}
    images = [row for row in analysis["by_image"] if row["image"] in ids]
    return STUDY_FIGURES[name](study, population, analysis | {"by_image": images})
