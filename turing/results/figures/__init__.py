"""Publication figures as SVG, PDF or PNG. Imports matplotlib: load it from within a view, not at start-up."""

from collections.abc import Callable

from matplotlib.figure import Figure

from gan.models import TrainingRun
from turing.models import Study
from turing.results.counting import Population
from turing.results.figures.curves import calibration_figure, course_figure, roc_figure, times_figure
from turing.results.figures.flow import flow_figure
from turing.results.figures.images import ranking_figure, strip_figure
from turing.results.figures.rates import comparisons_figure, rates_figure, readers_figure
from turing.results.figures.style import CONTENT_TYPES, render
from turing.results.figures.training import losses_figure

__all__ = ["CONTENT_TYPES", "STUDY_FIGURES", "run_figure", "study_figure"]

STUDY_FIGURES: dict[str, Callable[[Study, Population], Figure]] = {
    "rates": rates_figure,
    "readers": readers_figure,
    "comparisons": comparisons_figure,
    "roc": roc_figure,
    "calibration": calibration_figure,
    "course": course_figure,
    "times": times_figure,
    "ranking": ranking_figure,
    "strip": strip_figure,
    "flow": flow_figure,
}


def study_figure(name: str, study: Study, population: Population, format: str) -> bytes:
    """The file of one of `STUDY_FIGURES`."""
    return render(STUDY_FIGURES[name](study, population), format)


def run_figure(run: TrainingRun, format: str) -> bytes:
    """The file of the run's loss curves."""
    return render(losses_figure(run), format)
