"""Pages that belong to no one package: start, attributions."""

import csv

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from gan.models import LesionImage, is_non_commercial
from turing.models import Study


@require_GET
def home(request):
    studies = Study.objects.listed().prefetch_related("runs")
    return render(request, "home.html", {"studies": studies})


@require_GET
def attributions(request):
    """Who made the images and under which licence. The whole collection, never what one study shows."""
    groups = [row | {"non_commercial": is_non_commercial(row["licence"])} for row in LesionImage.objects.attributions()]
    return render(request, "attributions.html", {"groups": groups})


@require_GET
def attributions_csv(request):
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="attributions.csv"'
    writer = csv.writer(response)
    writer.writerow(["isic_id", "licence", "attribution"])
    writer.writerows(LesionImage.objects.values_list("isic_id", "licence", "attribution").iterator())
    return response
