"""The one exception type that the package raises to its users."""

from console import UserError


class StudyError(UserError):
    """Something wrong with a study's design, its state, or a file of responses."""
