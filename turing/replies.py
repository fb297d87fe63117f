"""Answers to scripts: JSON where a script asks for it, so that it never has to guess what a page of HTML means."""

from django.http import HttpRequest, JsonResponse


def wants_json(request: HttpRequest) -> bool:
    """Whether the request comes from a script of ours, which asks for JSON and nothing else."""
    return request.headers.get("Accept") == "application/json"


def refusal(reason: str, status: int, message: str = "", **values) -> JsonResponse:
    """What is asked will never be done, such as an answer to a closed study. `reason` is a word for scripts."""
    return JsonResponse({"refused": reason, "message": message, **values}, status=status)


def postponement(reason: str, status: int, message: str = "", **values) -> JsonResponse:
    """What is asked may be done later: the script keeps it and asks again."""
    return JsonResponse({"later": reason, "message": message, **values}, status=status)
