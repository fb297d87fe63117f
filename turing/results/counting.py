"""Which trials count in an analysis: decided here and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db.models import Max, QuerySet

from turing.models import Response, Study, Trial, Truth
from turing.statistics.analysis import Responses


@dataclass(frozen=True)
class Population:
    """Whose answers: people's or simulated readers'. The two are never analysed together."""

    simulated: bool

    @property
    def name(self) -> str:
        return "simulated" if self.simulated else "people"


PEOPLE, SIMULATED = Population(False), Population(True)


def populations_of(study: Study) -> list[Population]:
    """The populations that have answered, people first."""
    answered = Response.objects.filter(trial__reading__study=study)
    kinds = set(answered.values_list("trial__reading__reader__is_simulated", flat=True).distinct())
    return [population for population in (PEOPLE, SIMULATED) if population.simulated in kinds]


def choose_population(study: Study, wanted: str | None = None) -> Population:
    """The one asked for by name; else people, or simulated readers where no person has answered."""
    for population in (PEOPLE, SIMULATED):
        if wanted == population.name:
            return population
    return (populations_of(study) or [PEOPLE])[0]


def answered(study: Study, population: Population) -> QuerySet[Response]:
    """Every response of the population, practice left out, in the order of reader and position."""
    return (
        Response.objects.filter(trial__reading__study=study, trial__reading__reader__is_simulated=population.simulated)
        .exclude(trial__phase=Trial.Phase.PRACTICE)
        .order_by("trial__reading__reader__pseudonym", "trial__position")
    )


def counted(study: Study, population: Population) -> QuerySet[Response]:
    """The responses that the analysis rests on: test trials of one population."""
    return answered(study, population).filter(trial__phase=Trial.Phase.TEST)


def version_of(study: Study, population: Population) -> str:
    """Changes when an answer comes in; answers are never changed, so their count and the last one's id tell."""
    latest = counted(study, population).order_by().aggregate(last=Max("pk"))["last"]
    return f"{study.pk}-{study.design_hash}-{population.name}-{latest or 0}-{counted(study, population).count()}"


def load_responses(study: Study, population: Population) -> Responses:
    """The counted responses as arrays."""
    rows = counted(study, population).values_list(
        "trial__reading__reader__pseudonym",
        "trial__stimulus_id",
        "trial__stimulus__diagnosis",
        "trial__stimulus__truth",
        "answer",
    )
    return to_arrays((reader, str(image), *rest) for reader, image, *rest in rows)


def to_arrays(rows: Iterable[tuple[str, str, str, str, str]]) -> Responses:
    """Rows of reader, image, diagnosis, truth and response as arrays."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    reader, image, diagnosis, truth, response = (np.array(column, dtype=str) for column in columns)
    return Responses(reader, image, diagnosis, truth == Truth.REAL, response == Truth.REAL)
