"""Pages for single images: pictures, and the gallery of images that curation accepted and rejected."""

from io import BytesIO

from django.core.paginator import Paginator
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from gan.models import GeneratedImage, LesionImage
from turing.access import researcher_required
from turing.media.lost import lost_as_404
from turing.results.overruling import overrule_verdict

PICTURE = 192  # pixels
PER_PAGE = 60
REASONS = {
    "round_frame": "round frame",
    "ruler_or_annotation": "ruler or annotation",
    "too_small": "too small",
    "low_quality": "low quality",
    "duplicate": "duplicate",
}
KINDS = {"lesion": LesionImage, "generated": GeneratedImage}


@require_safe
@researcher_required
@cache_control(private=True, max_age=3600)
def picture(request, kind, pk):
    """One lesion or generated image: its centred square, as training sees it, or all of it with `?whole`."""
    if kind not in KINDS:
        raise Http404
    source = get_object_or_404(KINDS[kind], pk=pk)
    buffer = BytesIO()
    with lost_as_404(source.file):
        pixels = source.whole(PICTURE) if "whole" in request.GET else source.square(PICTURE)
    pixels.save(buffer, "PNG")
    return HttpResponse(buffer.getvalue(), content_type="image/png")


@require_safe
@researcher_required
def curation(request):
    """The gallery of accepted or rejected images, optionally only those rejected for one reason."""
    looked_at = LesionImage.objects.exclude(verdict="")
    verdict = request.GET.get("verdict", "rejected")
    reason = request.GET.get("reason", "")
    if verdict not in LesionImage.Verdict.values or reason not in ("", *REASONS):
        raise Http404
    images = looked_at.filter(verdict=verdict).order_by("isic_id")
    if reason:
        # Searches the list's text, which works on every database. SQLite cannot query whether JSON contains a value.
        images = images.annotate(listed=Cast("reasons", TextField())).filter(listed__contains=f'"{reason}"')
    page = Paginator(images, PER_PAGE).get_page(request.GET.get("page"))
    for image in page:
        image.shown_reasons = [REASONS[one] for one in image.reasons if one in REASONS]
    counts = {value: looked_at.filter(verdict=value).count() for value in LesionImage.Verdict.values}
    context = {
        "page": page,
        "verdict": verdict,
        "reason": reason,
        "reasons": REASONS,
        "counts": counts,
        "unseen": LesionImage.objects.filter(verdict="", is_phantom=False).count(),
    }
    return render(request, "research/curation.html", context)


@require_POST
@researcher_required
def overrule(request, pk):
    """Reverse one verdict, and return to the same place in the gallery."""
    image = get_object_or_404(LesionImage.objects.exclude(verdict=""), pk=pk)
    overrule_verdict(image, request.POST.get("verdict", ""), request.user)
    query = {name: request.POST[name] for name in ("verdict", "reason", "page") if request.POST.get(name)}
    return redirect(f"{reverse('curation')}?{urlencode(query)}")
