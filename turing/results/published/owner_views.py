"""The page on which a study's owner publishes its results."""

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render

from turing.access import require_form_methods, researcher_required
from turing.errors import StudyError
from turing.models import Right, Study
from turing.results.counting import choose_population, flow_of
from turing.results.profiles import LEAST
from turing.results.published.images import judged_elsewhere, shown_stimuli
from turing.results.published.publishing import publish, unpublish
from turing.results.published.views import address_of
from turing.studies.permissions import get_study


class PublicationForm(forms.Form):
    authors = forms.CharField(
        required=False, max_length=500, help_text="Whom others shall cite, split by semicolons: Ada Byron; Dr B. Kaya"
    )
    archive = forms.BooleanField(
        required=False,
        label="Everybody may download the archive, too",
        help_text="Every answer under its reader's pseudonym, codebook, analysis and scripts. Profession, specialty "
        "and experience are left empty where fewer than five readers would share them.",
    )


@require_form_methods
@researcher_required
def publication(request, slug):
    """GET previews what everybody would see. POST publishes the page or changes it, and with `close` closes it."""
    study = get_study(request, slug, Right.OWN, Study.objects.prefetch_related("generators"))
    begin = {"authors": study.cited_authors, "archive": study.publishes_archive}
    form = PublicationForm(request.POST if request.method == "POST" else None, initial=begin)
    if request.method == "POST" and ("close" in request.POST or form.is_valid()):
        try:
            messages.success(request, _change(request, study, form))
        except StudyError as error:
            messages.error(request, str(error))
        return redirect("study-publication", slug)
    population = choose_population(study)
    context = {
        "study": study,
        "form": form,
        "population": population,
        "flow": flow_of(study, population),
        "least": LEAST,
        "address": address_of(request, study),
        "shown": len(shown_stimuli(study)) if study.is_over else 0,
        "elsewhere": judged_elsewhere(study).count() if study.is_over else 0,
    }
    return render(request, "research/publication.html", context, status=422 if form.errors else 200)


def _change(request, study: Study, form: PublicationForm) -> str:
    """Make the change that was posted, and return a message for the owner."""
    if "close" in request.POST:
        unpublish(study, request.user)
        return "The public page is closed. Browsers and proxies may still show it for five minutes."
    publish(study, **form.cleaned_data, actor=request.user)
    return "Everybody can see the results."
