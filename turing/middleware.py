"""Headers that every page carries, the language of those for researchers, and images whose store does not answer."""

import logging

from django.http import HttpResponse
from django.utils import translation

from turing.media import StoreUnavailable

logger = logging.getLogger(__name__)

POLICY = (
    "default-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def content_security_policy(get_response):
    """Scripts, styles and images come from this site alone, and none of them inline."""

    def middleware(request):
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def research_in_english(get_response):
    """Researchers' pages are in English, whatever language the browser asks for: their numbers and dates, too."""

    def middleware(request):
        if not request.path_info.startswith("/research/"):
            return get_response(request)
        request.LANGUAGE_CODE = "en"
        with translation.override("en"):
            return get_response(request)

    return middleware


class StoreAway:
    """Where the store of images does not answer: 503, so that the browser asks again, not 500."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if not isinstance(exception, StoreUnavailable):
            return None
        logger.error("%s", exception)
        text = "The images cannot be reached for a moment. Please try again."
        return HttpResponse(text, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "5"})
