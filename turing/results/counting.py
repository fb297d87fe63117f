"""Which trials count in an analysis: decided here and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Case, Count, Max, Q, QuerySet, When

from turing.accounts import experience_band
from turing.models import Reading, Response, Study, Trial, Truth
from turing.results.question_columns import cells, question_columns
from turing.statistics.question_answers import questions_in
from turing.statistics.responses import Responses


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


def readings_of(study: Study, population: Population) -> QuerySet[Reading]:
    return Reading.objects.filter(study=study, reader__is_simulated=population.simulated)


def exported(study: Study, population: Population) -> QuerySet[Response]:
    """Test and repeat answers whose readers still consent, in the order of reader and position."""
    return (
        Response.objects.filter(
            trial__reading__study=study,
            trial__reading__reader__is_simulated=population.simulated,
            trial__reading__withdrawn_at=None,
        )
        .exclude(trial__phase=Trial.Phase.PRACTICE)
        .order_by("trial__reading__reader__pseudonym", "trial__position")
    )


def counted(study: Study, population: Population) -> QuerySet[Response]:
    """The responses that every rate rests on: of those exported, the answers to test trials."""
    return exported(study, population).filter(trial__phase=Trial.Phase.TEST)


def version_of(study: Study, population: Population) -> str:
    """Changes when an answer comes in or a reader withdraws; answers themselves are never changed."""
    rows = exported(study, population).order_by().aggregate(last=Max("pk"), count=Count("pk"))
    return f"{study.pk}-{study.design_hash}-{population.name}-{rows['last'] or 0}-{rows['count']}"


@dataclass(frozen=True)
class Flow:
    """Where readers and their trials went, as in a CONSORT diagram; each number is of one population."""

    consented: int  # readings begun
    withdrawn: int
    without_answers: int
    incomplete: int  # with some test trials unanswered, counted as far as they are answered
    completed: int
    test_responses: int
    excluded: dict[str, int]  # why answers or trials do not count: how many

    @property
    def analysed(self) -> int:
        """Readers whose answers count."""
        return self.incomplete + self.completed


def flow_of(study: Study, population: Population) -> Flow:
    """The flow of readers and trials, in two queries."""
    readings = readings_of(study, population).annotate(
        test=Count("trials", filter=Q(trials__phase=Trial.Phase.TEST)),
        answered=Count("trials__response", filter=Q(trials__phase=Trial.Phase.TEST)),
        every=Count("trials__response"),
        practice=Count("trials__response", filter=Q(trials__phase=Trial.Phase.PRACTICE)),
        repeats=Count("trials__response", filter=Q(trials__phase=Trial.Phase.REPEAT)),
    )
    rows = list(readings.values("withdrawn_at", "test", "answered", "every", "practice", "repeats"))
    kept = [row for row in rows if row["withdrawn_at"] is None]
    others = Response.objects.filter(
        trial__reading__study=study, trial__reading__reader__is_simulated=not population.simulated
    )
    other = "people" if population.simulated else "simulated readers"
    return Flow(
        consented=len(rows),
        withdrawn=len(rows) - len(kept),
        without_answers=sum(row["answered"] == 0 for row in kept),
        incomplete=sum(0 < row["answered"] < row["test"] for row in kept),
        completed=sum(row["answered"] == row["test"] > 0 for row in kept),
        test_responses=sum(row["answered"] for row in kept),
        excluded={
            "Test trials not answered": sum(row["test"] - row["answered"] for row in kept),
            "Practice answers": sum(row["practice"] for row in kept),
            "Repeat answers (for intra-reader agreement only)": sum(row["repeats"] for row in kept),
            "Answers of readers who withdrew": sum(row["every"] for row in rows if row["withdrawn_at"]),
            f"Answers of {other} (analysed apart)": others.count(),
        },
    )


def form_lengths(study: Study, population: Population) -> dict[str, int]:
    """How many test images each reader's form has, answered or not, by pseudonym."""
    trials = Trial.objects.filter(reading__in=readings_of(study, population), phase=Trial.Phase.TEST)
    names = trials.order_by().values_list("reading__reader__pseudonym")
    return dict(names.annotate(Count("pk")))


def load_responses(study: Study, population: Population) -> Responses:
    """The counted responses, and the repeats beside them, as arrays."""
    rows = exported(study, population).values_list(
        "trial__reading__reader__pseudonym",
        "trial__stimulus_id",
        "trial__stimulus__diagnosis",
        "trial__stimulus__truth",
        "answer",
        "confidence",
        "response_time_ms",
        "trial__position",
        "trial__phase",
        "trial__reading__reader__profession",
        "trial__reading__reader__specialty",
        "trial__reading__reader__years_experience",
        "trial__stimulus__generated_image__generator_id",
        Case(When(exposure_ms=None, then=None), When(shown_ms__gt=0, then="shown_ms"), default="exposure_ms"),
    )
    columns = list(zip(*rows.iterator(chunk_size=5000), strict=True)) or [()] * 14
    answers = _question_columns(study, population, columns[2]) if study.questions else {}
    reader, image, diagnosis, truth, answer, confidence, time, position, phase, *about = columns
    profession, specialty, years, run, exposure = about
    forms = form_lengths(study, population)
    return Responses.from_labels(
        np.array(reader, str),
        np.array([str(one) for one in image], str),
        np.array(truth, str) == Truth.REAL,
        np.array(answer, str) == Truth.REAL,
        diagnosis=np.array(diagnosis, str),
        confidence=np.array(confidence, float),
        response_time=np.array(time, float),
        position=np.array(position, float),
        is_repeat=np.array(phase, str) == Trial.Phase.REPEAT,
        exposure=np.array(exposure, float),
        form=np.array([forms[one] for one in reader], float),
        factors={
            "profession": np.array(profession, str),
            "specialty": np.array(specialty, str),
            "experience": np.array([experience_band(one) for one in years], str),
            "run": np.array(["" if one is None else str(one) for one in run], str),
        },
        questions=questions_in(answers),
    )


def _question_columns(study: Study, population: Population, diagnoses: Sequence[str]) -> dict[str, list[str]]:
    """The columns of the responses CSV that hold the further answers, in the order of `exported`."""
    found: dict[str, list[str]] = {name: [] for name in question_columns(study)}
    responses = exported(study, population).prefetch_related("further").only("pk")
    for response, diagnosis in zip(responses.iterator(chunk_size=2000), diagnoses, strict=True):
        for name, value in cells(study, diagnosis, response.further.all()).items():
            found[name].append("" if value is None else str(value))
    return found
