"""Pages of training runs."""

from pathlib import Path

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from gan.models import TrainingRun
from turing.access import researcher_required
from turing.results.views import figure_response

PAIRS = 12  # samples shown beside their nearest training image


@require_safe
@researcher_required
def runs(request):
    return render(request, "research/runs.html", {"runs": TrainingRun.objects.all()})


@require_safe
@researcher_required
def run(request, id):
    found = get_object_or_404(TrainingRun, pk=id)
    counts = {name: found.generated_images.filter(diagnosis=name).count() for name in found.diagnoses}
    context = {
        "run": found,
        "grids": {name: steps for name in found.diagnoses if (steps := _grid_steps(found, name))},
        "counts": counts,
        "evaluations": _latest_evaluations(found),
        "pairs": _nearest_pairs(found),
        "suspected": found.generated_images.filter(suspected_copy=True).count(),
        "unaudited": found.generated_images.unaudited().count(),
    }
    return render(request, "research/run.html", context)


@require_safe
@researcher_required
@cache_control(private=True, no_cache=True)
def run_state(request, id):
    """How far a run is, for its page to follow: status, and per diagnosis the steps at which there is a grid."""
    found = get_object_or_404(TrainingRun, pk=id)
    last = found.steps.order_by("-step").first()
    grids = {name: _grid_steps(found, name) for name in found.diagnoses}
    return JsonResponse({"status": found.get_status_display(), "step": last.step if last else 0, "grids": grids})


@require_safe
@researcher_required
@cache_control(private=True, no_cache=True)
def run_chart(request, id, name, format):
    from turing.results.figures import CONTENT_TYPES, RUN_FIGURES, run_figure

    found = get_object_or_404(TrainingRun, pk=id)
    if format not in CONTENT_TYPES or name not in RUN_FIGURES:
        raise Http404
    return figure_response(request, run_figure(name, found, format), CONTENT_TYPES[format], f"run-{id}-{name}.{format}")


@require_safe
@researcher_required
@cache_control(private=True, max_age=600)
def run_grid(request, id, diagnosis, step):
    """The sample grid of one of the run's diagnoses at one step."""
    found = get_object_or_404(TrainingRun, pk=id)
    if diagnosis not in found.diagnoses or step not in _grid_steps(found, diagnosis):
        raise Http404
    return HttpResponse(_grid(found, diagnosis, step).read_bytes(), content_type="image/png")


def _grid(found: TrainingRun, diagnosis: str, step: int) -> Path:
    return found.grids_folder(diagnosis) / f"step-{step:07d}.png"


def _grid_steps(found: TrainingRun, diagnosis: str) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in found.grids_folder(diagnosis).glob("step-*.png"))


def _latest_evaluations(found: TrainingRun) -> list[dict]:
    """Rows of the table of quality: samples of each diagnosis and, where measured, real against real."""
    rows = []
    for name in found.diagnoses:
        evaluation = found.evaluations.filter(diagnosis=name).order_by("-step").first()
        if evaluation is not None:
            rows.append({"name": name, "step": evaluation.step} | _shown(evaluation.figures))
            if floor := evaluation.figures.get("floor"):
                rows.append({"name": f"{name}: real against real", "step": ""} | _shown(floor))
    return rows


def _shown(figures: dict) -> dict:
    return figures | {"kid": 1000 * figures["kid"], "kid_std": 1000 * figures["kid_std"]}


def _nearest_pairs(found: TrainingRun) -> list[dict]:
    """The samples that come closest to a training image, each beside it where it is in the database."""
    nearest = found.generated_images.exclude(nearest_distance=None).order_by("nearest_distance", "pk")[:PAIRS]
    return [
        {
            "image": image,
            "sample": reverse("picture", args=["generated", image.pk]),
            "training": reverse("picture", args=["lesion", image.nearest_id]) if image.nearest_id else "",
        }
        for image in nearest
    ]
