"""Exports a study's responses for other software. Readers appear only under their pseudonyms."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from turing.accounts import experience_band
from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, ReplacedAnswer, Study, Trial, Truth
from turing.results.beside import with_all_beside
from turing.results.counting import Population, exported, flow_of, form_lengths, test_rows
from turing.results.looks import check_visible, note_look
from turing.results.machines import with_machines
from turing.results.pairs import NO_FORMATS
from turing.results.question_columns import cells, number_columns, question_columns
from turing.results.responses_csv import COLUMNS
from turing.results.sittings import with_sittings
from turing.results.study_analysis import analyse_study, with_generators_named
from turing.results.tables import table_csv
from turing.results.unjudged import FORMATS_OF_JUDGEMENT
from turing.results.utility import utilities_of

TIMING = ("exposure_ms", "shown_ms", "dropped_frames")  # if images are shown for a moment
CHANGES = ("changes", "first_answer")  # if readers may correct their answers
PAIRS = ("pair", "partner")  # last, if readers choose between two images
LOOKING = ("away_ms", "zoom_percent", "zoomed_ms")  # time away from the page, and use of the zoom
FURTHER = (
    "phase",
    "profession",
    "specialty",
    "experience",
    "run",
    "simulated",
    "since_previous_ms",
    *TIMING,
    "form_trials",
    *LOOKING,
    *CHANGES,
)
INTEGERS = (
    "confidence",
    "rt_ms",
    "trial_index",
    "run",
    "since_previous_ms",
    *TIMING,
    "form_trials",
    *LOOKING,
    "changes",
    "pair",
)


def rows(study: Study, population: Population) -> Iterator[dict[str, Any]]:
    """One row a response, in the columns of the responses CSV.

    `since_previous_ms` is the server's check of the browser's `rt_ms`. It is the time between the arrival of the
    previous trial's answer and the arrival of this one. It is None if the previous trial is not exported, or if one of
    the two answers is a correction. Answers that waited for a connection arrive together.
    """
    previous, forms = None, form_lengths(study, population)
    responses = exported(study, population).select_related(
        "trial__reading__reader", "trial__stimulus__generated_image", "trial__partner__generated_image"
    )
    if study.questions:
        responses = responses.prefetch_related("further")
    if study.corrections:
        responses = responses.prefetch_related("trial__replaced")
    for response in responses.iterator(chunk_size=2000):
        trial = response.trial
        stimulus, reader = trial.stimulus, trial.reading.reader
        follows = previous and previous.trial.reading_id == trial.reading_id
        follows = follows and previous.trial.position == trial.position - 1
        follows = follows and not previous.number and not response.number
        since = round((response.answered_at - previous.answered_at).total_seconds() * 1000) if follows else None
        previous = response
        yield {
            "reader": reader.pseudonym,
            "image": str(stimulus.pk),
            "truth": stimulus.truth,
            "diagnosis": stimulus.diagnosis,
            "response": response.answer,
            "confidence": response.confidence,
            "rt_ms": response.response_time_ms,
            "trial_index": trial.position,
            "phase": trial.phase,
            "profession": reader.profession,
            "specialty": reader.specialty,
            "experience": experience_band(reader.years_experience),
            "run": _generator_of(trial),
            "simulated": "yes" if reader.is_simulated else "no",
            "since_previous_ms": since,
            **{name: getattr(response, name) for name in TIMING},
            "form_trials": forms[reader.pseudonym],
            **{name: getattr(response, name) for name in LOOKING},
            **_changes(list(trial.replaced.all()) if study.corrections else []),
            **({"pair": stimulus.pair, "partner": str(trial.partner_id)} if study.forced_choice else {}),
            **(cells(study, stimulus.diagnosis, response.further.all()) if study.questions else {}),
        }


def _changes(earlier: list[ReplacedAnswer]) -> dict[str, Any]:
    """The number of earlier answers, and the first answer's judgement. The answers are ordered by their numbers."""
    return {"changes": len(earlier), "first_answer": earlier[0].answer if earlier else None}


def _generator_of(trial: Trial) -> int | None:
    """The generator of the image, or of the generated image of a pair."""
    images = [one.generated_image for one in (trial.stimulus, trial.partner) if one]
    return next((one.generator_id for one in images if one), None)


def columns_of(study: Study) -> tuple[str, ...]:
    """The columns of the study's responses CSV, in order."""
    return (*COLUMNS, *FURTHER, *(PAIRS if study.forced_choice else ()), *question_columns(study))


def to_csv(study: Study, population: Population) -> bytes:
    return csv_of(rows(study, population), study)


def csv_of(rows: Iterable[dict[str, Any]], study: Study) -> bytes:
    """The responses CSV of rows such as `rows` makes."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns_of(study), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def to_json(study: Study, population: Population) -> bytes:
    """One document with study, design hash, flow of readers, analysis and responses."""
    flow, analysis = flow_of(study, population), analyse_study(study, population)
    beside = with_all_beside(study, population, analysis)
    document = {
        "study": {
            "title": study.title,
            "slug": study.slug,
            "state": study.state,
            "design_hash": study.design_hash,
            "equivalence_margin": study.equivalence_margin,
            "uses_phantoms": study.uses_phantoms,
            "questions": study.questions,
            "opened_at": study.opened_at.isoformat() if study.opened_at else None,
            "closed_at": study.closed_at.isoformat() if study.closed_at else None,
        },
        "readers": population.name,
        "flow": {**flow.__dict__, "analysed": flow.analysed},
        **({"looks": beside["look_history"]} if study.looks else {}),
        "analysis": analysis,
        "machines": beside["machines"],
        "controls": beside["controls"],
        **({"corrections": beside["corrections"]} if study.corrections else {}),
        "utility": utilities_of(study),
        "skin_tone": beside["skin_tone"],
        **(with_sittings(study, population, {}) if study.follows else {}),
        **({} if study.asks_judgement else {"noticing": beside["noticing"]}),
        "responses": list(rows(study, population)),
    }
    return json.dumps(document, indent=2, allow_nan=False).encode()


def to_parquet(study: Study, population: Population) -> bytes:
    return parquet_of(rows(study, population), study, population)


def parquet_of(rows: Iterable[dict[str, Any]], study: Study, population: Population) -> bytes:
    """The columns of the CSV with types. The file's metadata hold the study's design hash."""
    import pyarrow as pa
    from pyarrow import parquet

    integers = {*INTEGERS, *number_columns(study)}
    fields = [(name, pa.int32() if name in integers else pa.string()) for name in columns_of(study)]
    metadata = {"study": study.slug, "design_hash": study.design_hash, "readers": population.name}
    table = pa.Table.from_pylist(list(rows), pa.schema(fields, metadata))
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def to_imrmc(study: Study, population: Population) -> bytes:
    """The input file for the FDA's iMRMC.

    It holds the truth of each image, then one score for each reader and image, with one modality. Signal present (1)
    means generated. The score is +confidence if judged generated and -confidence if judged real, as in our AUC. Without
    confidence it is 1 or -1. Repeat trials are left out. Readers and images are numbers from 1, because every program
    that reads the format accepts them; the header lists their names. iMRMC computes from the file what the analysis has
    as `auc.imrmc`.
    """
    answers = test_rows(rows(study, population))
    truths = {row["image"]: int(row["truth"] == Truth.GENERATED) for row in answers}
    readers = {name: number for number, name in enumerate(sorted({row["reader"] for row in answers}), start=1)}
    images = {name: number for number, name in enumerate(sorted(truths), start=1)}
    generated = sum(truths.values())
    header = [
        f"{study.slug}, readers: {population.name}, design {study.design_hash}",
        f"N0: {len(truths) - generated}",
        f"N1: {generated}",
        f"NR: {len(readers)}",
        "NM: 1",
        *(f"reader {number} is {name}" for name, number in readers.items()),
        *(f"image {number} is {name}" for name, number in images.items()),
        "BEGIN DATA:",
    ]
    truth_lines = [f"-1,{images[image]},0,{truth}" for image, truth in truths.items()]
    scores = []
    for row in answers:
        sign = 1 if row["response"] == Truth.GENERATED else -1
        scores.append(f"{readers[row['reader']]},{images[row['image']]},1,{sign * (row['confidence'] or 1)}")
    return "\n".join([*header, *truth_lines, *scores, ""]).encode()


def to_machines_csv(study: Study, population: Population) -> bytes:
    """A row for each machine reader and image, with the share of people who judged the image real.

    Empty without machines.
    """
    analysis = with_machines(study, analyse_study(study, population))
    return table_csv("machine-images", analysis, flow_of(study, population)).encode()


# For each format, how it is made, and its content type.
FORMATS: dict[str, tuple[Callable[[Study, Population], bytes], str]] = {
    "csv": (to_csv, "text/csv; charset=utf-8"),
    "json": (to_json, "application/json"),
    "parquet": (to_parquet, "application/vnd.apache.parquet"),
    "imrmc": (to_imrmc, "text/plain; charset=utf-8"),
    "machines": (to_machines_csv, "text/csv; charset=utf-8"),
}


def formats_of(study: Study) -> list[str]:
    """The formats in which the study's answers can be exported."""
    left_out = (NO_FORMATS if study.forced_choice else ()) if study.asks_judgement else FORMATS_OF_JUDGEMENT
    return [name for name in FORMATS if name not in left_out]


def export(study: Study, population: Population, format: str, actor: Actor = COMMAND_LINE) -> bytes:
    """The export in one of the study's `formats_of`.

    Raises `StudyError` for another format, and if looks are planned and none was taken yet.
    """
    check_visible(study, population)
    if format not in formats_of(study):
        why = "shows pairs (forced_choice)" if study.forced_choice else "does not ask readers to judge images"
        raise StudyError(f"{format}: it holds judgements of single images, and {study.slug} {why}.")
    content = FORMATS[format][0](study, population)
    if format == "json" and study.follows:  # it compares the two studies, so results of the earlier study are seen, too
        note_look(study.follows, population, actor)
    AuditLine.objects.record(AuditLine.What.EXPORTED, actor, study, format=format, readers=population.name)
    return content


def export_table(study: Study, population: Population, name: str, actor: Actor = COMMAND_LINE) -> bytes:
    """One of the `TABLES` of the results page as CSV. Raises `StudyError` like `export`."""
    check_visible(study, population)
    analysis = with_all_beside(study, population, with_generators_named(study, analyse_study(study, population)))
    content = table_csv(name, analysis, flow_of(study, population))
    AuditLine.objects.record(AuditLine.What.EXPORTED, actor, study, table=name, readers=population.name)
    return content.encode()
