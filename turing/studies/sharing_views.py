"""Pages for a study's owner: who may see and change it, and the audit trail."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from turing.access import require_form_methods, researcher_required
from turing.errors import StudyError
from turing.models import AuditLine, Collaborator, Right
from turing.people.forms import AddressField
from turing.studies.permissions import get_study
from turing.studies.sharing import give_to, set_visible, share, unshare
from turing.studies.trail import trail_csv, trail_rows

PER_PAGE = 50


class CollaboratorForm(forms.Form):
    address = AddressField(label="E-mail address", help_text="Of a researcher of this site.")
    role = forms.ChoiceField(choices=Collaborator.Role, label="May")


@require_form_methods
@researcher_required
def sharing(request, slug):
    """The page on which the owner shares the study. POST does what its button says."""
    study = get_study(request, slug, Right.OWN)
    form = CollaboratorForm(request.POST if "address" in request.POST else None)
    if request.method == "POST" and (not form.is_bound or form.is_valid()):
        try:
            messages.success(request, _change(request, study, form))
        except StudyError as error:
            messages.error(request, str(error))
        return redirect("research-study" if "owner" in request.POST else "study-sharing", slug)
    context = {
        "study": study,
        "form": form,
        "collaborators": study.collaborators.select_related("user"),
        "heirs": study.collaborators.filter(user__isnull=False, user__is_active=True).select_related("user"),
    }
    return render(request, "research/sharing.html", context, status=422 if form.errors else 200)


def _change(request, study, form) -> str:
    """Make the change that was posted, and return a message for the owner."""
    if form.is_bound:
        address, role = form.cleaned_data["address"], form.cleaned_data["role"]
        share(study, address, role, request.user)
        may = Collaborator.Role(role).label
        return f"If there is a researcher with the address {address}, they may now {may}; if not, once there is one."
    if "remove" in request.POST:
        found = _collaborator(study, request.POST["remove"])
        unshare(study, found, request.user)
        return f"{found.address} is no collaborator any more."
    if "owner" in request.POST:
        found = _collaborator(study, request.POST["owner"])
        if found.user is None or not found.user.is_active or not found.user.is_researcher:
            raise StudyError("The study can be given to a researcher who has come.")
        give_to(study, found.user, request.user)
        return f"The study belongs to {found.user}."
    if request.POST.get("visible") in ("yes", "no"):
        visible = request.POST["visible"] == "yes"
        set_visible(study, visible, request.user)
        return f"Researchers who are no collaborators {'see' if visible else 'do not see'} this study."
    raise StudyError("Nothing was changed: choose what to do.")


def _collaborator(study, number: str) -> Collaborator:
    if not number.isdecimal() or len(number) > 18:
        raise Http404
    return get_object_or_404(study.collaborators.select_related("user"), pk=int(number))


def _lines(request, slug):
    """The study, if one is named, and its lines; else the lines that belong to no study."""
    if slug is None:
        return None, AuditLine.objects.filter(study=None)
    study = get_study(request, slug)
    return study, study.audit_lines.all()


@require_safe
@researcher_required
def trail(request, slug=None):
    """Who did what and when, newest first."""
    study, lines = _lines(request, slug)
    page = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "research/trail.html", {"study": study, "page": page, "rows": trail_rows(page)})


@require_safe
@researcher_required
def trail_file(request, slug=None):
    _, lines = _lines(request, slug)
    response = HttpResponse(trail_csv(lines.iterator()), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug or "shared"}-trail.csv"'
    return response
