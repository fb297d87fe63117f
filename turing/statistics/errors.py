"""What this package raises for others to put in words."""


class NotFitted(Exception):  # noqa: N818, a sentence reads better
    """A model could not be fitted; the message says why, for a researcher."""
