"""Pages of a study's results: dashboard, report, figures, tables, exports."""

from functools import wraps

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from turing.access import researcher_required
from turing.errors import LostImageError, StudyError
from turing.media.lost import lost_as_404
from turing.models import Right, Study
from turing.results.attention import attention_sentences, hurried_sentence
from turing.results.beside import with_all_beside
from turing.results.controls import control_sentences
from turing.results.corrections import correction_sentence
from turing.results.counting import choose_population, flow_of, populations_of
from turing.results.exports import FORMATS, export, export_table, formats_of
from turing.results.looks import check_visible, looks_sentence, note_look, standing, take_look
from turing.results.machines import machine_sentence, with_strips
from turing.results.methods import equivalence_sentence, exposure_sentence, headlines, methods_and_references
from turing.results.pairs import supporting_sentences
from turing.results.questions import cue_strips, question_sentences
from turing.results.sittings import sittings_sentence, with_sittings
from turing.results.skin_tone import skin_tone_sentence
from turing.results.study_analysis import analyse_study, extremes, with_generators_named
from turing.results.supporting import dropout_sentence, kinds_sentence, model_sentence, unseen_sentence
from turing.results.tables import tables_of
from turing.studies.permissions import get_study
from turing.studies.preregistration import marks
from turing.studies.provenance import training_warning

LONG_TABLES = (
    "readers",
    "images",
    "model_readers",
    "model_images",
    "machine-images",
    "forced-choice-readers",
    "forced-choice-pairs",
)  # folded on the page, and left out of the report


def _find(request, slug):
    """The study and the population that the address asks for, if the researcher may see them. The view is recorded."""
    study = get_study(request, slug, studies=Study.objects.prefetch_related("generators"))
    population = choose_population(study, request.GET.get("readers"))
    note_look(study, population, request.user)
    return study, population


def _results(study, population):
    analysis = with_all_beside(study, population, analyse_study(study, population))
    flow = flow_of(study, population)
    named = with_generators_named(study, analysis)
    first, *others = headlines(named, population) or [""]
    methods, references = methods_and_references(study, analysis, flow, population)
    tables = {name: (table.title, list(table.rows(named, flow))) for name, table in tables_of(study).items()}
    if not study.looks:
        tables.pop("looks", None)
    if not study.corrections:
        tables.pop("corrections", None)
    return {
        "study": study,
        "population": population,
        "populations": populations_of(study),
        "analysis": analysis,
        "flow": flow,
        "headline": first,
        "headlines": others,
        "equivalence": equivalence_sentence(analysis),
        "exposure": exposure_sentence(analysis),
        "standing": standing(study, population),
        "may_look": study.right >= Right.EDIT,
        "looks": looks_sentence(analysis),
        "attention": attention_sentences(study, population),
        "hurried": hurried_sentence(study, population),
        "corrections": correction_sentence(analysis),
        "kinds": kinds_sentence(analysis),
        "model": model_sentence(analysis),
        "dropout": dropout_sentence(analysis),
        "unseen": unseen_sentence(analysis),
        "control_sentences": control_sentences(analysis),
        "skin_tone_sentence": skin_tone_sentence(analysis),
        "sittings": sittings_sentence(with_sittings(study, population, {})),
        "question_sentences": question_sentences(analysis),
        "cue_strips": cue_strips(analysis),
        "pair_sentences": supporting_sentences(analysis),
        "machine_sentence": machine_sentence(analysis, population),
        "machines": with_strips(analysis["machines"], _stimuli_of(study, analysis["machines"])),
        "methods": methods,
        "references": references,
        "tables": tables,
        "long_tables": [name for name in LONG_TABLES if name in tables],
        "planned": marks(study),
        "training_warning": training_warning(study),
    }


def _stimuli_of(study, machines):
    return {str(one.pk): one for one in study.stimuli.of_test()} if machines else {}


@require_safe
@researcher_required
def dashboard(request, slug):
    study, population = _find(request, slug)
    if _is_hidden(study, population):
        return _hidden_page(request, study, population)
    context = _results(study, population)
    if context["sittings"]:  # the page also shows results of the earlier study
        note_look(study.follows, population, request.user)
    most, least = extremes(study, context["analysis"])
    files = {name: title for name, (title, found) in context["tables"].items() if found}
    context |= {"most": most, "least": least, "formats": formats_of(study), "table_files": files}
    page = "results" if study.asks_judgement else "results_unjudged"
    return render(request, f"research/{page}.html", context)


@require_safe
@researcher_required
def report(request, slug):
    """The report for printing: figures inline, tables open, methods and references."""
    study, population = _find(request, slug)
    if _is_hidden(study, population):
        return _hidden_page(request, study, population)
    page = "report" if study.asks_judgement else "report_unjudged"
    return render(request, f"research/{page}.html", _results(study, population))


def _is_hidden(study, population):
    found = standing(study, population)
    return found is not None and found.is_hidden


def _hidden_page(request, study, population):
    """What the results pages show before the first look: counts of answers, but no result."""
    context = {
        "study": study,
        "population": population,
        "populations": populations_of(study),
        "standing": standing(study, population),
        "may_look": study.right >= Right.EDIT,
    }
    return render(request, "research/results_hidden.html", context)


def when_visible(view):
    """Before the first look, redirect to the page that says why there are no results."""

    @wraps(view)
    def guarded(request, slug, **arguments):
        try:
            return view(request, slug, **arguments)
        except StudyError as error:
            messages.error(request, str(error))
            return redirect("results", slug)

    return guarded


@require_POST
@researcher_required
def look(request, slug):
    """Take the look that is due or, with `early`, one that is not planned."""
    study = get_study(request, slug, Right.EDIT)
    population = choose_population(study, request.POST.get("readers"))
    try:
        taken = take_look(study, population, request.user, early="early" in request.POST)
    except StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Look {taken.number} is taken, at {taken.answers:,} answers, and recorded.")
    return redirect(f"{reverse('results', args=[slug])}?readers={population.name}")


@require_safe
@researcher_required
@cache_control(private=True, no_cache=True)
@when_visible
def figure(request, slug, name, format):
    from turing.results.figures import CONTENT_TYPES, figures_of, study_figure

    study, population = _find(request, slug)
    check_visible(study, population)
    if name not in figures_of(study) or format not in CONTENT_TYPES:
        raise Http404
    try:
        content = study_figure(name, study, population, format, narrow="narrow" in request.GET)
    except LostImageError:
        if "download" in request.GET:
            raise  # `when_visible` shows the message, which no image in a page can
        with lost_as_404(f"{slug}, figure {name}"):
            raise
    return figure_response(request, content, CONTENT_TYPES[format], f"{slug}-{name}-{population.name}.{format}")


@require_safe
@researcher_required
@when_visible
def table(request, slug, name):
    study, population = _find(request, slug)
    if name not in tables_of(study):
        raise Http404
    content = export_table(study, population, name, request.user)
    return _download(content, "text/csv; charset=utf-8", f"{slug}-{name}-{population.name}.csv")


@require_safe
@researcher_required
@when_visible
def download(request, slug, format):
    study, population = _find(request, slug)
    if format not in formats_of(study):
        raise Http404
    content = export(study, population, format, request.user)
    name = f"{population.name}-machines.csv" if format == "machines" else f"{population.name}.{format}"
    return _download(content, FORMATS[format][1], f"{slug}-{name}")


def _download(content, content_type, filename):
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def figure_response(request, content, content_type, filename):
    """A figure's file, shown in the page, in the page's type and colours, or with `?download` saved as it is."""
    from turing.results.figures.page import for_page

    if content_type == "image/svg+xml" and "download" not in request.GET:
        content = for_page(content)
    response = HttpResponse(content, content_type=content_type)
    kind = "attachment" if "download" in request.GET else "inline"
    response["Content-Disposition"] = f'{kind}; filename="{filename}"'
    # Matplotlib's SVG carries its styles inline; the policy for this file alone allows them.
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return response
