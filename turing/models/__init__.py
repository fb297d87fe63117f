"""The database models: who reads, what is read, and what was answered."""

from turing.models.audit_trail import COMMAND_LINE, Actor, AuditLine
from turing.models.jobs import Job
from turing.models.machines import MachineReader, MachineScore
from turing.models.people import Reader, User, new_pseudonym
from turing.models.preregistrations import Preregistration
from turing.models.readings import (
    Debriefing,
    FurtherAnswer,
    Invitation,
    Reading,
    ReplacedAnswer,
    Response,
    Trial,
    new_code,
)
from turing.models.sharing import Collaborator, Right
from turing.models.stimuli import Side, Stimulus, Truth
from turing.models.studies import Study

__all__ = [
    "COMMAND_LINE", "Actor", "AuditLine", "Collaborator", "Debriefing", "FurtherAnswer", "Invitation", "Job",
    "MachineReader", "MachineScore", "Preregistration", "Reader", "Reading", "ReplacedAnswer", "Response", "Right",
    "Side", "Stimulus", "Study", "Trial", "Truth", "User", "new_code", "new_pseudonym",
]  # fmt: skip
