"""The one exception type that the package raises to its users."""

from console import UserError


class GanError(UserError):
    """Something wrong with images, a training run or its settings."""
