"""Pages of the clinician: register, consent, judge."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_http_methods

from turing.access import reader_required
from turing.errors import StudyError
from turing.models import Reading, Stimulus, Study, Trial
from turing.reading.ending import erase, score_of, withdraw
from turing.reading.forms import AnswerForm, ConsentForm, ReaderForm, RegistrationForm
from turing.reading.passage import exposure_of, images_ahead, progress_of, record_response, start_reading


def _next_url(request) -> str:
    """The address on this site that the visitor came from, else the start page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if allowed else reverse("home")


@require_http_methods(["GET", "POST"])
def register(request):
    form = RegistrationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save().user)
        return redirect(_next_url(request))
    return render(request, "accounts/register.html", {"form": form, "next": _next_url(request)})


@require_http_methods(["GET", "POST"])
@login_required
def profile(request):
    reader = getattr(request.user, "reader", None)
    form = ReaderForm(request.POST or None, instance=reader)
    if request.method == "POST" and form.is_valid():
        form.instance.user = request.user
        form.save()
        messages.success(request, _("Your profile is saved."))
        return redirect(_next_url(request))
    return render(request, "accounts/profile.html", {"form": form, "next": _next_url(request)})


@require_http_methods(["GET", "POST"])
@never_cache
def study(request, slug):
    """What the study is; with POST, consent and start."""
    found = get_object_or_404(Study.objects.prefetch_related("runs"), slug=slug)
    if found.is_draft:
        raise Http404
    if code := request.GET.get("invitation"):
        request.session[f"invitation to {found.pk}"] = code[:40]
    if request.method == "POST":
        return _start(request, found)
    return _study_page(request, found, ConsentForm())


@reader_required
def _start(request, found):
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return _study_page(request, found, form)
    try:
        start_reading(found, request.reader, request.session.get(f"invitation to {found.pk}", ""))
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(found)
    return redirect("study-continue", found.slug)


def _study_page(request, found, form):
    reader = getattr(request.user, "reader", None) if request.user.is_authenticated else None
    reading = Reading.objects.filter(study=found, reader=reader).select_related("study").first() if reader else None
    context = {
        "study": found,
        "form": form,
        "reader": reader,
        "reading": reading,
        "progress": progress_of(reading) if reading else None,
        "score": score_of(reading) if reading else None,
    }
    return render(request, "reading/study.html", context)


@require_GET
@reader_required
@never_cache
def study_continue(request, slug):
    """To the first page with an unanswered image; to the study's page when the form is done or not begun."""
    reading = Reading.objects.filter(study__slug=slug, reader=request.reader).select_related("study").first()
    page = progress_of(reading).next_page if reading and not reading.withdrawn_at else None
    return redirect("trial", slug, page) if page and reading.study.is_open else redirect("study", slug)


@require_http_methods(["GET", "POST"])
@reader_required
@never_cache
def trial(request, slug, page):
    """One form page. POST answers one image and redirects to what comes next.

    A script that asks for JSON is told the address instead, with the images that it may load ahead.
    """
    reading = Reading.objects.filter(study__slug=slug, reader=request.reader).select_related("study").first()
    if reading is None or reading.withdrawn_at:
        return redirect("study", slug)
    form = AnswerForm(reading.study, request.POST or None)
    if request.method == "POST":
        return _answer(request, reading, page, form)
    return _trial_page(request, reading, page, form)


def _answer(request, reading, page, form):
    wants_json = request.headers.get("Accept") == "application/json"
    if not form.is_valid():
        if wants_json:
            return JsonResponse({"errors": form.errors}, status=422)
        return _trial_page(request, reading, page, form)
    position = form.cleaned_data["position"]
    try:
        record_response(reading, **form.cleaned_data)
    except StudyError as error:
        if wants_json:
            return JsonResponse({"location": reverse("study-continue", args=[reading.study.slug])}, status=409)
        messages.error(request, str(error))
        return redirect(_next_address(reading, progress_of(reading)))
    progress = progress_of(reading)
    address = _next_address(reading, progress, position)
    if wants_json:
        ahead = images_ahead(reading, progress, position)
        exposure = {"exposure_ms": exposure_of(reading)} if reading.study.timed else {}
        return JsonResponse({"location": address, "ahead": ahead, **exposure})
    return redirect(address)


def _trial_page(request, reading, page, form):
    progress = progress_of(reading)
    if not 1 <= page <= progress.page_count:
        raise Http404
    if progress.next_page is not None and page > progress.next_page:
        return redirect(_next_address(reading, progress))
    is_next = page == progress.next_page
    context = {
        "study": reading.study,
        "reading": reading,
        "page": page,
        "progress": progress,
        "trials": reading.trials.on_page(page, progress.images_per_page).select_related("stimulus", "response"),
        "form": form,
        "ahead": images_ahead(reading, progress, progress.next_position) if is_next else {},
        "exposure_ms": exposure_of(reading) if is_next else None,
    }
    return render(request, "reading/trial.html", context, status=422 if form.errors else 200)


def _next_address(reading, progress, answered=None):
    """Where the reader goes; after the trial at position `answered` perhaps to the truth of it, or to a break."""
    slug = reading.study.slug
    if answered and progress.images_per_page == 1 and progress.is_practice(answered):
        return reverse("trial", args=[slug, answered])  # which now tells the truth
    if progress.next_page is None or not reading.study.is_open:
        return reverse("study", args=[slug])
    if answered and answered == progress.next_position - 1 and progress.is_break_due(answered):
        return reverse("study-break", args=[slug])
    address = reverse("trial", args=[slug, progress.next_page])
    # On a page of several images the browser returns to the one that comes next.
    return f"{address}#image-{progress.next_position}" if progress.images_per_page > 1 else address


@require_GET
@reader_required
@never_cache
def study_break(request, slug):
    """A pause is offered; nothing keeps a reader from going on."""
    reading = Reading.objects.filter(study__slug=slug, reader=request.reader).select_related("study").first()
    if reading is None or reading.completed_at or reading.withdrawn_at or not reading.study.is_open:
        return redirect("study", slug)
    return render(request, "reading/break.html", {"study": reading.study, "progress": progress_of(reading)})


@require_http_methods(["GET", "POST"])
@reader_required
@never_cache
def withdrawal(request, slug):
    """GET explains, POST withdraws consent; with `erase` the account goes too."""
    reading = get_object_or_404(Reading.objects.select_related("study"), study__slug=slug, reader=request.reader)
    if request.method == "GET":
        return render(request, "reading/withdrawal.html", {"study": reading.study, "reading": reading})
    if "erase" in request.POST:
        erase(request.reader)
        logout(request)
        messages.success(request, _("Your consent is withdrawn and your personal data are erased."))
        return redirect("home")
    withdraw(reading)
    messages.success(request, _("Your consent is withdrawn; your answers have left the analysis."))
    return redirect("study", slug)


@require_GET
@reader_required
def certificate(request, slug):
    """That the reader took part, to print; once the form is done."""
    reading = get_object_or_404(
        Reading.objects.select_related("study"),
        study__slug=slug, reader=request.reader, completed_at__isnull=False, withdrawn_at=None,
    )  # fmt: skip
    return render(request, "reading/certificate.html", {"study": reading.study, "reading": reading})


@require_GET
@cache_control(private=True, max_age=3600)
def stimulus(request, id):
    """The bytes of one stimulus, for a reader whose form has it and for researchers; 404 for everyone else."""
    user = request.user
    found = Stimulus.objects.only("file").filter(pk=id).first()
    if found is None or not user.is_authenticated:
        raise Http404
    if not Trial.objects.filter(stimulus=found, reading__reader__user=user).exists() and not user.is_researcher:
        raise Http404
    return HttpResponse(found.read(), content_type="image/png")
