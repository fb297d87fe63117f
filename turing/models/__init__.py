"""Who reads, what is read, and what was answered."""

from turing.models.people import Reader, User, new_pseudonym
from turing.models.preregistrations import Preregistration
from turing.models.readings import AuditLine, Invitation, Reading, Response, Trial, new_code
from turing.models.studies import Stimulus, Study, Truth

__all__ = [
    "AuditLine", "Invitation", "Preregistration", "Reader", "Reading", "Response", "Stimulus", "Study", "Trial",
    "Truth", "User", "new_code", "new_pseudonym",
]  # fmt: skip
