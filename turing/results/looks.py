"""Looks at results while answers still come in: each is an unplanned look, and the audit trail says who took it."""

from turing.models import COMMAND_LINE, Actor, AuditLine, Study
from turing.results.counting import Population


def note_look(study: Study, population: Population, actor: Actor = COMMAND_LINE) -> None:
    """Record that the actor sees results of an open or paused study, once an hour at most for each population."""
    if not study.is_draft and not study.is_over:
        AuditLine.objects.record_once_an_hour(AuditLine.What.VIEWED, actor, study, readers=population.name)
