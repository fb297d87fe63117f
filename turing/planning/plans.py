"""Plans a study from a pilot study in the database, or from assumed shares of variance."""

from typing import Any

from turing.errors import StudyError
from turing.models import Study
from turing.results.counting import Population as Answered
from turing.results.counting import choose_population
from turing.results.looks import check_visible
from turing.results.study_analysis import analyse_study
from turing.statistics.planning import STRUCTURES, Goal, Population, check_by_simulation, plan
from turing.templatetags.figures import number_of

READERS = (5, 10, 15, 20, 30, 40, 65, 100)
CHECKED = 500  # simulated studies


def planned_population(
    rate: float | None,
    structure: str,
    pilot: Study | None,
    goal: Goal,
    components: tuple[float | None, float | None] = (None, None),
) -> Population:
    """The population for planning.

    From given variance components, else from a pilot study, else from an assumed structure. With a margin, the rate is
    accuracy; otherwise it is the fooling rate. If no rate is given, it is the pilot's, or 0.5. Raises `StudyError` if
    the pilot cannot give variance components, or if the given ones are impossible.
    """
    try:
        if components != (None, None):
            if pilot is not None or None in components:
                raise StudyError("Give either both variance components or a pilot study, or leave all of them out.")
            return Population.from_components(0.5 if rate is None else rate, *components)
        if pilot is None:
            return Population(0.5 if rate is None else rate, *STRUCTURES[structure])
        if pilot.forced_choice:
            raise StudyError(f"{pilot.slug} shows pairs (forced_choice), so it has no fooling rate to plan from.")
        if not pilot.asks_judgement:
            raise StudyError(f"{pilot.slug} does not ask for the judgement, so it has no fooling rate to plan from.")
        population = choose_population(pilot)
        check_visible(pilot, population)
        analysis = analyse_study(pilot, population)
        components = analysis["variance_components"]
        if components is None:
            raise StudyError(f"{pilot.slug} cannot be a pilot study: {_why_no_components(analysis, population)}")
        own = analysis["fooling_rate"]["estimate"]
        found = Population.from_components(own, components["reader"], components["image"])
        wanted = rate if rate is not None else (analysis["accuracy"]["estimate"] if goal.margin else own)
        return Population(wanted, found.reader_share, found.image_share)
    except ValueError as error:
        raise StudyError(f"{error}.") from None


def _why_no_components(analysis: dict[str, Any], answered: Answered) -> str:
    readers = analysis["counts"]["readers"]
    kind = "simulated reader" if answered.simulated else "reader"
    if readers < 2:
        return f"it has the answers of {number_of(readers, kind)}, and 2 are needed to tell how readers differ."
    incomplete = any(text.startswith("variance_components: ") for text in analysis["warnings"])
    if incomplete:
        return f"not every {kind} answered every generated image."
    return "its answers do not tell how readers and images differ (all are alike)."


def make_goal(width: float | None, margin: float | None, power: float) -> Goal:
    try:
        return Goal(width, margin, power)
    except ValueError as error:
        raise StudyError(f"{error}.") from None


def study_plan(population: Population, goal: Goal, seed: int = 0) -> dict[str, Any]:
    """Rows of readers and images, and a simulated check of the row with the fewest answers."""
    rows = plan(population, goal, list(READERS))
    possible = [row for row in rows if row["images"]]
    best = min(possible, key=lambda row: row["readers"] * row["images"], default=None)
    checked = best and check_by_simulation(population, goal, best["readers"], best["images"], CHECKED, seed)
    return {
        "rate": population.rate,
        "reader_share": population.reader_share,
        "image_share": population.image_share,
        "variance_components": {"reader": population.reader, "image": population.image},
        "goal": {"width": goal.width, "margin": goal.margin, "power": goal.power if goal.margin else None},
        "plan": rows,
        "checked": checked and {"readers": best["readers"], "images": best["images"], **checked},
    }
