"""Phrases that the methods paragraphs of all kinds of study share."""

from turing.models import Study
from turing.results.counting import Flow, Population
from turing.templatetags.figures import number_of


def analysed_readers(flow: Flow, population: Population) -> str:
    """How many readers count, and how many of them answered everything."""
    noun = "simulated reader" if population.simulated else "reader"
    return f"{number_of(flow.analysed, noun)} ({flow.completed} complete)"


def one_size(study: Study) -> str:
    """How the stimuli got their common size. A size by way of which they got it is named only if it is another."""
    side, drawn = study.stimulus_size, study.drawn_size
    through = f" (by way of {drawn} x {drawn} pixels)" if drawn != side else ""
    return f"brought to {side} x {side} pixels by one procedure{through}"
