"""Headers that every page carries, and the language of those for researchers."""

from django.utils import translation

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
    """Researchers' and published pages are in English, whatever the browser asks for: numbers and dates, too."""

    def middleware(request):
        if not request.path_info.startswith(("/research/", "/published/")):
            return get_response(request)
        request.LANGUAGE_CODE = "en"
        with translation.override("en"):
            return get_response(request)

    return middleware
