"""Decides which trials count in an analysis: of rows in the database, and of rows in a file of responses.

Every result of the site takes this from here. The archive's `reproduce.py` decides it again on purpose, to check, and
`turing.reading.ending` for the score that a reader is told, because readings know nothing of results.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db.models import Case, Count, Max, Q, QuerySet, Sum, When

from turing.accounts import experience_band
from turing.models import FurtherAnswer, Reading, Response, Study, Trial, Truth
from turing.models.looks import last_visible, looks_taken
from turing.results.question_columns import cells, question_columns
from turing.statistics.question_answers import questions_in
from turing.statistics.responses import Responses, time_at_page
from turing.studies.controls import DEGRADED


@dataclass(frozen=True)
class Population:
    """Whose answers are analysed: people's or simulated readers'. The two are never analysed together."""

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
    """The population with this name. Without a name: people, or simulated readers if no person has answered."""
    for population in (PEOPLE, SIMULATED):
        if wanted == population.name:
            return population
    return (populations_of(study) or [PEOPLE])[0]


def readings_of(study: Study, population: Population) -> QuerySet[Reading]:
    return Reading.objects.filter(study=study, reader__is_simulated=population.simulated)


def arrived(study: Study, population: Population) -> QuerySet[Response]:
    """Test, repeat and control answers whose readers still consent, in the order of reader and position.

    Some of these may have results that nobody may see yet; see `exported`.
    """
    return (
        Response.objects.filter(
            trial__reading__study=study,
            trial__reading__reader__is_simulated=population.simulated,
            trial__reading__withdrawn_at=None,
        )
        .exclude(trial__phase=Trial.Phase.PRACTICE)
        .order_by("trial__reading__reader__pseudonym", "trial__position")
    )


def exported(study: Study, population: Population) -> QuerySet[Response]:
    """The answers among those that `arrived` whose results may be seen.

    If looks are planned, these go up to the last look.
    """
    rows, last = arrived(study, population), last_visible(study, population.name)
    return rows if last is None else rows.filter(pk__lte=last)


def counted(study: Study, population: Population) -> QuerySet[Response]:
    """The responses that every rate is computed from: the answers to test trials among those exported."""
    return tests_among(exported(study, population))


def tests_among(rows: QuerySet[Response]) -> QuerySet[Response]:
    return rows.filter(trial__phase=Trial.Phase.TEST)


def test_rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of test trials among rows of the responses CSV, as `tests_among` is for the database."""
    return [row for row in rows if row["phase"] == Trial.Phase.TEST]


def is_analysed(phase: str) -> bool:
    """Whether a row of this phase enters the analysis. Repeats do, for agreement alone; see `is_repeat`."""
    return phase not in (Trial.Phase.PRACTICE, Trial.Phase.CONTROL)


def is_repeat(phase: str) -> bool:
    return phase == Trial.Phase.REPEAT


def completed_readings(study: Study, population: Population) -> QuerySet[Reading]:
    """Readings that were finished by readers who still consent."""
    return readings_of(study, population).filter(withdrawn_at=None).exclude(completed_at=None)


def version_of(study: Study, population: Population) -> str:
    """A value that changes when an answer comes in or is corrected, and when a reader withdraws."""
    figures = {"last": Max("pk"), "count": Count("pk")}
    # A correction may commit after an answer with a higher key. It then changes neither the count nor the last key.
    figures |= {"numbers": Sum("number")} if study.corrections else {}
    rows = exported(study, population).order_by().aggregate(**figures)
    version = "-".join(str(one or 0) for one in (study.pk, study.design_hash, population.name, *rows.values()))
    # After another look, the same answers have other boundaries.
    return f"{version}-{len(looks_taken(study, population.name))}" if study.looks else version


@dataclass(frozen=True)
class Flow:
    """Numbers of readers and trials at each step, as in a CONSORT diagram; each number is of one population."""

    consented: int  # readings begun
    withdrawn: int
    without_answers: int
    incomplete: int  # with some test trials unanswered; the answered ones count
    completed: int
    test_responses: int
    excluded: dict[str, int]  # number of answers or trials that do not count, by the reason

    @property
    def analysed(self) -> int:
        """The number of readers whose answers count."""
        return self.incomplete + self.completed


def flow_of(study: Study, population: Population) -> Flow:
    """The flow of readers and trials, in two queries."""
    last = last_visible(study, population.name)
    seen = Q() if last is None else Q(trials__response__pk__lte=last)
    readings = readings_of(study, population).annotate(
        test=Count("trials", filter=Q(trials__phase=Trial.Phase.TEST)),
        answered=Count("trials__response", filter=Q(trials__phase=Trial.Phase.TEST) & seen),
        every=Count("trials__response", filter=seen),
        practice=Count("trials__response", filter=Q(trials__phase=Trial.Phase.PRACTICE) & seen),
        repeats=Count("trials__response", filter=Q(trials__phase=Trial.Phase.REPEAT) & seen),
        controls=Count("trials__response", filter=Q(trials__phase=Trial.Phase.CONTROL) & seen),
    )
    rows = list(readings.values("withdrawn_at", "test", "answered", "every", "practice", "repeats", "controls"))
    kept = [row for row in rows if row["withdrawn_at"] is None]
    others = Response.objects.filter(
        trial__reading__study=study, trial__reading__reader__is_simulated=not population.simulated
    )
    other = "people" if population.simulated else "simulated readers"
    repeats = {"Repeat answers (for intra-reader agreement only)": sum(row["repeats"] for row in kept)}
    controls = {"Answers to controls (reported apart)": sum(row["controls"] for row in kept)}
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
            **({} if study.forced_choice else repeats),
            **(controls if study.control_count else {}),
            "Answers of readers who withdrew": sum(row["every"] for row in rows if row["withdrawn_at"]),
            f"Answers of {other} (analysed apart)": others.count(),
        },
    )


def form_lengths(study: Study, population: Population) -> dict[str, int]:
    """How many test images each reader's form has, answered or not, by pseudonym."""
    trials = Trial.objects.filter(reading__in=readings_of(study, population), phase=Trial.Phase.TEST)
    names = trials.order_by().values_list("reading__reader__pseudonym")
    return dict(names.annotate(Count("pk")))


def load_responses(study: Study, population: Population, rows: QuerySet[Response] | None = None) -> Responses:
    """The counted responses and the repeats as arrays, or those of the given `rows`."""
    rows = exported(study, population) if rows is None else rows
    found = _load(study, population, rows.exclude(trial__phase=Trial.Phase.CONTROL))
    return replace(found, factors={name: values for name, values in found.factors.items() if name != "control"})


def load_with_controls(study: Study, population: Population) -> Responses:
    """The counted responses and those to controls. The factor `control` names the control; it is '' for test images."""
    return _load(study, population, exported(study, population).exclude(trial__phase=Trial.Phase.REPEAT))


def _load(study: Study, population: Population, responses: QuerySet[Response]) -> Responses:
    rows = responses.values_list(
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
        "away_ms",
        "trial__stimulus__pair",
        "trial__partner__generated_image__generator_id",
        "pk",
    )
    columns = list(zip(*rows.iterator(chunk_size=5000), strict=True)) or [()] * 18
    answers = _question_columns(study, responses, columns[-1], columns[2]) if study.questions else {}
    reader, image, diagnosis, truth, answer, confidence, time, position, phase, *about = columns
    profession, specialty, years, run, exposure, away, pair, partner_run, _ = about
    if study.forced_choice:  # the case is the pair, and its generator is that of its generated image
        image, run = pair, tuple(own or other for own, other in zip(run, partner_run, strict=True))
    forms = form_lengths(study, population)
    kinds = zip(phase, run, strict=True)
    control = [str(one or DEGRADED) if kind == Trial.Phase.CONTROL else "" for kind, one in kinds]
    return Responses.from_labels(
        np.array(reader, str),
        np.array([str(one) for one in image], str),
        np.array(truth, str) == Truth.REAL,
        np.array(answer, str) == Truth.REAL,
        diagnosis=np.array(diagnosis, str),
        confidence=np.array(confidence, float),
        response_time=time_at_page(np.array(time, float), np.array(away, float)),
        position=np.array(position, float),
        is_repeat=np.array(phase, str) == Trial.Phase.REPEAT,
        exposure=np.array(exposure, float),
        form=np.array([forms[one] for one in reader], float),
        factors={
            "profession": np.array(profession, str),
            "specialty": np.array(specialty, str),
            "experience": np.array([experience_band(one) for one in years], str),
            "run": np.array(["" if one is None else str(one) for one in run], str),
            "control": np.array(control, str),
        },
        questions=questions_in(answers),
        is_pairs=study.forced_choice,
        asks_judgement=study.asks_judgement,
    )


def _question_columns(
    study: Study, responses: QuerySet[Response], keys: Sequence[int], diagnoses: Sequence[str]
) -> dict[str, list[str]]:
    """The columns of the responses CSV with further answers, in the order of the responses `keys`.

    Responses that arrived or were withdrawn after `keys` were read change nothing.
    """
    found: dict[str, list[str]] = {name: [] for name in question_columns(study)}
    given: dict[int, list[FurtherAnswer]] = defaultdict(list)
    for one in FurtherAnswer.objects.filter(response__in=responses.order_by().values("pk")).iterator():
        given[one.response_id].append(one)
    for key, diagnosis in zip(keys, diagnoses, strict=True):
        for name, value in cells(study, diagnosis, given.get(key, ())).items():
            found[name].append("" if value is None else str(value))
    return found
