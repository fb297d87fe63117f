"""Pages of collections: what is in the record, and the upload of more."""

from django.conf import settings
from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from console import UserError
from gan.models import LesionImage
from turing.access import require_form_methods, researcher_required
from turing.jobs.collections import CollectionForm, ReadingForm, accept, discard, import_checked, look_again
from turing.jobs.receiving import receive
from turing.jobs.uploads import new_upload, require_room
from turing.jobs.views import get_job
from turing.replies import wants_json
from turing.serving.limits import takes_bodies_up_to

FORM_BYTES = 32 * 2**20  # bytes around the files, for names of fields and of many files


@csrf_exempt  # CSRF's check would read the body before the sender is known; `_take` checks it
@takes_bodies_up_to(settings.UPLOAD_LIMIT + FORM_BYTES)
@require_form_methods
@researcher_required
def collections(request):
    """The collections, and a form that uploads another one."""
    if request.method != "POST":
        return _page(request, CollectionForm())
    upload, taken = None, False
    try:
        require_room(int(request.META.get("CONTENT_LENGTH") or 0))
        upload = new_upload()
        request.received = receive(request, upload)
        answer = _take(request)
        taken = getattr(request, "taken", False)
    except UserError as error:
        return _refused(request, CollectionForm(), error)
    finally:
        if upload is not None and not taken:
            upload.remove()
    return answer


@csrf_protect
def _take(request):
    form = CollectionForm(request.POST)
    if not form.is_valid():
        return _refused(request, form)
    try:
        job = accept(form, request.received, request.user)
    except UserError as error:
        return _refused(request, form, error)
    request.taken = True
    if wants_json(request):
        return JsonResponse({"job": job.get_absolute_url()})
    return redirect(job)


def _refused(request, form, error=None):
    reason, status = str(error or ""), getattr(error, "status", 422)
    if wants_json(request):
        first = reason or " ".join(f"{form[name].label}: {found[0]}" for name, found in form.errors.items())
        return JsonResponse({"error": first}, status=status)
    return _page(request, form, reason, status=status)


def _page(request, form, reason="", status=200):
    context = {
        "form": form,
        "reason": reason,
        "named": [
            one | {"query": urlencode({"name": one["collection"]})} for one in LesionImage.objects.by_collection()
        ],
        "rows": LesionImage.objects.by_diagnosis(),
        "limit_mb": settings.UPLOAD_LIMIT // 2**20,
        "limit": settings.UPLOAD_LIMIT,
        "most_files": settings.UPLOAD_FILES,
    }
    return render(request, "research/collections.html", context, status=status)


@require_POST
@researcher_required
def import_upload(request, id):
    """Import an upload that a job has checked."""
    return _next(request, get_job(request, id), import_checked)


@require_POST
@researcher_required
def check_again(request, id):
    """Check the upload once more, with another meaning of its columns."""
    found, form = get_job(request, id), ReadingForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(f"{form[name].label}: {said[0]}" for name, said in form.errors.items()))
        return redirect(found)
    return _next(request, found, lambda job, user: look_again(job, form, user))


@require_POST
@researcher_required
def discard_upload(request, id):
    """Delete the uploaded files."""

    def act(job, user):
        discard(job)
        messages.success(request, "The uploaded files are deleted.")
        return job

    return _next(request, get_job(request, id), act)


def _next(request, found, act):
    try:
        return redirect(act(found, request.user))
    except UserError as error:
        messages.error(request, str(error))
        return redirect(found)
