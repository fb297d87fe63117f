"""Pages of the researcher: the studies and where they stand."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gan.models import LesionImage, TrainingRun
from turing.access import researcher_required
from turing.errors import StudyError
from turing.models import Study
from turing.studies.design import problems
from turing.studies.forms import BREAK_EVERY, StudyForm
from turing.studies.lifecycle import close_study, open_study

PREVIEW = 16  # stimuli shown on the study's page


@require_GET
@researcher_required
def research(request):
    context = {
        "studies": Study.objects.with_progress().prefetch_related("runs"),
        "runs": TrainingRun.objects.all()[:10],
        "collection": LesionImage.objects.by_diagnosis(),
    }
    return render(request, "research/home.html", context)


@require_http_methods(["GET", "POST"])
@researcher_required
def create(request):
    form = StudyForm(request.POST or None, instance=Study(created_by=request.user, break_every=BREAK_EVERY))
    return _edit_page(request, form, "New study")


@require_http_methods(["GET", "POST"])
@researcher_required
def edit(request, slug):
    study = get_object_or_404(Study, slug=slug)
    if not study.is_draft:
        messages.error(request, "The design is frozen: only a draft can be edited.")
        return redirect("research-study", slug)
    return _edit_page(request, StudyForm(request.POST or None, instance=study), f"Edit {study.title}")


def _edit_page(request, form, heading):
    if request.method == "POST" and form.is_valid():
        return redirect("research-study", form.save().slug)
    return render(request, "research/study_form.html", {"form": form, "heading": heading})


@require_GET
@researcher_required
def detail(request, slug):
    study = get_object_or_404(Study.objects.with_progress().prefetch_related("runs"), slug=slug)
    context = {
        "study": study,
        "problems": problems(study) if study.is_draft else [],
        "link": request.build_absolute_uri(study.get_absolute_url()),
        "preview": study.stimuli.of_test().order_by("pk")[:PREVIEW],
    }
    return render(request, "research/study.html", context)


@require_POST
@researcher_required
def change_state(request, slug, action):
    """Open or close the study."""
    study = get_object_or_404(Study, slug=slug)
    try:
        (open_study if action == "open" else close_study)(study)
    except StudyError as error:
        messages.error(request, str(error))
    else:
        done = "open; readers can begin" if action == "open" else "closed; no more answers are taken"
        messages.success(request, f"The study is {done}.")
    return redirect("research-study", slug)
