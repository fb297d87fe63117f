"""The exception that this package raises for users to read."""

from console import UserError


class GanError(UserError):
    """Something is wrong with images, a training run or its settings."""
