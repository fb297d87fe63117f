"""Errors that this package raises, for callers to report."""


class NotFitted(Exception):  # noqa: N818, a sentence reads better
    """A model could not be fitted. The message tells a researcher why."""
