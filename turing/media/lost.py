"""Answers a request for an image that the store has lost or that is damaged."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.http import Http404

from console import UserError

logger = logging.getLogger(__name__)


@contextmanager
def lost_as_404(what: str) -> Iterator[None]:
    """Turn a missing or damaged image into a page that is not found, and name it in the log, as `what`.

    A store that does not answer is another matter: `StoreUnavailableError` passes and becomes a 503, because trying
    again may help.
    """
    try:
        yield
    except (FileNotFoundError, UserError) as error:
        logger.error("%s cannot be shown: %s", what, error)
        raise Http404 from error
