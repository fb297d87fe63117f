"""Pages of the researcher: the studies and where they stand."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gan.models import LesionImage, TrainingRun
from turing.access import researcher_required
from turing.errors import StudyError
from turing.models import Reading, Study
from turing.people.accounts import readers_who_share_an_address
from turing.studies.design import choose_images, generated_pool, problems, real_pool
from turing.studies.forms import BREAK_EVERY, StudyForm
from turing.studies.invitations import InvitationForm, invite
from turing.studies.lifecycle import MOVES, clone_study, move_study, open_study
from turing.studies.monitor import monitor, send_reminder
from turing.studies.stimuli import encode_stimulus

PREVIEW = 16  # stimuli shown on the study's page


@require_GET
@researcher_required
def research(request):
    context = {
        "studies": Study.objects.exclude(state=Study.State.ARCHIVED).with_progress().prefetch_related("runs"),
        "archived": Study.objects.filter(state=Study.State.ARCHIVED),
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
@transaction.atomic
def edit(request, slug):
    # Locked: what opens or saves the draft meanwhile comes first, or waits.
    study = get_object_or_404(Study.objects.select_for_update(), slug=slug)
    if not study.is_draft:
        messages.error(request, "The design is frozen: only a draft can be edited.")
        return redirect("research-study", slug)
    return _edit_page(request, StudyForm(request.POST or None, instance=study), f"Edit {study.title}")


def _edit_page(request, form, heading):
    if request.method == "POST" and form.is_valid():
        return redirect("research-study", form.save().slug)
    status = 422 if form.errors else 200
    return render(request, "research/study_form.html", {"form": form, "heading": heading}, status=status)


@require_GET
@researcher_required
def detail(request, slug):
    study = get_object_or_404(Study.objects.with_progress().prefetch_related("runs"), slug=slug)
    found = problems(study) if study.is_draft else []
    context = {
        "study": study,
        "problems": found,
        "drawn": _drawn(study) if study.is_draft and not found else [],
        "link": request.build_absolute_uri(study.get_absolute_url()),
        "preview": study.stimuli.of_test().order_by("pk")[:PREVIEW],
        "moves": [action for action, (allowed, _) in MOVES.items() if study.state in allowed],
        "monitored": [] if study.is_draft else monitor(study),
        "withdrawals": study.audit_lines.count(),
        "sharing": 0 if study.is_draft else readers_who_share_an_address(study),
    }
    return render(request, "research/study.html", context)


def _drawn(study):
    """The first images that a draft would show, as the address of each and what it is."""
    test, practice = choose_images(study)
    kinds = [
        ("real" if isinstance(source, LesionImage) else "generated", source) for source in (test + practice)[:PREVIEW]
    ]
    return [(reverse("preview", args=[study.slug, kind, source.pk]), kind, source.diagnosis) for kind, source in kinds]


@require_GET
@researcher_required
@cache_control(private=True, max_age=600)
def preview(request, slug, kind, pk):
    """One image of a draft's pools as its stimulus would be."""
    study = get_object_or_404(Study, slug=slug, state=Study.State.DRAFT)
    pools = real_pool if kind == "real" else generated_pool
    for diagnosis in study.diagnoses:
        if source := pools(study, diagnosis).filter(pk=pk).first():
            content = encode_stimulus(source, study.stimulus_size, study.drawn_size)
            return HttpResponse(content, content_type="image/png")
    raise Http404


@require_POST
@researcher_required
def change_state(request, slug, action):
    """Open the study, or one of `MOVES`."""
    study = get_object_or_404(Study, slug=slug)
    try:
        study = open_study(study) if action == "open" else move_study(study, action)
    except StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The study is {study.get_state_display()}.")
    return redirect("research-study", slug)


@require_POST
@researcher_required
def clone(request, slug):
    copy = clone_study(get_object_or_404(Study, slug=slug))
    messages.success(request, "A new draft of the same design.")
    return redirect("study-edit", copy.slug)


@require_POST
@researcher_required
def remind(request, slug, pseudonym):
    """An e-mail to a reader who has stopped."""
    reading = get_object_or_404(
        Reading.objects.of_people().select_related("study", "reader__user"),
        study__slug=slug, reader__pseudonym=pseudonym, completed_at=None, withdrawn_at=None,
    )  # fmt: skip
    try:
        send_reminder(reading, request.build_absolute_uri(reading.study.get_absolute_url()))
    except (StudyError, OSError) as error:
        messages.error(request, f"No reminder was sent: {error}")
    else:
        messages.success(request, f"A reminder is sent to {pseudonym}.")
    return redirect("research-study", slug)


@require_http_methods(["GET", "POST"])
@researcher_required
def invitations(request, slug):
    study = get_object_or_404(Study, slug=slug)
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            new = invite(study, full_address=request.build_absolute_uri, **form.cleaned_data)
        except StudyError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{new} new invitations.")
        return redirect("study-invitations", slug)
    invited = [
        (invitation, request.build_absolute_uri(invitation.get_absolute_url()))
        for invitation in study.invitations.select_related("reading", "study")
    ]
    context = {"study": study, "form": form, "invited": invited}
    return render(request, "research/invitations.html", context, status=422 if form.errors else 200)
