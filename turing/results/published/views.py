"""Pages of a published study for everybody: without account, cookie or session. Unpublished studies are not found."""

from collections.abc import Callable
from functools import wraps

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import conditional_page, require_safe

from turing.media.lost import lost_as_404
from turing.models import Study
from turing.results.archive.citation import BIBTEX, names_of
from turing.results.archive.contents import archive_name
from turing.results.beside import with_all_beside
from turing.results.controls import control_sentences
from turing.results.counting import choose_population, flow_of
from turing.results.looks import looks_sentence
from turing.results.machines import machine_sentence, with_machines, with_strips
from turing.results.methods import equivalence_sentence, exposure_sentence, headlines, methods_and_references
from turing.results.pairs import supporting_sentences
from turing.results.profiles import LEAST
from turing.results.published import citing
from turing.results.published.download import BeingMadeError, open_archive
from turing.results.published.images import find_shown, shown_stimuli, strips
from turing.results.published.redaction import public_analysis
from turing.results.questions import question_sentences
from turing.results.skin_tone import skin_tone_sentence
from turing.results.study_analysis import with_generators_named
from turing.results.supporting import few_readers_sentence
from turing.results.tables import table_csv, tables_of
from turing.results.views import figure_response
from turing.studies.preregistration import marks
from turing.studies.provenance import describe, training_warning

KEPT_SECONDS = 300  # caches keep pages this long, so a closed page may still be seen for that time
FIGURES = (
    "rates",
    "ranking",
    "strip",
    "roc",
    "calibration",
    "readers",
    "comparisons",
    "times",
    "course",
    "exposures",
    "machines",
    "forced-choice",
)
# Figures of single readers, which are left out if only a few readers answered.
SINGLE_READERS = ("roc", "readers", "comparisons", "times", "course", "exposures")
# Tables that stand in a section of their own. All others are listed together.
PLACED_TABLES = (
    "rates",
    "comparisons",
    "images",
    "controls",
    "skin-tones",
    "skin-missing",
    "readers",
    "agreement",
    "detection",
    "machines",
)
CITATIONS: dict[str, tuple[Callable[[Study, str], str | bytes], str, str]] = {
    "bib": (citing.as_bibtex, "application/x-bibtex; charset=utf-8", "{}.bib"),
    "cff": (citing.as_cff, "text/yaml; charset=utf-8", "CITATION.cff"),
}


def for_everybody(view):
    """Allow GET and HEAD for a published study, and let caches keep the answer for a few minutes."""

    @require_safe
    @conditional_page
    @wraps(view)
    def guarded(request, slug, **arguments):
        study = get_object_or_404(Study.objects.published().prefetch_related("generators"), slug=slug)
        response = view(request, study, **arguments)
        response.headers.setdefault("Content-Language", "en")
        if response.status_code == 200:
            patch_cache_control(response, public=True, max_age=KEPT_SECONDS)
        return response

    return guarded


def address_of(request, study: Study) -> str:
    return request.build_absolute_uri(reverse("published", args=[study.slug]))


@for_everybody
def page(request, study):
    """The results, on one page."""
    population = choose_population(study)
    analysis, flow = public_analysis(study, population), flow_of(study, population)
    if not analysis:  # every reader has withdrawn since it was published
        return render(request, "published/empty.html", {"study": study, "population": population})
    analysis = with_all_beside(study, population, analysis, is_public=True)
    named, stimuli = with_generators_named(study, analysis), shown_stimuli(study)
    first, *others = headlines(named, population) or [""]
    methods, references = methods_and_references(study, analysis, flow, population)
    tables = {name: (table.title, list(table.rows(named, flow))) for name, table in tables_of(study).items()}
    address = address_of(request, study)
    few = flow.analysed < LEAST
    context = {
        "study": study,
        "population": population,
        "analysis": analysis,
        "flow": flow,
        "few": few,
        "least": LEAST,
        "headline": first,
        "headlines": others,
        "equivalence": equivalence_sentence(analysis),
        "exposure": exposure_sentence(analysis),
        "looks": looks_sentence(analysis),
        "hurried": analysis["hurried"],
        "unseen": few_readers_sentence(flow.analysed) if analysis["fooling_rate"]["ci95"] else "",
        "control_sentences": control_sentences(analysis),
        "skin_tone_sentence": skin_tone_sentence(analysis),
        "pair_sentences": supporting_sentences(analysis),
        "machine_sentence": machine_sentence(analysis, population),
        "machines": with_strips(analysis["machines"], {str(one.pk): one for one in stimuli}),
        "methods": methods,
        "references": references,
        "tables": {name: found for name, found in tables.items() if found[1]},
        "placed_tables": PLACED_TABLES,
        "is_public": True,
        "figures": [name for name in FIGURES if not (few and name in SINGLE_READERS)],
        "question_sentences": question_sentences(analysis),
        "planned": marks(study),
        "training_warning": training_warning(study),
        "generators": [describe(one) for one in study.generators.all()],
        "strips": strips(stimuli, analysis),
        "stimuli": stimuli,
        "withheld": study.stimulus_count - len(stimuli),
        "credits": _credits(stimuli),
        "address": address,
        "authors": names_of(study),
        "citation": citing.as_text(study, address),
        "bibtex": citing.as_bibtex(study, address),
    }
    return render(request, f"published/{'page' if study.asks_judgement else 'unjudged'}.html", context)


def _credits(stimuli) -> list[tuple[str, str, int, bool]]:
    """Attribution and licence of the real images shown here, their number, and whether they are phantoms."""
    counts: dict[tuple[str, str, bool], int] = {}
    for lesion in (one.lesion_image for one in stimuli if one.lesion_image):
        key = (lesion.attribution, lesion.licence, lesion.is_phantom)
        counts[key] = counts.get(key, 0) + 1
    return [(*key[:2], count, key[2]) for key, count in sorted(counts.items())]


@for_everybody
def figure(request, study, name, format):
    from turing.results.figures import CONTENT_TYPES, figures_of
    from turing.results.figures.published import public_figure

    if name not in (*FIGURES, "flow") or name not in figures_of(study) or format not in CONTENT_TYPES:
        raise Http404
    population = choose_population(study)
    analysis = public_analysis(study, population)
    if not analysis or (name in SINGLE_READERS and not (analysis["forced_choice"] or analysis)["by_reader"]):
        raise Http404
    narrow, machines = "narrow" in request.GET, with_machines(study, analysis)
    with lost_as_404(f"{study.slug}, figure {name}"):
        content = public_figure(name, study, population, format, machines, shown_stimuli(study), narrow=narrow)
    return figure_response(request, content, CONTENT_TYPES[format], f"{study.slug}-{name}.{format}")


@for_everybody
def table(request, study, name):
    population = choose_population(study)
    analysis = public_analysis(study, population)
    if name not in tables_of(study) or not analysis:
        raise Http404
    named = with_all_beside(study, population, with_generators_named(study, analysis), is_public=True)
    content = table_csv(name, named, flow_of(study, population))
    if not content:
        raise Http404
    return _file(content, "text/csv; charset=utf-8", f"{study.slug}-{name}.csv")


@for_everybody
def image(request, study, id):
    """The bytes of one stimulus, if its licence allows it and no other study shows the same image to readers."""
    found = find_shown(study, id)
    if found is None:
        raise Http404
    with lost_as_404(found.file):
        return HttpResponse(found.read_unchanged(), content_type="image/png")


@for_everybody
def citation(request, study, format):
    if format not in CITATIONS:
        raise Http404
    make, content_type, filename = CITATIONS[format]
    return _file(make(study, address_of(request, study)), content_type, filename.format(study.slug))


@for_everybody
def references(request, study):
    """The references of the methods paragraph as BibTeX."""
    return _file(BIBTEX, "application/x-bibtex; charset=utf-8", "references.bib")


@for_everybody
def archive(request, study):
    """The zip, if the owner lets everybody download it."""
    if not study.publishes_archive:
        raise Http404
    population = choose_population(study)
    try:
        stream = open_archive(study, population)
    except BeingMadeError as error:
        return HttpResponse(str(error), status=503, headers={"Retry-After": "60"}, content_type="text/plain")
    if stream is None:
        raise Http404
    return FileResponse(stream, as_attachment=True, filename=archive_name(study, population))


def _file(content, content_type, filename):
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
