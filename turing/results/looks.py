"""Looks at results while answers still come in: planned looks that a researcher takes, and unplanned ones.

A design that plans looks hides results between them. A design without looks shows results at any time, and the audit
trail says who saw them when.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Max, Min
from django.db.models.functions import Coalesce
from django.utils import timezone

from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Study
from turing.models.looks import Look, due_at, in_words, looks_taken
from turing.results.counting import Population, arrived, counted, exported, load_responses, tests_among, version_of

if TYPE_CHECKING:
    from turing.statistics.looks import Looks

What = AuditLine.What
DECIMALS = 4  # digits of the numbers that the audit trail keeps for a look


def note_look(study: Study, population: Population, actor: Actor = COMMAND_LINE) -> None:
    """Record that the actor sees results of an open or paused study, at most once an hour for each population.

    If looks are planned, only the results of the last look can be seen, and the audit trail has recorded that look
    already.
    """
    if not study.is_draft and not study.is_over and not study.looks:
        AuditLine.objects.record_once_an_hour(What.VIEWED, actor, study, readers=population.name)


@dataclass(frozen=True)
class Standing:
    """The state of the planned looks at a study's results, for one population. It holds only counts, no result."""

    taken: list[Look]
    arrived: int  # answers so far that would count
    planned_answers: int
    next_due: int | None  # number of answers at which the next planned look is due; None if no further look is planned
    is_over: bool

    @property
    def is_hidden(self) -> bool:
        """Whether all results are hidden."""
        return not self.taken and not self.is_over

    @property
    def is_complete(self) -> bool:
        """Whether all planned answers have come.

        A look now would leave no error rate to spend on the final analysis.
        """
        return self.arrived >= self.planned_answers

    @property
    def can_look(self) -> bool:
        """Whether a look can be taken, planned or not: there are new answers, and more are to come."""
        seen = self.taken[-1].answers if self.taken else 0
        return not self.is_over and not self.is_complete and self.arrived > seen

    @property
    def is_due(self) -> bool:
        return self.can_look and self.next_due is not None and self.arrived >= self.next_due

    @property
    def can_look_early(self) -> bool:
        return self.can_look and not self.is_due

    @property
    def until(self) -> str:
        """What must happen before anything new may be seen."""
        if self.next_due is None or self.is_complete:
            return "the study is closed"
        return f"{self.next_due:,} answers have come"


def standing(study: Study, population: Population) -> Standing | None:
    """The state of the looks; None for a draft, and for a study that plans no looks."""
    if not study.looks or study.is_draft:
        return None
    taken = looks_taken(study, population.name)
    seen = taken[-1].answers if taken else 0
    return Standing(
        taken=taken,
        arrived=tests_among(arrived(study, population)).count(),
        planned_answers=study.planned_answers,
        next_due=next((due for due in due_at(study) if due > seen), None),
        is_over=study.is_over,
    )


def check_visible(study: Study, population: Population) -> None:
    """Raise `StudyError` if no result of the study may be seen yet."""
    found = standing(study, population)
    if found and found.is_hidden:
        raise StudyError(
            f"{study.slug}: results are hidden until {found.until}; so far there are {found.arrived:,}. You take looks "
            "on the results page, or by look_study."
        )


def take_look(study: Study, population: Population, actor: Actor = COMMAND_LINE, *, early: bool = False) -> Look:
    """Take the planned look that is due, or with `early` a look that is not planned.

    The audit trail records the look with the numbers seen. Raises `StudyError` if no look is due, or if no new answers
    came.
    """
    found = standing(study, population)
    if found is None:
        raise StudyError(f"{study.slug} plans no looks. You can see its results at any time, and the site records it.")
    if found.is_over:
        raise StudyError(f"{study.slug} is over. You can see its results without a look.")
    if found.is_complete:
        raise StudyError(
            f"{study.slug}: all planned answers have arrived ({found.arrived:,}). Close the study to see its results; "
            "no look is needed."
        )
    if not found.is_due and not early:
        raise StudyError(
            f"{study.slug}: no look is due until {found.until}; so far there are {found.arrived:,}. An earlier look is "
            "not planned. It is reported as unplanned and uses up a part of the error rate. To take it anyway, ask "
            "for an early look."
        )
    rows = arrived(study, population)
    last = rows.order_by().aggregate(last=Max("pk"))["last"] or 0
    # Answers that arrive from now on do not belong to this look.
    seen = tests_among(rows.filter(pk__lte=last)).order_by().aggregate(last=Max("pk"), count=Count("pk"))
    if seen["count"] <= (found.taken[-1].answers if found.taken else 0):
        raise StudyError(f"{study.slug}: no answers have come since the last look.")
    detail = {
        "readers": population.name,
        "look": len(found.taken) + 1,
        "planned": "yes" if found.is_due else "no",
        "answers": seen["count"],
        "of": found.planned_answers,
        "last": last,
        **_numbers(study, population, [*(look.answers for look in found.taken), seen["count"]], last),
    }
    with transaction.atomic():
        locked = Study.objects.select_for_update().get(pk=study.pk)
        if locked.is_over or len(looks_taken(locked, population.name)) != len(found.taken):
            raise StudyError(f"{study.slug}: somebody else took a look or closed the study at the same moment.")
        # From now on no answer that is counted here can be corrected (see `turing.reading.corrections`).
        if tests_among(arrived(study, population)).filter(pk__lte=last).count() != seen["count"]:
            raise StudyError(f"{study.slug}: an answer was corrected or withdrawn at the same moment. Look again.")
        AuditLine.objects.record(What.LOOKED, actor, study, **detail)
    return looks_taken(study, population.name)[-1]


def _numbers(study: Study, population: Population, answers: list[int], last: int) -> dict[str, Any]:
    """The numbers that are seen at a look, for the audit trail."""
    from turing.statistics.analysis import analyse  # imports SciPy, which a web worker loads only with the first look
    from turing.statistics.looks import Looks

    rows = arrived(study, population).filter(pk__lte=last)
    looks = Looks(study.planned_answers, tuple(answers))
    analysis = analyse(load_responses(study, population, rows), study.equivalence_margin, looks)
    test = analysis["equivalence"]
    found = {"z": looks.now.z}
    for name in ("fooling_rate", "accuracy"):
        rate = analysis[name]
        low, high = rate["ci95"] or (None, None)
        found |= {name: rate["estimate"], f"{name}_low": low, f"{name}_high": high}
    found |= {"p_value": test and test["p_value"], "needed": looks.now.alpha}
    rounded = {name: None if value is None else round(value, DECIMALS) for name, value in found.items()}
    return rounded | {"equivalent": "yes" if test and test["equivalent"] else "no"}


def analysed_looks(study: Study, population: Population) -> "Looks | None":
    """The analyses of the study's results so far, for `analyse`; None if no planned look was taken."""
    taken = looks_taken(study, population.name)
    if not taken:
        return None
    from turing.statistics.looks import Looks

    return Looks.with_now(study.planned_answers, [look.answers for look in taken], counted(study, population).count())


def with_looks(study: Study, population: Population, analysis: dict[str, Any]) -> dict[str, Any]:
    """The analysis with the looks that were taken under `look_history`."""
    history = [
        {"look": look.number, "planned": "yes" if look.is_planned else "no", "at": _when(look.at), **look.seen}
        for look in looks_taken(study, population.name)
    ]
    return analysis | {"look_history": history}


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def unplanned_stages(study: Study, population: Population) -> list[int]:
    """For a study that plans no looks: how many answers had come each time that somebody saw results before its close.

    Views with the same answers count once. The audit trail holds one view an hour for each person, so there may have
    been more. While the study is running, this request counts as a view, too.
    """
    if study.looks or study.is_draft:
        return []
    lines = study.audit_lines.filter(what__in=(What.VIEWED, What.EXPORTED)).order_by("pk")
    if study.closed_at:
        lines = lines.filter(at__lt=study.closed_at)
    times = [at for at, detail in lines.values_list("at", "detail") if detail.get("readers") == population.name]
    if not study.is_over:
        times.append(timezone.now())
    if not times:
        return []

    def count() -> list[int]:
        # A corrected answer has the time of its first version.
        came = Coalesce(Min("trial__replaced__answered_at"), "answered_at")
        rows = tests_among(exported(study, population)).order_by().annotate(came=came)
        answered = sorted(rows.values_list("came", flat=True))
        return sorted({bisect_right(answered, at) for at in times} - {0})

    key = f"stages-{version_of(study, population)}-{len(times)}-{study.is_over}"
    return cache.get_or_set(key, count, 24 * 60 * 60)


def looks_sentence(analysis: dict[str, Any]) -> str:
    """How looking early affects the numbers on the page; empty if nobody looked early."""
    found = analysis.get("looks")
    if not found:
        return ""
    history = analysis.get("look_history", [])
    shown = [row for row in history if row["equivalent"] == "yes"]
    times = "once" if len(history) == 1 else f"{len(history)} times"
    parts = [
        f"Results were looked at {times} before all answers had come. So that the intervals of rates and of "
        f"the ROC area hold at all looks together, "
        f"they are computed at {100 * found['level']:.4g}% (repeated 95% confidence intervals, at "
        f"{found['fraction']:.0%} of the planned answers)."
    ]
    if interval := found["unlooked"]["fooling_rate"]:
        parts.append(
            f"If nobody had looked, the interval of the fooling rate would be {interval[0]:.1%} to {interval[1]:.1%}."
        )
    if shown and not (analysis["equivalence"] or {}).get("equivalent"):
        parts.append(
            f"At look {shown[0]['look']} it was shown that readers cannot tell the images apart. With the later "
            "answers this is no longer shown."
        )
    return " ".join(parts)


def looks_in_words(study: Study, population: Population) -> str:
    """A sentence about planned and unplanned looks for the methods paragraph. It ends in a space, or is empty."""
    if not study.looks:
        return _unplanned_in_words(unplanned_stages(study, population))
    planned = f"Looks at results were planned at {in_words(study.looks)} of {study.planned_answers:,} answers"
    taken = looks_taken(study, population.name)
    if not taken:
        return f"{planned}; none was taken before the study closed. " if study.is_over else f"{planned}. "
    at = [f"{look.answers:,}{'' if look.is_planned else ' (not planned)'}" for look in taken]
    return (
        f"{planned}, and taken at {', '.join(at)} answers; between them results were hidden. The error was spent by "
        "Lan and DeMets's function of the type of O'Brien and Fleming [@lan1983], so that the intervals of rates and "
        "of the "
        "ROC area are repeated 95% confidence intervals [@jennison1989]. "
    )


def _unplanned_in_words(stages: list[int]) -> str:
    if not stages:
        return ""
    times = "once" if len(stages) == 1 else f"at {len(stages)} stages at least, first"
    return (
        f"No look at results was planned before the study closed; they were seen {times} after {stages[0]:,} answers, "
        "and intervals do not allow for that. "
    )
