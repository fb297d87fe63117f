"""Pages of training runs."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from gan.models import TrainingRun
from turing.access import researcher_required
from turing.results.views import figure_response


@require_GET
@researcher_required
def runs(request):
    return render(request, "research/runs.html", {"runs": TrainingRun.objects.all()})


@require_GET
@researcher_required
def run(request, id):
    found = get_object_or_404(TrainingRun, pk=id)
    grids = {name: path.name for name in found.diagnoses if (path := _latest_grid(found, name))}
    counts = {name: found.generated_images.filter(diagnosis=name).count() for name in found.diagnoses}
    return render(request, "research/run.html", {"run": found, "grids": grids, "counts": counts})


@require_GET
@researcher_required
@cache_control(private=True, no_cache=True)
def run_losses(request, id, format):
    from turing.results.figures import CONTENT_TYPES, run_figure

    found = get_object_or_404(TrainingRun, pk=id)
    if format not in CONTENT_TYPES:
        raise Http404
    return figure_response(request, run_figure(found, format), CONTENT_TYPES[format], f"run-{id}-losses.{format}")


@require_GET
@researcher_required
def run_grid(request, id, diagnosis):
    """The newest sample grid of one of the run's diagnoses."""
    found = get_object_or_404(TrainingRun, pk=id)
    path = _latest_grid(found, diagnosis) if diagnosis in found.diagnoses else None
    if path is None:
        raise Http404
    return HttpResponse(path.read_bytes(), content_type="image/png")


def _latest_grid(found: TrainingRun, diagnosis: str):
    return max((found.diagnosis_folder(diagnosis) / "grids").glob("step-*.png"), default=None)
