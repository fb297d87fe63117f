"""What a request is answered that failed: a page, or JSON for a script, with an id under which the log tells more."""

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
    """Django's handler500. A database that is locked or gone, or a full disk, is 503: worth another try soon."""
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
    # Without the request: what its context processors ask of the database may be what failed.
    return render(None, name, {"request_id": request_id.get()}, status=status)  # type: ignore[arg-type]


def is_busy(error: BaseException | None) -> bool:
    """Whether the database cannot be reached or is locked, the store of images does not answer, or a disk is full."""
    if isinstance(error, StoreUnavailableError):
        return True
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, (OperationalError, InterfaceError))


@never_cache
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: a script fetches a fresh token and sends again."""
    if wants_json(request):
        return postponement("token", 403, _("The page had been open too long."))
    return render(request, "403_csrf.html", status=403)
