"""Decorators that decide who may see a page."""

from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from turing.replies import postponement, wants_json

# For pages with a form. HEAD is answered like GET, because proxies, link checkers and monitors use it.
require_form_methods = require_http_methods(["GET", "HEAD", "POST"])


def researcher_role_required(view):
    """Let researchers in, with or without their second factor.

    For the pages on which the second factor is set up and given.
    """

    @login_required
    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not request.user.is_researcher:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def researcher_required(view):
    """Let researchers in. Others must log in or are refused. Researchers with a second factor must give it first."""

    @researcher_role_required
    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not is_past_second_factor(request.user):
            wanted = request.get_full_path() if request.method == "GET" else reverse("research")
            return redirect(f"{reverse('two-factor-check')}?{urlencode({'next': wanted})}")
        return view(request, *args, **kwargs)

    return guarded


def second_factor_required(view):
    """For pages about a user's own account: users with a second factor must give it first."""

    @login_required
    @wraps(view)
    def guarded(request, *args, **kwargs):
        if needs_second_factor(request.user):
            return redirect(f"{reverse('two-factor-check')}?{urlencode({'next': request.path})}")
        return view(request, *args, **kwargs)

    return guarded


def needs_second_factor(user) -> bool:
    """Whether a researcher still has to give a second factor in this session."""
    return user.is_researcher and not is_past_second_factor(user)


def is_past_second_factor(user) -> bool:
    """False if the user has a second factor and has not given it in this session."""
    return not user.has_second_factor or user.is_verified()


def reader_required(view):
    """Let readers in, as `request.reader`. A user without a reader's profile must complete one first.

    A script that sends an answer gets this as JSON. It keeps the answer until the reader has logged in.
    """

    @login_required
    @wraps(view)
    def guarded(request, *args, **kwargs):
        request.reader = getattr(request.user, "reader", None)
        if request.reader is None:
            if wants_json(request):
                return postponement("other_reader", 403, _("This account has no reader's profile."))
            return redirect(f"{reverse('profile')}?{urlencode({'next': request.path})}")
        return view(request, *args, **kwargs)

    @wraps(view)
    def told(request, *args, **kwargs):
        if wants_json(request) and not request.user.is_authenticated:
            return postponement("login", 401, _("Please log in again."))
        return guarded(request, *args, **kwargs)

    return told
