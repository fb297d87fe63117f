"""Adds to the analysis what is shown with it: machine readers, skin tone, controls, looks, corrections, noticing."""

from turing.models import Study
from turing.results.controls import with_controls, with_public_controls
from turing.results.corrections import with_corrections
from turing.results.counting import Population
from turing.results.looks import with_looks
from turing.results.machines import with_machines
from turing.results.noticing import with_noticing
from turing.results.skin_tone import with_skin_tone
from turing.results.study_analysis import Analysis


def with_all_beside(study: Study, population: Population, analysis: Analysis, *, is_public: bool = False) -> Analysis:
    """The analysis with the keys `machines`, `skin_tone`, `controls`, `look_history`, `corrections` and `noticing`.

    `is_public`: for everybody to see. It then has no controls that few readers judged, and no corrections.
    """
    if not study.asks_judgement:  # these need the judgement
        nothing = {"machines": [], "skin_tone": None, "controls": [], "look_history": [], "corrections": None}
        found = with_noticing(study, population, analysis | nothing, is_public=is_public)
        return found if is_public else with_corrections(study, population, found)
    add_controls = with_public_controls if is_public else with_controls
    found = with_skin_tone(study, population, with_machines(study, analysis))
    found = with_looks(study, population, add_controls(study, population, found)) | {"noticing": None}
    return found if is_public else with_corrections(study, population, found)
