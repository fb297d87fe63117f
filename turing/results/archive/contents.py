"""Makes the files of a study's archive, from a study and a population to the bytes of each file."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from django.db.models import Max

from turing import places
from turing.errors import StudyError
from turing.models import Preregistration, Stimulus, Study
from turing.models.questions import Kind
from turing.results.archive import checklists, citation, manifest, psych_ds
from turing.results.archive.codebook import data_package
from turing.results.archive.packing import Files
from turing.results.archive.readme import readme
from turing.results.controls import with_controls
from turing.results.corrections import with_corrections
from turing.results.counting import Flow, Population, counted, flow_of
from turing.results.exports import csv_of, parquet_of, rows
from turing.results.looks import analysed_looks, check_visible, with_looks
from turing.results.machines import with_machines
from turing.results.methods import headlines, methods_and_references
from turing.results.noticing import with_noticing
from turing.results.profiles import with_shared_profiles
from turing.results.question_columns import without_texts
from turing.results.responses_csv import parse_responses
from turing.results.study_analysis import with_generators_named
from turing.results.tables import table_csv, tables_of
from turing.results.utility import utilities_of
from turing.studies.preregistration_files import markdown
from turing.version import STATISTICS, software

SCRIPTS = Path(__file__).with_name("scripts")
FORMATS = ("svg", "pdf")
SHOW_GENERATED, SHOW_BOTH = "ranking", "strip"  # figures made of images


@dataclass(frozen=True)
class Options:
    """What the researcher chose to include."""

    images: bool = False  # the bytes of stimuli whose licence allows it
    full_profiles: bool = False  # profiles as given, however few share them


def archive_files(study: Study, population: Population, options: Options = Options()) -> Files:
    """The files of the archive. The analysis comes first, so that problems show before anything is written.

    Raises `StudyError` for a draft, for a study without answers, if results are hidden until a look, and if the design
    no longer has the hash of its opening.
    """
    if study.is_draft:
        raise StudyError(f"{study.slug} is a draft: it has no answers to archive.")
    check_visible(study, population)
    if not counted(study, population).exists():
        raise StudyError(f"{study.slug} has no answers of {_who(population)} yet.")
    if not manifest.still_gives_its_hash(study):
        raise StudyError(
            f"{study.slug}: design and stimuli no longer give the hash that the study was opened with "
            f"({study.design_hash[:16]}); an archive would not hold. Restore the database from before the change."
        )
    from turing.statistics.analysis import (
        analyse,
    )  # imports SciPy, which a web worker loads only with the first archive

    answers = list(rows(study, population))
    if not options.full_profiles:
        answers = list(without_texts(with_shared_profiles(answers)))
    responses = csv_of(answers, study)
    # The analysis is computed from the file itself, so that strangers who compute it get the same numbers.
    looks = analysed_looks(study, population)
    analysis = analyse(parse_responses(responses.decode()), study.equivalence_margin, looks, study.questions)
    flow, package = flow_of(study, population), data_package(study, options.full_profiles)
    stimuli = list(study.stimuli.select_related("lesion_image").order_by("pk"))
    shows_all = options.images and all(map(manifest.may_redistribute, stimuli))
    languages = (".py",) if study.forced_choice else (".py", ".R")  # the script in R does not support pairs
    files: dict[str, Callable[[], bytes]] = {
        "data/responses.csv": lambda: responses,
        "data/responses.parquet": lambda: parquet_of(answers, study, population),
        "datapackage.json": lambda: _json(package),
        psych_ds.data_path(study): lambda: responses,
        psych_ds.DESCRIPTION: lambda: _json(psych_ds.dataset_description(study, package)),
        "stimuli.csv": lambda: manifest.stimuli_csv(study, options.images),
        "design.json": lambda: _json(manifest.design_document(study, population)),
        "analysis.json": lambda: _json(analysis),
        "flow.json": lambda: _json({**asdict(flow), "analysed": flow.analysed}),
        "methods.md": lambda: _methods(
            study, population, with_noticing(study, population, analysis, is_public=not options.full_profiles), flow
        ),
        "references.bib": citation.BIBTEX.encode,
        "CITATION.cff": lambda: citation.citation_cff(study, _released(study, population)),
        ".zenodo.json": lambda: citation.zenodo_json(study),
        "requirements.txt": lambda: _requirements(),
        "software.json": lambda: _json(software()),
        "software/LICENSE": (places.BESIDE / "LICENSE").read_bytes,
        "software/turing/__init__.py": lambda: b"",
        **{f"software/turing/statistics/{path.name}": path.read_bytes for path in STATISTICS.glob("*.py")},
        **{path.name: path.read_bytes for path in SCRIPTS.iterdir() if path.suffix in languages},
        **_tables(study, _with_everything(study, population, analysis, options), flow),
        **_figures(study, population, analysis, options, shows_all),
        **checklists.checklist_files(study, population, analysis, flow),
    }
    if study.looks:
        files["looks.json"] = lambda: _json(manifest.looks_document(study, population))
    if not study.asks_judgement:
        noticing = with_noticing(study, population, analysis, is_public=not options.full_profiles)
        files["noticing.json"] = lambda: _json(noticing["noticing"])
    if study.machines.exists():
        files["machines.json"] = lambda: _json(with_machines(study, analysis)["machines"])
    if measured := utilities_of(study):
        files["utility.json"] = lambda: _json(measured)
    planned = Preregistration.objects.filter(study=study, is_sealed=True).first()
    if planned:
        files["preregistration.json"] = planned.document.encode
        files["preregistration.md"] = lambda: markdown(json.loads(planned.document)).encode()
    if options.images:
        files |= {manifest.image_path(one): partial(Stimulus.read_unchanged, one) for one in stimuli if _may(one)}
    about = {"full_profiles": options.full_profiles, "with_images": options.images, "strip": shows_all}
    return files | {"README.md": lambda: readme(study, population, files, **about)}


def archive_name(study: Study, population: Population) -> str:
    return f"{study.slug}-{population.name}-archive.zip"


_may = manifest.may_redistribute


def _who(population: Population) -> str:
    return "simulated readers" if population.simulated else "people"


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _released(study: Study, population: Population):
    """The day on which the study closed, or of the last answer. Today's date would change the archive every day."""
    last = counted(study, population).aggregate(last=Max("answered_at"))["last"]
    return (study.closed_at or last).date()


def _requirements() -> bytes:
    return "".join(f"{name}=={metadata.version(name)}\n" for name in ("numpy", "scipy")).encode()


def _methods(study: Study, population: Population, analysis: dict[str, Any], flow: Flow) -> bytes:
    paragraph, cited = methods_and_references(study, analysis, flow, population)
    references = [f"{number}. {text}" for number, text in enumerate(cited, start=1)]
    parts = ["# Methods", paragraph, "# Results in short"]
    parts += headlines(analysis, population)
    return "\n\n".join([*parts, "# References", "\n".join(references), ""]).encode()


def _with_everything(
    study: Study, population: Population, analysis: dict[str, Any], options: Options
) -> dict[str, Any]:
    """The analysis with everything that tables show beside it.

    That is names of generators, machines, controls, looks and corrections. If the judgement was not asked, it also
    holds how many readers noticed.
    """
    if not study.asks_judgement:
        noticed = with_noticing(study, population, analysis, is_public=not options.full_profiles)
        return with_corrections(study, population, noticed)
    named = with_machines(study, with_generators_named(study, analysis))
    named = with_corrections(study, population, named)
    return with_looks(study, population, with_controls(study, population, named))


def _tables(study: Study, analysis: dict[str, Any], flow: Flow) -> Files:
    made = {name: table_csv(name, analysis, flow).encode() for name in tables_of(study)}
    return {f"tables/{name}.csv": lambda content=content: content for name, content in made.items() if content}


def _figures(
    study: Study, population: Population, analysis: dict[str, Any], options: Options, shows_all: bool
) -> Files:
    """The figures of the archive.

    Figures that show images are included if the researcher allows it and every real image's licence does.
    """
    from turing.results.figures import figures_of, render, study_figure
    from turing.results.figures.rates import draw_comparisons

    left_out = {"comparisons"} | ({"exposures"} if not study.timed else set())
    left_out |= set() if study.machines.exists() else {"machines"}
    left_out |= set() if options.images else {SHOW_GENERATED}
    asks_region = any(one.kind == Kind.REGION for one in study.further_questions)
    left_out |= set() if asks_region and shows_all else {"regions"}  # real images are in it
    left_out |= set() if shows_all else {SHOW_BOTH}
    files: dict[str, Callable[[], bytes]] = {
        f"figures/{name}.{format}": partial(study_figure, name, study, population, format)
        for name in figures_of(study)
        if name not in left_out
        for format in FORMATS
    }
    if study.forced_choice or not study.asks_judgement:
        return files
    # Drawn from the archive's analysis, which does not contain small groups.
    draw = partial(draw_comparisons, with_generators_named(study, analysis)["comparisons"], population)
    return files | {f"figures/comparisons.{format}": lambda format=format: render(draw(), format) for format in FORMATS}
