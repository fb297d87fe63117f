"""Figures for publication as SVG, PDF or PNG.

This package imports matplotlib. Import it within a view, not at start-up.
"""

from collections.abc import Callable

from django.core.cache import cache
from matplotlib.figure import Figure

from gan.models import Generator, TrainingRun
from turing.models import Study, User
from turing.results import unjudged
from turing.results.counting import Population, version_of
from turing.results.figures.curves import calibration_figure, course_figure, roc_figure, times_figure
from turing.results.figures.exposure import exposures_figure
from turing.results.figures.flow import flow_figure
from turing.results.figures.images import ranking_figure, strip_figure
from turing.results.figures.machines import machines_figure
from turing.results.figures.pairs import forced_choice_figure
from turing.results.figures.rates import comparisons_figure, rates_figure, readers_figure
from turing.results.figures.regions import regions_figure
from turing.results.figures.style import CONTENT_TYPES, drawn_for, render
from turing.results.figures.training import losses_figure, quality_figure
from turing.results.figures.utility import snapshots_figure, utility_figure
from turing.results.machines import machines_version, with_machines
from turing.results.pairs import FIGURES
from turing.results.snapshots import points_of
from turing.results.study_analysis import Analysis, analyse_study
from turing.results.utility import latest

__all__ = [
    "CONTENT_TYPES", "GENERATOR_FIGURES", "RUN_FIGURES", "STUDY_FIGURES", "figures_of", "generator_figure",
    "run_figure", "study_figure",
]  # fmt: skip

STUDY_FIGURES: dict[str, Callable[[Study, Population, Analysis], Figure]] = {
    "rates": rates_figure,
    "readers": readers_figure,
    "comparisons": comparisons_figure,
    "roc": roc_figure,
    "calibration": calibration_figure,
    "course": course_figure,
    "times": times_figure,
    "exposures": exposures_figure,
    "ranking": ranking_figure,
    "strip": strip_figure,
    "flow": flow_figure,
    "machines": machines_figure,
    "regions": regions_figure,
    "forced-choice": forced_choice_figure,
}
RUN_FIGURES: dict[str, Callable[[TrainingRun], Figure]] = {"losses": losses_figure, "quality": quality_figure}
GENERATOR_FIGURES = ("utility", "snapshots")
KEPT_SECONDS = 24 * 60 * 60


def figures_of(study: Study) -> list[str]:
    """The names of the figures that a study has. They differ for pairs, single images and purpose-blinded studies."""
    if not study.asks_judgement:
        return [name for name in STUDY_FIGURES if name in unjudged.FIGURES]
    return [name for name in STUDY_FIGURES if (name in FIGURES if study.forced_choice else name != "forced-choice")]


def study_figure(name: str, study: Study, population: Population, format: str, *, narrow: bool = False) -> bytes:
    """The file of one of `STUDY_FIGURES`, cached until another answer comes in. `narrow` is for a phone."""

    def draw() -> bytes:
        analysis = with_machines(study, analyse_study(study, population))
        with drawn_for(narrow=narrow):
            return render(STUDY_FIGURES[name](study, population, analysis), format)

    if name == "flow":  # this figure also counts readers who have not answered yet
        return draw()
    version = f"{version_of(study, population)}-{machines_version(study)}"
    return cache.get_or_set(f"figure-{name}-{format}-{'narrow-' * narrow}{version}", draw, KEPT_SECONDS)


def run_figure(name: str, run: TrainingRun, format: str, *, narrow: bool = False) -> bytes:
    """The file of one of `RUN_FIGURES`. It is drawn anew each time, because a run may still be training."""
    with drawn_for(narrow=narrow):
        return render(RUN_FIGURES[name](run), format)


def generator_figure(name: str, generator: Generator, user: User, format: str, *, narrow: bool = False) -> bytes:
    """The file of one of `GENERATOR_FIGURES`, from what the user may see. Snapshots are those of a training run."""
    with drawn_for(narrow=narrow):
        if name == "utility":
            return render(utility_figure(latest(generator)), format)
        run = TrainingRun.objects.filter(pk=generator.pk).first()
        return render(snapshots_figure(points_of(run, user) if run else {}), format)
