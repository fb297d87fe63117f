"""What every page for researchers shows about long work."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from turing.models import Job


def work(request: HttpRequest) -> dict:
    """Context processor: how many of the researcher's jobs wait or run. It queries only if a page shows the number."""
    return {"unfinished_jobs": SimpleLazyObject(lambda: _unfinished(request))}


def _unfinished(request: HttpRequest) -> int:
    user = getattr(request, "user", None)
    if user is None or not request.path_info.startswith("/research/") or not user.is_authenticated:
        return 0
    return Job.objects.visible_to(user).unfinished().count() if user.is_researcher else 0
