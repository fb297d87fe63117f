"""Pages of generators: the list of all generators, and the page of a generator whose images were imported."""

from typing import Any

from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from gan.models import Generator, TrainingRun
from turing.access import researcher_required
from turing.results.utility import shown
from turing.results.views import figure_response
from turing.studies.record import uses_of_generator

PAIRS = 12  # images shown beside the nearest real one
EXAMPLES = 24


@require_safe
@researcher_required
def generators(request):
    counted = Count("generated_images")
    context = {
        "runs": TrainingRun.objects.annotate(image_count=counted),
        "external": Generator.objects.external().annotate(image_count=counted),
    }
    return render(request, "research/generators.html", context)


@require_safe
@researcher_required
def runs(request):
    """Redirect from the address that the list had earlier."""
    return redirect("generators", permanent=True)


@require_safe
@researcher_required
def generator(request, id):
    found = get_object_or_404(Generator, pk=id)
    if found.is_run:
        return redirect(found)
    counts = {name: found.generated_images.filter(diagnosis=name).count() for name in found.diagnoses}
    context = {
        "generator": found,
        "counts": counts,
        "examples": found.generated_images.order_by("sha256")[:EXAMPLES],
        "told": trained_on(found),
        **quality_and_copies(found),
    }
    return render(request, "research/generator.html", context)


@require_safe
@researcher_required
@cache_control(private=True, no_cache=True)
def generator_chart(request, id, name, format):
    from turing.results.figures import CONTENT_TYPES, GENERATOR_FIGURES, generator_figure

    found = get_object_or_404(Generator, pk=id)
    if format not in CONTENT_TYPES or name not in GENERATOR_FIGURES:
        raise Http404
    content = generator_figure(name, found, request.user, format, narrow="narrow" in request.GET)
    return figure_response(request, content, CONTENT_TYPES[format], f"generator-{id}-{name}.{format}")


def trained_on(found: Generator) -> str:
    """What is known about an external generator's training images."""
    if found.trained_on == Generator.TrainedOn.NOT_TOLD:
        return "not told"
    said = found.training_data
    ways = {"run": f"those of run {said.get('run')}", "ids": "told by ids", "folder": "told by a folder of images"}
    how = ways.get(said.get("kind", ""), "not recorded how they were told")
    here = found.training_images.count()
    return f"{found.data_count} images, {how}; {here or 'none'} of them in this record"


def quality_and_copies(found: Generator) -> dict[str, Any]:
    """What all generators' pages show: quality figures, usefulness of the images, and suspected copies."""
    return {
        "evaluations": _latest_evaluations(found),
        "pairs": _nearest_pairs(found),
        "suspected": found.generated_images.filter(suspected_copy=True).count(),
        "in_use": uses_of_generator(found),
        "unaudited": found.generated_images.unaudited().count(),
        **shown(found),
    }


def _latest_evaluations(found: Generator) -> list[dict]:
    """Rows of the table of quality: samples of each diagnosis and, if it was measured, real against real."""
    rows = []
    for name in found.diagnoses:
        evaluation = found.evaluations.filter(diagnosis=name).order_by("-step").first()
        if evaluation is not None:
            rows.append({"name": name, "step": evaluation.step} | _shown(evaluation.figures))
            if floor := evaluation.figures.get("floor"):
                rows.append({"name": f"{name}: real against real", "step": ""} | _shown(floor))
    return rows


def _shown(figures: dict) -> dict:
    # PostgreSQL does not keep the order of keys in JSON.
    levels = sorted(figures.get("swd", {}).items(), key=lambda level: -int(level[0]))
    patches = " · ".join(f"{1000 * distance:.0f}" for _, distance in levels)
    return figures | {"kid": 1000 * figures["kid"], "kid_std": 1000 * figures["kid_std"], "patches": patches}


def _nearest_pairs(found: Generator) -> list[dict]:
    """The images that come closest to a real one, each with that real image if it is in the database."""
    nearest = found.generated_images.exclude(nearest_distance=None).order_by("nearest_distance", "pk")[:PAIRS]
    return [
        {
            "image": image,
            "sample": reverse("picture", args=["generated", image.pk]),
            "training": reverse("picture", args=["lesion", image.nearest_id]) if image.nearest_id else "",
        }
        for image in nearest
    ]
