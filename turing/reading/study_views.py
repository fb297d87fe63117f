"""The page of a study, on which clinicians consent, and what they may do about their part in it."""

from functools import partial

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turing.access import needs_second_factor, reader_required, require_form_methods
from turing.errors import StudyError
from turing.models import Reading, Study
from turing.models.withdrawal import withdraw
from turing.people.erasure import erase
from turing.people.invited import invitation_code, lacks_invitation, remember_invitation
from turing.reading.debriefing import step_of
from turing.reading.duration import usual_minutes
from turing.reading.ending import gets_feedback, score_of
from turing.reading.forms import ConsentForm
from turing.reading.parts import hidden_behind, why_not_yet
from turing.reading.passage import NOT_INVITED, start_reading
from turing.reading.progress import progress_of


@require_form_methods
@never_cache
def study(request, slug):
    """The page of a study; POST records consent and starts the reading."""
    found = get_object_or_404(Study.objects.prefetch_related("generators"), slug=slug)
    if found.is_draft:
        raise Http404
    response = _start(request, found) if request.method == "POST" else _study_page(request, found, ConsentForm())
    return remember_invitation(request, response, found)


@reader_required
def _start(request, found):
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return _study_page(request, found, form)
    try:
        start_reading(found, request.reader, invitation_code(request, found))
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(found)
    return redirect("study-continue", found.slug)


def _study_page(request, found, form):
    reader = getattr(request.user, "reader", None) if request.user.is_authenticated else None
    reading = Reading.objects.filter(study=found, reader=reader).select_related("study").first() if reader else None
    if reading is None and (earlier := hidden_behind(found, reader)):
        return render(request, "reading/not_yet.html", {"earlier": earlier, "study": found, "discreet": True})
    context = {
        "study": found,
        "discreet": found.purpose_blinded,
        "step": step_of(reading) if reading else None,
        "not_yet": "" if reading else why_not_yet(found, reader),
        "form": form,
        "reader": reader,
        "reading": reading,
        "not_invited": gettext(NOT_INVITED) if reading is None and lacks_invitation(request, found) else "",
        "usual_minutes": partial(usual_minutes, found),  # asked only where it is shown
        "progress": progress_of(reading) if reading else None,
        "score": score_of(reading) if reading else None,
        "has_feedback": bool(reading and gets_feedback(reading)),
    }
    return render(request, "reading/study.html", context)


@require_form_methods
@reader_required
@never_cache
def withdrawal(request, slug):
    """GET explains the withdrawal, POST withdraws consent. With `erase` it also erases the account."""
    reading = get_object_or_404(Reading.objects.select_related("study"), study__slug=slug, reader=request.reader)
    if request.method != "POST":
        context = {"study": reading.study, "reading": reading, "discreet": reading.study.purpose_blinded}
        return render(request, "reading/withdrawal.html", context)
    if "erase" in request.POST and needs_second_factor(request.user):
        return redirect(f"{reverse('two-factor-check')}?{urlencode({'next': request.path})}")
    if "erase" in request.POST:
        erase(request.user)
        logout(request)
        messages.success(request, _("Your consent is withdrawn and your personal data are erased."))
        response = redirect("home")
        # Answers that wait in this browser belong to the reader, too, and can no longer be delivered.
        response["Clear-Site-Data"] = '"storage"'
        return response
    withdraw(reading)
    messages.success(request, _("Your consent is withdrawn. Your answers are no longer in the analysis."))
    return redirect("study", slug)


@require_safe
@reader_required
def certificate(request, slug):
    """A certificate of participation to print, once the form is done."""
    reading = get_object_or_404(
        Reading.objects.select_related("study"),
        study__slug=slug, reader=request.reader, completed_at__isnull=False, withdrawn_at=None,
    )  # fmt: skip
    context = {"study": reading.study, "reading": reading, "discreet": reading.study.purpose_blinded}
    return render(request, "reading/certificate.html", context)
