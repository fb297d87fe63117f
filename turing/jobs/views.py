"""Pages of long work: start it, watch it, cancel it, start it again."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from gan.models import Generator
from turing.access import require_form_methods, researcher_required
from turing.errors import StudyError
from turing.jobs import queue
from turing.jobs.collections import ReadingForm, upload_of
from turing.jobs.forms import FORMS
from turing.models import Job, Study

LISTED = 100
LONG_WAIT = timedelta(seconds=60)  # after this time the page asks whether a worker is running


@require_safe
@researcher_required
def jobs(request):
    found = Job.objects.visible_to(request.user).select_related("started_by")[:LISTED]
    return render(request, "research/jobs.html", {"jobs": found, "kinds": _startable()})


@require_safe
@researcher_required
def job(request, id):
    found = get_job(request, id)
    upload = upload_of(found)
    context = {
        "job": found,
        "about": _about(found),
        "shown_at": _shown_at(found),
        "waits_long": _waits_long(found),
        "upload_is_there": upload is not None,
        "reading": ReadingForm(initial=_reading(found)) if upload is not None else None,
    }
    return render(request, "research/job.html", context)


@require_safe
@researcher_required
@cache_control(private=True, no_store=True)
def job_state(request, id):
    """The state of a job, for its page to follow."""
    found = get_job(request, id)
    return JsonResponse(
        {
            "state": found.state,
            "shown": "being cancelled" if found.cancel_asked and found.is_unfinished else found.get_state_display(),
            "label": found.label,
            "done": found.done,
            "total": found.total,
            "log": found.log,
        }
    )


@require_form_methods
@researcher_required
def start(request, kind):
    """The form of one kind of work. The address can fill in fields, such as ?run=3."""
    if kind not in FORMS:
        raise Http404
    given = request.POST if request.method == "POST" else None
    form = FORMS[kind](given, initial=request.GET.dict() or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        return redirect(queue.start(kind, form.arguments(), request.user))
    context = {"form": form, "heading": Job.Kind(kind).label, "explanation": form.explanation}
    return render(request, "research/job_form.html", context, status=422 if form.errors else 200)


@require_POST
@researcher_required
def cancel(request, id):
    return _move(request, id, queue.cancel)


@require_POST
@researcher_required
def again(request, id):
    return _move(request, id, queue.start_again)


def _move(request, id, move):
    found = get_job(request, id)
    try:
        move(found)
    except StudyError as error:
        messages.error(request, str(error))
    return redirect(found)


def get_job(request, id) -> Job:
    """The job. 404 for another user's job, as for one that does not exist."""
    return get_object_or_404(Job.objects.visible_to(request.user).select_related("started_by"), pk=id)


def _startable() -> list[tuple[str, str]]:
    return [(kind, Job.Kind(kind).label) for kind in FORMS]


def _shown_at(found: Job) -> str:
    """The address of the page that shows what finished work has brought; empty if there is none."""
    given = found.arguments
    if found.state != Job.State.FINISHED:
        return ""
    if found.kind == Job.Kind.CURATE:
        return reverse("curation")
    if found.kind == Job.Kind.DETECTOR:
        study = Study.objects.filter(pk=given["study"]).first()
        return reverse("results", args=[study.slug]) if study else ""
    if found.kind == Job.Kind.TRAIN:
        own = Generator.objects.filter(name=given["name"], started_at__gte=found.created_at, snapshot_of=None).first()
        return own.get_absolute_url() if own else ""
    own = Generator.objects.filter(pk=given["run"]).first() if "run" in given else None
    return own.get_absolute_url() if own else ""


def _about(found: Job) -> list[tuple[str, object]]:
    """The settings of the job, to be shown."""
    shown = {name: value for name, value in found.arguments.items() if value not in ("", None, False, [])}
    return [
        (name.replace("_", " "), ", ".join(value) if isinstance(value, list) else value)
        for name, value in shown.items()
        if name != "upload"
    ]


def _reading(found: Job) -> dict[str, object]:
    """The earlier answers on how to read the upload, as initial values of the form."""
    values = {name: found.arguments.get(name, "") for name in ReadingForm.base_fields}
    return {name: "\n".join(value) if isinstance(value, list) else value for name, value in values.items()}


def _waits_long(found: Job) -> bool:
    if found.state != Job.State.WAITING or found.created_at > timezone.now() - LONG_WAIT:
        return False
    return not Job.objects.filter(state=Job.State.RUNNING).exists()
