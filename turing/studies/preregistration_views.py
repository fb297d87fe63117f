"""The pages of a study's preregistration, and its file."""

import json

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from turing.access import require_form_methods, researcher_required
from turing.errors import StudyError
from turing.models import Preregistration, Right, Study
from turing.studies.permissions import get_study
from turing.studies.preregistration import draw_up, preregistration_document
from turing.studies.preregistration_files import FORMATS, write


class PreregistrationForm(forms.Form):
    """What the software cannot know. Every field may stay empty."""

    readers = forms.IntegerField(
        required=False, min_value=2, max_value=10_000, label="Planned number of readers",
        help_text="Gives the interval's expected width and the power.",
    )  # fmt: skip
    hypotheses = forms.CharField(required=False, max_length=4000, help_text="Besides those the software writes.")
    recruitment = forms.CharField(required=False, max_length=4000, label="Who is asked to read, and how")
    stopping = forms.CharField(required=False, max_length=4000, label="When collection stops")
    exclusions = forms.CharField(required=False, max_length=4000, help_text="Besides those the software makes.")
    other = forms.CharField(required=False, max_length=4000, label="Anything else")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.CharField):
                field.widget = forms.Textarea(attrs={"rows": 2, "maxlength": field.max_length})

    def own_words(self) -> dict:
        return {name: value for name, value in self.cleaned_data.items() if value}


@require_form_methods
@researcher_required
def preregistration(request, slug):
    """The present plan, also for printing. While the study is a draft, the researcher can add to it here."""
    needed = Right.EDIT if request.method == "POST" else Right.VIEW
    study = get_study(request, slug, needed, Study.objects.prefetch_related("generators"))
    found = Preregistration.objects.filter(study=study).first()
    form = PreregistrationForm(
        request.POST if request.method == "POST" else None, initial=found.own_words if found else None
    )
    if request.method == "POST" and form.is_valid():
        try:
            draw_up(study, form.own_words(), request.user)
        except StudyError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "The preregistration is drawn up; it is sealed when the study opens.")
        return redirect("preregistration", slug)
    document = _document(study, found)
    context = {
        "study": study,
        "found": found,
        "form": form if study.is_draft and study.right >= Right.EDIT else None,
        "document": document,
        "formats": FORMATS,
    }
    return render(request, "research/preregistration.html", context, status=422 if form.errors else 200)


@require_safe
@researcher_required
def preregistration_file(request, slug, format):
    study = get_study(request, slug, studies=Study.objects.prefetch_related("generators"))
    document = _document(study, Preregistration.objects.filter(study=study).first())
    if format not in FORMATS or document is None:
        raise Http404
    response = HttpResponse(write(document, format), content_type=FORMATS[format])
    response["Content-Disposition"] = f'attachment; filename="{slug}-preregistration.{format}"'
    return response


def _document(study, found):
    """The sealed plan; for a draft, the plan of the present design; None for a study that opened without one."""
    if found is not None and found.is_sealed:
        return json.loads(found.document)
    if not study.is_draft:
        return None
    return preregistration_document(study, found.own_words if found else {}, timezone.now())
