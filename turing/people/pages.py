"""What the pages of accounts share: where users go after log-in, and who may register."""

from django.conf import settings
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from turing.models import Study
from turing.people.invited import is_invited

LONGEST_NEXT = 1000  # characters


def landing_page(user) -> str:
    """The page after log-in if no other page was asked for; for researchers, their studies."""
    return reverse("research" if user.is_authenticated and user.is_researcher else "home")


def next_url(request) -> str:
    """The address on this site that the visitor came from, else the page after log-in."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    # Without a slash, Django's redirect would take it for the name of a view.
    return wanted if allowed and wanted.startswith("/") and len(wanted) <= LONGEST_NEXT else landing_page(request.user)


def may_register(request) -> bool:
    """Whether the visitor may register, by the setting REGISTRATION: everyone, those with an invitation, or nobody."""
    return settings.REGISTRATION == "open" or (settings.REGISTRATION == "invited" and is_invited(request))


def registration(request) -> dict:
    """Context processor: whether to offer registration at all."""
    return {"registration": settings.REGISTRATION}


def study_path(path: str) -> str:
    """The path if it is the page of a study that readers can open; else empty."""
    try:
        found = resolve(path.partition("?")[0])
    except Resolver404:
        return ""
    if found.url_name != "study":
        return ""
    return path if Study.objects.exclude(state=Study.State.DRAFT).filter(slug=found.kwargs["slug"]).exists() else ""
