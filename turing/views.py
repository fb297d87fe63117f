"""Pages that belong to no single package: the start page and image credits."""

import csv

from django.db.models import Count
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from gan.models import Generator, LesionImage, is_non_commercial
from tables import as_text_cell
from turing.models import Reading
from turing.reading.parts import is_discreet, listed_for


@require_safe
def home(request):
    studies = listed_for(request).prefetch_related("generators")
    reader = getattr(request.user, "reader", None) if request.user.is_authenticated else None
    own = Reading.objects.filter(reader=reader, withdrawn_at=None).values_list("study", "completed_at")
    completed = {study: at is not None for study, at in own} if reader else {}
    return render(request, "home.html", {"studies": [(study, completed.get(study.pk)) for study in studies]})


@require_safe
def attributions(request):
    """Who made the images, and their licences. It shows the whole collection, never what one study shows.

    While some readers must not know that images are generated, visitors who may not know it see only the credits of
    real images.
    """
    groups = [row | {"non_commercial": is_non_commercial(row["licence"])} for row in LesionImage.objects.attributions()]
    if is_discreet(request):
        return render(request, "attributions.html", {"groups": [row for row in groups if not row["is_phantom"]]})
    generators = Generator.objects.external().annotate(count=Count("generated_images")).order_by("name", "version")
    return render(request, "attributions.html", {"groups": groups, "generators": generators})


@require_safe
def attributions_csv(request):
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="attributions.csv"'
    writer = csv.writer(response)
    writer.writerow(["isic_id", "licence", "attribution"])
    images = LesionImage.objects.filter(is_phantom=False) if is_discreet(request) else LesionImage.objects.all()
    rows = images.values_list("isic_id", "licence", "attribution").iterator()
    writer.writerows(map(as_text_cell, row) for row in rows)
    return response


@require_safe
@never_cache
def token(request):
    """A fresh token against forged requests, for answers that waited so long that their page's token has expired."""
    return JsonResponse({"token": get_token(request), "logged_in": request.user.is_authenticated})
