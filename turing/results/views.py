"""Pages of results: the dashboard, figures, exports, training runs."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from gan.models import TrainingRun
from turing.access import researcher_required
from turing.models import Study
from turing.results.analysis import analyse_study, extremes
from turing.results.counting import choose_population, populations_of
from turing.results.exports import FORMATS, export


@require_GET
@researcher_required
def dashboard(request, slug):
    study = get_object_or_404(Study.objects.prefetch_related("runs"), slug=slug)
    population = choose_population(study, request.GET.get("readers"))
    analysis = analyse_study(study, population)
    most, least = extremes(study, analysis["by_image"])
    context = {
        "study": study,
        "population": population,
        "populations": populations_of(study),
        "analysis": analysis,
        "rates": {
            "Generated judged real (fooling rate)": "fooling_rate",
            "Real judged real": "real_judged_real",
            "Accuracy": "accuracy",
        },
        "groups": {"All": analysis} | (analysis["by_diagnosis"] if len(analysis["by_diagnosis"]) > 1 else {}),
        "most": most,
        "least": least,
    }
    return render(request, "research/results.html", context)


@require_GET
@researcher_required
@cache_control(private=True, no_cache=True)
def figure(request, slug, name, format):
    from turing.results.figures import CONTENT_TYPES, STUDY_FIGURES, study_figure

    study = get_object_or_404(Study.objects.prefetch_related("runs"), slug=slug)
    if name not in STUDY_FIGURES or format not in CONTENT_TYPES:
        raise Http404
    population = choose_population(study, request.GET.get("readers"))
    content = study_figure(name, study, population, format)
    return _figure_response(request, content, CONTENT_TYPES[format], f"{slug}-{name}-{population.name}.{format}")


@require_GET
@researcher_required
def download(request, slug, format):
    study = get_object_or_404(Study.objects.prefetch_related("runs"), slug=slug)
    if format not in FORMATS:
        raise Http404
    population = choose_population(study, request.GET.get("readers"))
    types = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
    response = HttpResponse(export(study, population, format), content_type=types[format])
    response["Content-Disposition"] = f'attachment; filename="{slug}-{population.name}.{format}"'
    return response


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
    return _figure_response(request, run_figure(found, format), CONTENT_TYPES[format], f"run-{id}-losses.{format}")


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


def _figure_response(request, content, content_type, filename):
    response = HttpResponse(content, content_type=content_type)
    kind = "attachment" if "download" in request.GET else "inline"
    response["Content-Disposition"] = f'{kind}; filename="{filename}"'
    # Matplotlib's SVG carries its styles inline; the policy for this file alone allows them.
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return response
