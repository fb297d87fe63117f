"""Answers to failed requests: a page, or JSON for a script, with an id that finds the details in the log."""

import errno
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from turing.media import StoreUnavailableError
from turing.replies import postponement, wants_json
from turing.serving.logs import request_id

RETRY_AFTER_S = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500. A locked or lost database, or a full disk, gives 503, because trying again soon may help."""
    busy = is_busy(sys.exc_info()[1])
    status = 503 if busy else 500
    reason = "busy" if busy else "error"
    if wants_json(request):
        message = _("The site is busy. Your answer is kept and sent again.")
        response: HttpResponse = postponement(reason, status, message, request_id=request_id.get())
    else:
        response = _page(f"{status}.html", status)
    if busy:
        response["Retry-After"] = str(RETRY_AFTER_S)
    response["Cache-Control"] = "no-store"
    return response


def _page(name: str, status: int) -> HttpResponse:
    # Rendered without the request, because its context processors query the database, which may be what failed.
    return render(None, name, {"request_id": request_id.get()}, status=status)  # type: ignore[arg-type]


def is_busy(error: BaseException | None) -> bool:
    """Whether the database is locked or gone, the store of images does not answer, or a disk is full."""
    if isinstance(error, StoreUnavailableError):
        return True
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, (OperationalError, InterfaceError))


@never_cache
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. A script fetches a fresh token and sends again."""
    if wants_json(request):
        return postponement("token", 403, _("The page was open for too long."))
    return render(request, "403_csrf.html", status=403)
