"""JSON answers to scripts that ask for JSON, so that a script never has to interpret a page."""

from django.http import HttpRequest, JsonResponse


def wants_json(request: HttpRequest) -> bool:
    """Whether the request comes from one of our scripts, which ask only for JSON."""
    return request.headers.get("Accept") == "application/json"


def refusal(reason: str, status: int, message: str = "", **values) -> JsonResponse:
    """The request will never be granted, for example an answer to a closed study. `reason` is a word for scripts."""
    return JsonResponse({"refused": reason, "message": message, **values}, status=status)


def postponement(reason: str, status: int, message: str = "", **values) -> JsonResponse:
    """The request may be granted later. The script keeps it and asks again."""
    return JsonResponse({"later": reason, "message": message, **values}, status=status)
