"""Looks at results that a design plans: when they are due, which were taken, and which answers may be seen.

A look is a line of the audit trail, which can only grow. Before the first look nobody sees results. After it, results
are those of the answers that had come by the last look, until the next look is taken or the study is closed.
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from turing.models.audit_trail import AuditLine
from turing.models.studies import Study

MOST_LOOKS = 5
EARLIEST, LATEST = 0.1, 0.95  # as shares of the planned answers


@dataclass(frozen=True)
class Look:
    """A look that was taken, and the numbers seen at it."""

    number: int  # number of the look, from 1, for these readers
    is_planned: bool
    answers: int  # counted answers that had come
    last: int  # primary key of the last answer seen
    at: datetime
    seen: dict[str, Any]


def looks_problem(looks: list[float], planned_readers: int) -> str:
    """What is wrong with a design's looks; '' if nothing is."""
    if not looks:
        return ""
    if len(looks) > MOST_LOOKS:
        return f"at most {MOST_LOOKS} looks can be planned."
    if sorted(set(looks)) != looks:
        return "each share must be larger than the one before."
    if looks[0] < EARLIEST or looks[-1] > LATEST:
        return f"each share must lie between {EARLIEST:.0%} and {LATEST:.0%} of the planned answers."
    if planned_readers < 2:
        return "the planned number of readers sets their time. Plan 2 readers or more."
    return ""


def due_at(study: Study) -> list[int]:
    """The numbers of answers at which the planned looks are due."""
    return [ceil(share * study.planned_answers - 1e-9) for share in study.looks]


def looks_taken(study: Study, readers: str) -> list[Look]:
    """The looks at the results of `readers` (people or simulated), in order; no query if none is planned."""
    if not study.looks:
        return []
    lines = study.audit_lines.filter(what=AuditLine.What.LOOKED).order_by("pk")
    return [_look(line) for line in lines if line.detail["readers"] == readers]


def _look(line: AuditLine) -> Look:
    detail = line.detail
    return Look(
        number=detail["look"],
        is_planned=detail["planned"] == "yes",
        answers=detail["answers"],
        last=detail["last"],
        at=line.at,
        seen={key: value for key, value in detail.items() if key not in ("readers", "look", "planned", "last")},
    )


def last_visible(study: Study, readers: str) -> int | None:
    """Primary key of the last answer whose results may be seen: 0 before the first look, None if all may be seen."""
    if not study.looks or study.is_over:
        return None
    taken = looks_taken(study, readers)
    return taken[-1].last if taken else 0


def in_words(looks: list[float]) -> str:
    """The looks in words, such as '33% and 67%'."""
    shares = [f"{100 * share:.4g}%" for share in looks]
    return " and ".join([", ".join(shares[:-1])] * (len(shares) > 1) + shares[-1:])
