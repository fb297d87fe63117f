"""Pages of training runs."""

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from gan.models import TrainingRun
from turing.access import researcher_required
from turing.results.generator_views import quality_and_copies
from turing.results.views import figure_response


@require_safe
@researcher_required
def run(request, id):
    found = get_object_or_404(TrainingRun, pk=id)
    counts = {name: found.generated_images.filter(diagnosis=name).count() for name in found.diagnoses}
    context = {
        "run": found,
        "grids": {name: steps for name in found.diagnoses if (steps := found.grid_steps(name))},
        "counts": counts,
        "kept_steps": [] if found.is_snapshot else found.kept_steps(),
        "snapshots": found.snapshots.order_by("snapshot_step"),
        **quality_and_copies(found),
    }
    return render(request, "research/run.html", context)


@require_safe
@researcher_required
@cache_control(private=True, no_cache=True)
def run_state(request, id):
    """The state of a run, for its page to follow: its status, and for each diagnosis the steps with a sample grid."""
    found = get_object_or_404(TrainingRun, pk=id)
    last = found.steps.order_by("-step").first()
    grids = {name: found.grid_steps(name) for name in found.diagnoses}
    return JsonResponse({"status": found.get_status_display(), "step": last.step if last else 0, "grids": grids})


@require_safe
@researcher_required
@cache_control(private=True, no_cache=True)
def run_chart(request, id, name, format):
    from turing.results.figures import CONTENT_TYPES, RUN_FIGURES, run_figure

    found = get_object_or_404(TrainingRun, pk=id)
    if format not in CONTENT_TYPES or name not in RUN_FIGURES:
        raise Http404
    content = run_figure(name, found, format, narrow="narrow" in request.GET)
    return figure_response(request, content, CONTENT_TYPES[format], f"run-{id}-{name}.{format}")


@require_safe
@researcher_required
@cache_control(private=True, max_age=600)
def run_grid(request, id, diagnosis, step):
    """The sample grid of one of the run's diagnoses at one step."""
    found = get_object_or_404(TrainingRun, pk=id)
    if diagnosis not in found.diagnoses or step not in found.grid_steps(diagnosis):
        raise Http404
    return HttpResponse(found.grid_path(diagnosis, step).read_bytes(), content_type="image/png")
