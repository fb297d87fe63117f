"""The preregistration: a plan written from a study's design, in the order of OSF's standard form.

It is a document of plain JSON. While the study is a draft, it can be drawn up as often as wanted. When the study opens,
it is sealed. `preregistration_files` writes it as Markdown.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Preregistration, Study
from turing.models.questions import TESTED
from turing.studies import preregistration_unjudged
from turing.studies.preregistration_files import PRECISION
from turing.studies.preregistration_texts import (
    WHY_SIZE,
    analysis_plan,
    design_plan,
    sampling_plan,
    variables,
)
from turing.studies.provenance import factor_name
from turing.version import name_and_version

READERS = (5, 10, 20, 40, 65)  # numbers of readers for the table, if the researcher names none
LEAST_IMAGES = 5  # with fewer, an expected width is not worth giving
RATE = 0.5  # planning assumes guessing
AUTHOR = "To be written by the authors."
NOT_WRITTEN = "Nothing was written."

DESCRIBED = (
    "A visual Turing test: readers look at images of skin lesions and say of each whether it is real or generated."
)
PAIRS_DESCRIBED = (
    "A visual Turing test by two-alternative forced choice: readers see a real and a generated image of one diagnosis "
    "side by side and say which of the two is generated."
)
UNJUDGED_DESCRIBED = (
    "A purpose-blinded reader study: readers answer questions about images of skin lesions, and are told only "
    "afterwards that some were generated."
)
ESTIMATED = "The share of generated images that readers take for real (the fooling rate)"
PAIRS_ESTIMATED = "The share of pairs in which readers find the generated image (the proportion correct)"

# What the researcher adds in their own words: the form's field, and the prompt above it.
OWN_WORDS = ("readers", "hypotheses", "recruitment", "stopping", "exclusions", "other")


def draw_up(study: Study, own_words: dict[str, Any], actor: Actor = COMMAND_LINE) -> Preregistration:
    """Write the preregistration of a draft anew. Raises `StudyError` once the study has opened."""
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if not study.is_draft:
            raise StudyError(_why_not(study))
        AuditLine.objects.record(AuditLine.What.EDITED, actor, study, part="preregistration")
        return _store(study, own_words, is_sealed=False)


def seal(study: Study) -> Preregistration:
    """Seal the preregistration with the design's hash, within the transaction that opens the study."""
    drawn = Preregistration.objects.filter(study=study).first()
    return _store(study, drawn.own_words if drawn else {}, is_sealed=True)


def find_preregistration(study: Study) -> Preregistration:
    """The preregistration. Raises `StudyError` with the reason if there is none."""
    found = Preregistration.objects.filter(study=study).first()
    if found is None:
        raise StudyError(_why_not(study))
    return found


def _why_not(study: Study) -> str:
    if study.is_draft:
        return f"{study.slug} is a draft, and nobody has drawn up its preregistration yet."
    if Preregistration.objects.filter(study=study).exists():
        return (
            f"{study.slug} is {study.get_state_display()}: its preregistration was sealed at opening and cannot "
            "be changed."
        )
    return (
        f"{study.slug} opened before this software wrote preregistrations, so it has none. A plan that is written "
        "after the first answer is not a preregistration."
    )


def _store(study: Study, own_words: dict[str, Any], *, is_sealed: bool) -> Preregistration:
    now = study.opened_at if is_sealed else timezone.now()
    document = json.dumps(preregistration_document(study, own_words, now), indent=1, ensure_ascii=False)
    values = {
        "own_words": own_words,
        "document": document,
        "sha256": hashlib.sha256(document.encode()).hexdigest(),
        "software": name_and_version(),
        "created_at": now,
        "is_sealed": is_sealed,
    }
    return Preregistration.objects.update_or_create(study=study, defaults=values)[0]


def preregistration_document(study: Study, own_words: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The plan as JSON values: `stamp`, `planned` (which analyses), and `sections` of prompts and answers."""
    sampling = expected_precision(study, own_words.get("readers") or study.planned_readers)
    return {
        "stamp": {
            "study": study.slug,
            "design_hash": study.design_hash,
            "software": name_and_version(),
            "written_at": at.isoformat(timespec="seconds"),
            "note": "Written before the first answer, when the study opened."
            if study.design_hash
            else "Drawn up from a draft: the design can still change, and the hash is given when the study opens.",
        },
        "planned": planned_analyses(study),
        "sampling": sampling,
        "sections": [
            {"title": title, "items": [_item(prompt, answer, sampling) for prompt, answer in items]}
            for title, items in _sections(study, own_words, sampling)
        ],
    }


def planned_analyses(study: Study) -> dict[str, Any]:
    """Keys of the analysis that are confirmatory, and the factors whose groups are compared."""
    if study.forced_choice:
        secondary = [f"forced_choice.{name}" for name in ("dprime", "equivalence", "left")]
        return {"primary": ["forced_choice"], "secondary": secondary, "comparisons": []}
    secondary = ["accuracy", "equivalence", "real_judged_real"]
    questions = [one for one in study.further_questions if one.kind in TESTED]
    if not study.asks_judgement:
        return {
            "primary": [f"questions.{one.name}" for one in questions if one.primary],
            "secondary": [f"questions.{one.name}" for one in questions if not one.primary] + ["noticing"],
            "comparisons": [],
        }
    return {
        "primary": ["fooling_rate"] + [f"questions.{one.name}" for one in questions if one.primary],
        "secondary": secondary
        + (["exposure_threshold"] if study.timed else [])
        + (["controls"] if study.control_count else [])
        + [f"questions.{one.name}" for one in questions if not one.primary],
        "comparisons": (["diagnosis"] if len(study.diagnoses) > 1 else [])
        + (["run"] if len(study.tested_generators) > 1 else []),
    }


def expected_precision(study: Study, readers: int | None) -> dict[str, Any] | None:
    """The precision that `plan_study` expects for this design's images, assuming that readers guess.

    It is the `width` of the fooling rate's 95% interval and the `power` to show equivalence. None if there are too few
    images, or if the study asks for no judgement.
    """
    from turing.statistics.planning import STRUCTURES, Population, expected_power, expected_width

    share = study.form_length / study.stimulus_count if study.stimulus_count else 0
    generated = round(len(study.diagnoses) * study.generated_per_diagnosis * share)
    if study.forced_choice:  # a pair is one case, both for the proportion correct and for its equivalence to guessing
        generated = study.form_length
    if generated < LEAST_IMAGES or not study.asks_judgement:
        return None
    rows = []
    for structure, shares in STRUCTURES.items():
        population = Population(RATE, *shares)
        for count in [readers] if readers and readers > 1 else READERS:
            rows.append(
                {
                    "structure": structure,
                    "readers": count,
                    "width": round(expected_width(population, count, generated), 4),
                    "power": round(expected_power(population, study.equivalence_margin, count, study.form_length), 4),
                }
            )
    return {"generated_images": generated, "images": study.form_length, "rate": RATE, "rows": rows}


def _item(prompt: str, answer: str, sampling: dict[str, Any] | None) -> dict[str, str]:
    item = {"prompt": prompt, "answer": answer}
    return item | ({"table": PRECISION} if sampling and prompt == WHY_SIZE else {})


def _sections(
    study: Study, own: dict[str, Any], sampling: dict[str, Any] | None
) -> list[tuple[str, list[tuple[str, str]]]]:
    margin = f"{study.equivalence_margin:g}"
    estimated = PAIRS_ESTIMATED if study.forced_choice else ESTIMATED
    share = "proportion correct" if study.forced_choice else "accuracy"
    return [
        (
            "Study information",
            [
                ("Title", study.title),
                ("Authors", AUTHOR),
                (
                    "Description",
                    f"{_described(study)} Diagnoses: {', '.join(study.diagnoses)}.",
                ),
                (
                    "Hypotheses",
                    preregistration_unjudged.hypotheses(study, own)
                    if not study.asks_judgement
                    else f"1. {estimated} is estimated, with an interval; no value of it is tested. 2. Readers cannot "
                    f"tell the images apart: their {share} lies within 0.5 +- {margin}. That is claimed only if two "
                    "one-sided tests show it; to miss it is no evidence of a difference. "
                    f"{own.get('hypotheses', '')}".strip(),
                ),
            ],
        ),
        ("Design plan", design_plan(study)),
        ("Sampling plan", sampling_plan(study, own, sampling)),
        ("Variables", variables(study)),
        ("Analysis plan", analysis_plan(study, own, planned_analyses(study))),
        ("Other", [("Anything else", own.get("other") or NOT_WRITTEN)]),
    ]


# For each section of the results page, the keys of the analysis that it shows.
SHOWN = {
    "rates": ("fooling_rate", "accuracy", "real_judged_real", "forced_choice"),
    "images": ("by_image",),
    "detection": ("auc", "dprime"),
    "readers": ("by_reader",),
    "differences": (),
    "time": ("response_times",),
    "exposure": ("exposure_threshold",),
    "questions": ("questions",),
    "noticing": ("noticing",),
    "controls": ("controls",),
}
NAMES = {
    "fooling_rate": "the fooling rate",
    "accuracy": "accuracy",
    "equivalence": "its test of equivalence to guessing",
    "real_judged_real": "the share of real images judged real",
    "exposure_threshold": "the exposure threshold",
    "forced_choice": "the proportion correct",
    "forced_choice.dprime": "its d'",
    "forced_choice.equivalence": "its test of equivalence to guessing",
    "forced_choice.left": "the share of choices of the left image",
    "controls": "the controls",
    "noticing": "the share of readers who noticed",
}


def marks(study: Study) -> dict[str, Any]:
    """For the results page: which of its sections were preregistered. Empty if there is no sealed plan."""
    found = Preregistration.objects.filter(study=study, is_sealed=True).first()
    if found is None:
        return {}
    planned = json.loads(found.document)["planned"]
    keys = {one.partition(".")[0] for one in (*planned["primary"], *planned["secondary"])}
    sections = {name: "preregistered" if keys.intersection(shown) else "exploratory" for name, shown in SHOWN.items()}
    factors = [factor_name(one) for one in planned["comparisons"]]
    if factors:
        sections["differences"] = f"preregistered by {' and '.join(factors)}, otherwise exploratory"
    named = [NAMES.get(key, key.removeprefix("questions.")) for key in (*planned["primary"], *planned["secondary"])]
    named += [f"differences by {factor}" for factor in factors]
    listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    return {"found": found, "sections": sections, "named": listed}


def _described(study: Study) -> str:
    if not study.asks_judgement:
        return UNJUDGED_DESCRIBED
    return PAIRS_DESCRIBED if study.forced_choice else DESCRIBED
