"""Researchers' pages of studies and their state."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from gan.models import LesionImage
from turing.access import require_form_methods, researcher_required
from turing.errors import StudyError
from turing.media.lost import lost_as_404
from turing.models import AuditLine, Reading, Right, Study
from turing.models.looks import in_words
from turing.people.addresses import readers_who_share_an_address
from turing.studies.choosing import choose_images
from turing.studies.controls import choose_controls, controls_in_words
from turing.studies.design import advice, problems
from turing.studies.forms import BREAK_EVERY, StudyForm
from turing.studies.invitations import InvitationForm, invite
from turing.studies.lifecycle import MOVES, clone_study, move_study, open_study, save_draft
from turing.studies.monitor import monitor, send_reminder
from turing.studies.next_steps import first_steps, next_in
from turing.studies.permissions import get_study
from turing.studies.pools import pool_of_generators, real_pool
from turing.studies.provenance import training_warning
from turing.studies.question_words import questions_in_words
from turing.studies.stimuli import encode_stimulus
from turing.studies.trail import trail_rows
from turing.studies.twins import told_of_twins

PREVIEW = 16  # stimuli shown on the study's page
CONTROLS = 4  # a draft's controls shown in addition
TRAIL = 10  # lines of the audit trail shown there


@require_safe
@researcher_required
def research(request):
    visible = Study.objects.visible_to(request.user).select_related("owner")
    studies = visible.exclude(state=Study.State.ARCHIVED).with_progress().prefetch_related("generators")
    context = {
        "steps": first_steps(visible),
        "studies": [(study, *next_in(study)) for study in studies],
        "archived": visible.filter(state=Study.State.ARCHIVED),
        "collection": LesionImage.objects.by_diagnosis(),
    }
    return render(request, "research/home.html", context)


@require_form_methods
@researcher_required
def create(request):
    new = Study(owner=request.user, break_every=BREAK_EVERY)
    form = StudyForm(request.POST or None, instance=new, researcher=request.user)
    return _edit_page(request, form, "New study")


@require_form_methods
@researcher_required
@transaction.atomic
def edit(request, slug):
    # Locked, so that whoever opens or saves the draft at the same time comes before or waits.
    study = get_study(request, slug, Right.EDIT, Study.objects.select_for_update())
    if not study.is_draft:
        messages.error(request, "The design is frozen: only a draft can be edited.")
        return redirect("research-study", slug)
    form = StudyForm(request.POST or None, instance=study, researcher=request.user)
    return _edit_page(request, form, f"Edit {study.title}")


def _edit_page(request, form, heading):
    if request.method == "POST" and form.is_valid():
        return redirect("research-study", save_draft(form, request.user).slug)
    status = 422 if form.errors else 200
    return render(request, "research/study_form.html", {"form": form, "heading": heading}, status=status)


@require_safe
@researcher_required
def detail(request, slug):
    studies = Study.objects.with_progress().select_related("owner").prefetch_related("generators")
    study = get_study(request, slug, studies=studies)
    found, drawn, twins = _look_at_draft(study) if study.is_draft else ([], [], [])
    context = {
        "study": study,
        "problems": found,
        "advice": advice(study) + twins if study.is_draft else [],
        "training_warning": training_warning(study),
        "through": study.drawn_size if study.generators.all() else 0,
        "counts": [
            (one, study.generated_counts[str(one.pk)])
            for one in study.generators.all()
            if str(one.pk) in study.generated_counts
        ],
        "looks_planned": in_words(study.looks),
        "drawn": drawn,
        "questions": questions_in_words(study),
        "link": request.build_absolute_uri(study.get_absolute_url()),
        "preview": study.stimuli.filter(is_practice=False).order_by("pk")[:PREVIEW],
        "controls": controls_in_words(study),
        "may_edit": study.right >= Right.EDIT,
        "may_share": study.right >= Right.OWN,
        "collaborators": study.collaborators.count(),
        "moves": [action for action, move in MOVES.items() if study.state in move.allowed],
        "monitored": [] if study.is_draft else monitor(study),
        "withdrawals": study.audit_lines.filter(what=AuditLine.What.WITHDREW).count(),
        "trail": trail_rows(study.audit_lines.all()[:TRAIL]),
        "sharing": 0 if study.is_draft else readers_who_share_an_address(study),
    }
    return render(request, "research/study.html", context)


def _look_at_draft(study):
    """What prevents a draft from being opened, some images that it would show if nothing does, and their twins.

    Each image is given as its address, its kind and its diagnosis, and the twins as messages.
    """
    if found := problems(study):
        return found, [], []
    try:
        test, practice = choose_images(study)
        chosen = test + practice
        controls = choose_controls(study, chosen)
    except StudyError as error:
        return [str(error)], [], []
    kinds = [("real" if isinstance(one, LesionImage) else "generated", one) for one in chosen[:PREVIEW]]
    kinds += [("control" if isinstance(one, LesionImage) else "generated", one) for one in controls[:CONTROLS]]
    drawn = [(reverse("preview", args=[study.slug, kind, source.pk]), kind, source.diagnosis) for kind, source in kinds]
    return [], drawn, told_of_twins(chosen + controls)


@require_safe
@researcher_required
@cache_control(private=True, max_age=600)
def preview(request, slug, kind, pk):
    """One image of a draft's pools as a stimulus; with the kind `control`, a real image made worse."""
    study = get_study(request, slug, studies=Study.objects.filter(state=Study.State.DRAFT))
    for diagnosis in study.diagnoses:
        if kind == "generated":
            pool = pool_of_generators(study.generators.all(), diagnosis)
        else:
            pool = real_pool(study, diagnosis)
        if source := pool.filter(pk=pk).first():
            degradation = study.control_degradation if kind == "control" else ""
            with lost_as_404(source.file):
                content = encode_stimulus(source, study.stimulus_size, study.drawn_size, degradation)
            return HttpResponse(content, content_type="image/png")
    raise Http404


@require_POST
@researcher_required
def change_state(request, slug, action):
    """Open the study, or do one of `MOVES`."""
    study = get_study(request, slug, Right.EDIT)
    try:
        study = open_study(study, request.user) if action == "open" else move_study(study, action, request.user)
    except StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The study is {study.get_state_display()}.")
    return redirect("research-study", slug)


@require_POST
@researcher_required
def clone(request, slug):
    """Make a draft of the same design. Every researcher who sees a study may do this, and owns the draft."""
    try:
        copy = clone_study(get_study(request, slug), request.user, request.user)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect("research-study", slug)
    messages.success(request, "A new draft of the same design; it is yours.")
    return redirect("study-edit", copy.slug)


@require_POST
@researcher_required
def remind(request, slug, pseudonym):
    """Send an e-mail to a reader who has stopped."""
    reading = get_object_or_404(
        Reading.objects.of_people().select_related("study", "reader__user"),
        study=get_study(request, slug, Right.EDIT), reader__pseudonym=pseudonym, completed_at=None, withdrawn_at=None,
    )  # fmt: skip
    try:
        send_reminder(reading, request.build_absolute_uri(reading.study.get_absolute_url()), request.user)
    except (StudyError, OSError) as error:
        messages.error(request, f"No reminder was sent: {error}")
    else:
        messages.success(request, f"A reminder is sent to {pseudonym}.")
    return redirect("research-study", slug)


@require_form_methods
@researcher_required
def invitations(request, slug):
    study = get_study(request, slug, Right.EDIT)
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            new = invite(study, full_address=request.build_absolute_uri, actor=request.user, **form.cleaned_data)
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
