"""Who may see a page."""

from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

# For pages with a form. HEAD is answered as GET: proxies, link checkers and monitors ask so.
require_form_methods = require_http_methods(["GET", "HEAD", "POST"])


def researcher_required(view):
    """Researchers only: others are asked to log in, or refused."""

    @login_required
    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not request.user.is_researcher:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def reader_required(view):
    """Readers only; `request.reader` is the reader. A user without a reader's profile is asked for one first."""

    @login_required
    @wraps(view)
    def guarded(request, *args, **kwargs):
        request.reader = getattr(request.user, "reader", None)
        if request.reader is None:
            return redirect(f"{reverse('profile')}?{urlencode({'next': request.path})}")
        return view(request, *args, **kwargs)

    return guarded
