"""Pages on which clinicians judge."""

from django.contrib import messages
from django.db import models
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from turing.access import is_past_second_factor, reader_required, require_form_methods
from turing.media.lost import lost_as_404
from turing.models import Reading, Stimulus, Study, Trial
from turing.reading.correction_pages import as_initial, asked_to_correct, context_of, way_back
from turing.reading.corrections import may_correct
from turing.reading.debriefing import step_of
from turing.reading.forms import AnswerForm
from turing.reading.passage import Recorded, RefusedAnswerError, record_just_loaded
from turing.reading.progress import progress_of, with_further
from turing.reading.questions import as_fields
from turing.replies import postponement, refusal, wants_json


@require_safe
@reader_required
@never_cache
def study_continue(request, slug):
    """Redirect to the first page with an unanswered image, or to the study's page if the form is done or not begun.

    With `after`, the position of the last answered image, redirect to the break that follows it, if there is one.
    """
    reading = Reading.objects.filter(study__slug=slug, reader=request.reader).select_related("study").first()
    progress = progress_of(reading) if reading and not reading.withdrawn_at else None
    page = progress.next_page if progress else None
    if page and reading.study.is_open and request.GET.get("after") == str(progress.next_position - 1):
        return redirect(_next_address(reading, progress, progress.next_position - 1))
    if reading and page is None and step_of(reading):
        return redirect("study-after", slug)
    return redirect("trial", slug, page) if page and reading.study.is_open else redirect("study", slug)


@require_form_methods
@reader_required
@never_cache
def trial(request, slug, page):
    """One form page. POST answers one image and redirects to what comes next.

    A script that asks for JSON gets what is stored, the next address, and the images that it may load ahead. If the
    answer was refused, it gets the reason, and whether the refusal is final.
    """
    reading = Reading.objects.for_form(request.user, slug)
    if request.method == "POST":
        return _answer(request, slug, reading, page)
    if reading is None or reading.withdrawn_at:
        return redirect("study", slug)
    return _trial_page(request, reading, page)


def _answer(request, slug, reading, page):
    if not _is_own(request.POST.get("reading"), reading):
        message = _("This answer belongs to another account. Log in with that account to send it.")
        if wants_json(request):
            return postponement("other_reader", 403, message)
        messages.error(request, message)
        return redirect("study-continue", slug)
    if reading is None:
        return redirect("study", slug)
    form = AnswerForm(reading.study, request.POST)
    if not form.is_valid():
        if wants_json(request):
            message = " ".join(error for errors in form.errors.values() for error in errors)
            return refusal("invalid", 422, message, errors=form.errors, location=_continue_address(slug))
        return redirect("study", slug) if reading.withdrawn_at else _trial_page(request, reading, page, form)
    try:
        recorded = record_just_loaded(reading, **form.cleaned_data)
    except RefusedAnswerError as error:
        return _refused(request, reading, error)
    return _recorded(request, reading, form.cleaned_data["position"], recorded)


def _is_own(sent: str | None, reading: Reading | None) -> bool:
    """Whether the answer was given in this reader's reading, as far as the page says.

    Somebody else may have logged in since the page was opened, or since the answer began to wait for a connection.
    """
    return sent in (None, "") or (reading is not None and sent == str(reading.pk))


def _refused(request, reading, error: RefusedAnswerError):
    if wants_json(request):
        say = refusal if error.is_final else postponement
        return say(error.reason.value, 409, str(error), location=_continue_address(reading.study.slug))
    messages.error(request, str(error))
    return redirect(_next_address(reading, progress_of(reading)))


def _recorded(request, reading, position, recorded: Recorded):
    """The response with the next address and the stored answer, which may be one that was given earlier."""
    progress, stored = recorded.progress, recorded.stored
    address = _next_address(reading, progress, position)
    message = ""
    if not recorded.is_taken:
        is_pair = reading.study.forced_choice
        answer = stored.chosen_side.label if is_pair else stored.get_judgement_display()
        values = {"position": position, "answer": answer}
        message = _("You have already answered image %(position)s: %(answer)s. That answer counts.") % values
        if not reading.study.asks_judgement:
            message = _("You have already answered image %(position)s. That answer counts.") % values
    if not wants_json(request):
        if message:
            messages.warning(request, message)
        return redirect(address)
    values = {
        "stored": {
            "reading": reading.pk,
            "position": position,
            "answer": stored.chosen_side.value
            if reading.study.forced_choice
            else stored.judgement,  # stored as it was sent
            "confidence": stored.confidence,
            **({"further": as_fields(reading.study, stored.further)} if reading.study.questions else {}),
            **({"number": recorded.number} if reading.study.corrections else {}),
        },
        "location": address,
    }
    if not recorded.is_taken:
        return refusal("answered", 409, message, **values)
    exposure = {"exposure_ms": progress.exposure_ms} if reading.study.timed else {}
    return JsonResponse({**values, "ahead": progress.images_ahead(position), **exposure})


def _trial_page(request, reading, page, refused: AnswerForm | None = None):
    """The form page; if an answer was refused, with the errors."""
    progress = progress_of(reading)
    if not 1 <= page <= progress.page_count:
        raise Http404
    if progress.next_page is not None and page > progress.next_page:
        return redirect(_next_address(reading, progress))
    is_next = page == progress.next_page
    corrected = asked_to_correct(request.GET.get("correct", ""), reading, progress, page)
    if "correct" in request.GET and corrected is None:
        messages.warning(request, _("This answer can no longer be changed."))
        return redirect("study-continue", reading.study.slug)
    context = {
        "study": reading.study,
        "discreet": reading.study.purpose_blinded,
        "reading": reading,
        "page": page,
        "progress": progress,
        "trials": with_further(reading.study, progress.on_page(page)),
        # Most pages do not need the form, because what they show of an empty form is cached.
        "form": refused
        or SimpleLazyObject(lambda: AnswerForm(reading.study, initial=as_initial(reading.study, corrected))),
        "is_refused": refused is not None,
        "ahead": progress.images_ahead(progress.next_position) if is_next and not corrected else {},
        **(context_of(reading, progress, page, corrected) if reading.study.corrections else {}),
        "position": corrected.position if corrected else progress.next_position,  # the image that the page asks about
        "exposure_ms": progress.exposure_ms if is_next else None,
    }
    return render(request, "reading/trial.html", context, status=422 if refused else 200)


def _continue_address(slug):
    return reverse("study-continue", args=[slug])


def _next_address(reading, progress, answered=None):
    """Where the reader goes next.

    After the trial at `position` this can be the right answer of a practice image, or a break.
    """
    slug = reading.study.slug
    if answered and progress.images_per_page == 1 and progress.is_practice(answered):
        return reverse("trial", args=[slug, answered])  # the same page, which now shows the right answer
    if progress.next_page is None and reading.study.purpose_blinded:
        return reverse("study-after", args=[slug])
    if progress.next_page is None or not reading.study.is_open:
        return reverse("study", args=[slug])
    if answered and answered == progress.next_position - 1 and progress.is_break_due(answered):
        return reverse("study-break", args=[slug])
    address = reverse("trial", args=[slug, progress.next_page])
    # On a page with several images, the browser scrolls to the next one.
    return f"{address}#image-{progress.next_position}" if progress.images_per_page > 1 else address


@require_safe
@reader_required
@never_cache
def study_break(request, slug):
    """Offer a break. Readers can go on at any time."""
    reading = Reading.objects.filter(study__slug=slug, reader=request.reader).select_related("study").first()
    if reading is None or reading.completed_at or reading.withdrawn_at or not reading.study.is_open:
        return redirect("study", slug)
    progress = progress_of(reading)
    last = progress.trial_at(progress.next_position - 1) if progress.next_position else None
    context = {
        "study": reading.study,
        "progress": progress,
        "back": way_back(slug, progress) if last and may_correct(reading.study, progress, last) else None,
        "discreet": reading.study.purpose_blinded,
    }
    return render(request, "reading/break.html", context)


@require_safe
@cache_control(private=True, max_age=3600)
def stimulus(request, id):
    """The bytes of one stimulus, for a reader whose form has it and for researchers who may see the study; else 404."""
    user = request.user
    if not user.is_authenticated:
        raise Http404
    own = Trial.objects.filter(reading__reader__user=user.pk)
    is_own = models.Exists(own.filter(stimulus=models.OuterRef("pk"))) | models.Exists(
        own.filter(partner=models.OuterRef("pk"))
    )
    found = next(iter(Stimulus.objects.only("file", "sha256", "study_id").annotate(is_own=is_own).filter(pk=id)), None)
    if found is None or not (found.is_own or _may_see(user, found.study_id)):
        raise Http404
    with lost_as_404(found.file):
        return HttpResponse(found.read_unchanged(), content_type="image/png")


def _may_see(user, study_id) -> bool:
    """Whether the user is a researcher who has passed their second factor, if any, and may see the study."""
    return is_past_second_factor(user) and Study.objects.visible_to(user).filter(pk=study_id).exists()
