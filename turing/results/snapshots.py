"""Measurements of one run's snapshots, step by step: quality, usefulness, and people's answers to their images."""

from typing import Any

from gan.models import Generator, TrainingRun
from turing.models import Study, Truth, User
from turing.results.counting import PEOPLE, counted
from turing.results.study_analysis import analyse_study

OVER = (Study.State.CLOSED, Study.State.ARCHIVED)

# By measurement and name of the line: step, value and, if there is one, the 95% interval.
Points = dict[str, dict[str, list[tuple[int, float, list[float] | None]]]]


def points_of(run: TrainingRun, user: User) -> Points:
    """Everything known about the run's snapshots and its last state, from studies that the user may see.

    Quality comes only from `evaluate_generator`, because recall depends on the number of images. Fooling rates are
    those of people in studies that are over, because nobody should look earlier.
    """
    found: Points = {}
    for one in [*run.snapshots.order_by("snapshot_step"), run]:
        step = one.last_step()
        for evaluation in one.evaluations.all():
            if "floor" in evaluation.figures:
                kid, spread = 1000 * evaluation.figures["kid"], 1000 * evaluation.figures["kid_std"]
                _add(found, "kid", evaluation.diagnosis, evaluation.step, kid, [kid - spread, kid + spread])
                _add(found, "recall", evaluation.diagnosis, evaluation.step, evaluation.figures["recall"], None)
        last_of = {record.step: record.figures for record in one.utilities.order_by("pk")}
        for at, figures in last_of.items():
            for row in figures["curves"]:
                if (row["arm"], row["size"]) == ("generated", "all"):
                    name = figures["classifiers"][row["classifier"]]["name"]
                    _add(found, "utility", name, at, row["auc"]["estimate"], row["auc"]["ci95"])
        for study in Study.objects.visible_to(user).filter(generators=one, state__in=OVER).order_by("pk"):
            if rate := _fooling_rate(study, one):
                _add(found, "fooling", study.title, step, rate["estimate"], rate["ci95"])
    return {kind: {name: sorted(line) for name, line in lines.items()} for kind, lines in found.items()}


def _add(found: Points, kind: str, name: str, step: int, value: float, interval: list[float] | None) -> None:
    found.setdefault(kind, {}).setdefault(name, []).append((step, value, interval))


def _fooling_rate(study: Study, generator: Generator) -> dict[str, Any] | None:
    """The fooling rate of the generator's images in the study; None if no person judged one."""
    own = counted(study, PEOPLE).filter(
        trial__stimulus__truth=Truth.GENERATED, trial__stimulus__generated_image__generator=generator
    )
    if not own.exists():
        return None
    analysis = analyse_study(study, PEOPLE)
    # A study with one generator has no rates by generator. The headline is its rate.
    part = analysis["by_run"].get(str(generator.pk), analysis if len(study.tested_generators) == 1 else None)
    rate = part["fooling_rate"] if part else None
    return rate if rate and rate["estimate"] is not None else None
