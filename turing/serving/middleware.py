"""Headers of every page, and the language of researchers' pages."""

from django.utils import translation

POLICY = (
    "default-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def content_security_policy(get_response):
    """Allow scripts, styles and images only from this site, and none of them inline."""

    def middleware(request):
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def research_in_english(get_response):
    """Show researchers' and published pages in English, with numbers and dates, whatever the browser asks for."""

    def middleware(request):
        if not request.path_info.startswith(("/research/", "/published/")):
            return get_response(request)
        request.LANGUAGE_CODE = "en"
        with translation.override("en"):
            return get_response(request)

    return middleware
