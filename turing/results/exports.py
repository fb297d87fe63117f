"""A study's responses as files for other software; readers appear under their pseudonyms alone."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from turing.accounts import experience_band
from turing.models import Study
from turing.results.analysis import analyse_study
from turing.results.counting import Population, exported
from turing.results.responses_csv import COLUMNS

FORMATS = ("csv", "json")
FURTHER = ("phase", "profession", "specialty", "experience", "run", "simulated")


def rows(study: Study, population: Population) -> Iterator[dict[str, Any]]:
    """One row a response, in the columns of the responses CSV."""
    responses = exported(study, population).select_related("trial__reading__reader", "trial__stimulus__generated_image")
    for response in responses.iterator(chunk_size=2000):
        trial = response.trial
        stimulus, reader = trial.stimulus, trial.reading.reader
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
            "run": stimulus.generated_image.run_id if stimulus.generated_image else None,
            "simulated": "yes" if reader.is_simulated else "no",
        }


def to_csv(study: Study, population: Population) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [*COLUMNS, *FURTHER], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(study, population))
    return buffer.getvalue()


def to_json(study: Study, population: Population) -> str:
    """Study, design hash, analysis and responses in one document."""
    document = {
        "study": {
            "title": study.title,
            "slug": study.slug,
            "state": study.state,
            "design_hash": study.design_hash,
            "uses_phantoms": study.uses_phantoms,
            "opened_at": study.opened_at.isoformat() if study.opened_at else None,
            "closed_at": study.closed_at.isoformat() if study.closed_at else None,
        },
        "readers": population.name,
        "analysis": analyse_study(study, population),
        "responses": list(rows(study, population)),
    }
    return json.dumps(document, indent=2, allow_nan=False)


def export(study: Study, population: Population, format: str) -> str:
    """The export in one of `FORMATS`."""
    return to_csv(study, population) if format == "csv" else to_json(study, population)
