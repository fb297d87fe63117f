"""Pages after the last image: the questions of a purpose-blinded study, the debriefing, and the feedback."""

from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turing.access import reader_required, require_form_methods
from turing.models import Reading
from turing.reading.debriefing import Step, next_studies, step_of, store_noticed, store_suspected
from turing.reading.ending import feedback_of, gets_feedback
from turing.reading.forms import NoticedForm, SuspectedForm

FORMS = {Step.NOTICED: NoticedForm, Step.SUSPECTED: SuspectedForm}


@require_form_methods
@reader_required
@never_cache
def after(request, slug):
    """Ask one question after the other, store each answer once, then debrief. Only in purpose-blinded studies."""
    readings = Reading.objects.select_related("study", "reader")
    reading = get_object_or_404(readings, study__slug=slug, reader=request.reader)
    if not reading.study.purpose_blinded:
        raise Http404
    step = step_of(reading)
    if step is None:
        return redirect("study", slug)
    if step == Step.TOLD:
        context = {"study": reading.study, "reading": reading, "next_studies": list(next_studies(reading))}
        return render(request, "reading/debriefing.html", context | {"discreet": False})
    # The page says which question it asked, so that an answer that is sent twice is not stored for the other question.
    is_sent = request.method == "POST" and request.POST.get("step") == step
    form = FORMS[step](request.POST if is_sent else None)
    if is_sent and form.is_valid():
        if step == Step.NOTICED:
            store_noticed(reading, form.cleaned_data["noticed"])
        else:
            store_suspected(reading, form.cleaned_data["suspected"] == "yes")
        return redirect("study-after", slug)
    context = {"study": reading.study, "step": step.value, "form": form, "discreet": True}
    return render(request, "reading/after.html", context, status=422 if form.errors else 200)


@require_safe
@reader_required
@never_cache
def feedback(request, slug):
    """The reader's own score and what each image was, once the form is done and if the design allows it."""
    reading = get_object_or_404(Reading.objects.select_related("study"), study__slug=slug, reader=request.reader)
    if not gets_feedback(reading):
        raise Http404
    score, answers = feedback_of(reading)
    context = {"study": reading.study, "score": score, "answers": answers}
    return render(request, "reading/feedback.html", context)
