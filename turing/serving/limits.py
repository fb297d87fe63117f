"""Limits which requests the site reads: small forms in UTF-8, unless a view accepts more."""

import codecs
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import parse_header_parameters

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
UNREADABLE = "application/octet-stream"
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,70}")  # RFC 2046


def takes_bodies_up_to(size: int) -> Callable:
    """Decorate a view that takes bodies of up to `size` bytes, such as uploads.

    The view must first check who sends them.
    """

    def decorate(view):
        view.body_limit = size
        return view

    return decorate


class Limits:
    """Middleware that refuses a request before anything reads its body. It comes before the CSRF middleware."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return _refusal(request, 400, "An address must not contain a NUL character.")
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        limit = getattr(view, "body_limit", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        length = _content_length(request)
        if length > limit:
            return _refusal(request, 413, f"This is too large. At most {limit // 1024} KB can be sent here.")
        if length and request.content_type not in FORMS:
            return _refusal(request, 415, "This site reads only forms in UTF-8.")
        return None


def _content_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0  # Django also takes this for an empty body


def _refusal(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"error": message}, status=status)
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")


def with_readable_content_type(application: Callable) -> Callable:
    """Protect the WSGI application from Content-Types that make Django fail before any middleware.

    Django reads even the query of the address in the character set of the Content-Type, as soon as there is one:
    `charset=rot13` ends in an exception. A type that is not UTF-8 is replaced by one that `Limits` refuses. UTF-8 is
    left out.
    """

    def wrapped(environ: dict[str, Any], start_response: Callable):
        if ";" in environ.get("CONTENT_TYPE", ""):
            environ["CONTENT_TYPE"] = _readable(environ["CONTENT_TYPE"])
        return application(environ, start_response)

    return wrapped


def _readable(content_type: str) -> str:
    try:
        kind, parameters = parse_header_parameters(content_type)
        if codecs.lookup(parameters.get("charset", "utf-8")).name != "utf-8":
            return UNREADABLE
    except Exception:  # a header may make Python's e-mail parser raise anything
        return UNREADABLE
    boundary = parameters.get("boundary", "")
    if not BOUNDARY.fullmatch(boundary):
        return UNREADABLE
    return f'{kind}; boundary="{boundary}"' if boundary else kind
