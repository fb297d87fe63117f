"""The exception that this package raises for users to read."""

from console import UserError


class StudyError(UserError):
    """Something is wrong with a study's design, its state, or a file of responses."""


class LostImageError(StudyError):
    """The store has lost a stimulus, or holds other bytes than those with which the study was opened."""
