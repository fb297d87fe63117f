"""The codebook as a Frictionless Data Package: what each column of the archive's tables means."""

from typing import Any

from turing.accounts import BANDS, Profession, Specialty
from turing.models import Study, Trial, Truth
from turing.results import profiles
from turing.results.archive import manifest
from turing.results.question_columns import described
from turing.results.responses_csv import COLUMNS as LEADING

TRUTHS = list(Truth.values)
YES_NO = {"enum": ["yes", "no"], "required": True}
BAND_NAMES = [band for _, band in BANDS] + ["20+"]


# In a study of pairs: what the columns hold, and the additional columns.
OF_PAIRS = {
    "image": "The image on the left: `id` in stimuli.csv.",
    "truth": "What the image on the left is; the one on the right is the other.",
    "diagnosis": "Of both images of the pair.",
    "response": "What the reader said of the image on the left: 'generated' where they chose it as the generated one "
    "of the two, 'real' where they chose the right one. The answer is right where response and truth are equal.",
    "trial_index": "Position of the pair in the reader's own order, from 1.",
    "run": "The generator of the pair's generated image: `id` under `generators` in design.json.",
    "form_trials": "Pairs in the reader's form; fewer answers than that are a drop-out.",
}
PAIR_OF_RESPONSE = [
    {
        "name": "pair", "type": "integer", "description": "The pair: `pair` in stimuli.csv. The same two images for "
        "every reader, on sides that differ.", "constraints": {"minimum": 1, "required": True},
    },
    {
        "name": "partner", "type": "string", "description": "The image on the right: `id` in stimuli.csv.",
        "constraints": {"required": True},
    },
]  # fmt: skip
PAIR_OF_STIMULUS = [
    {
        "name": "pair", "type": "integer", "description": "The real and the generated image of this number were shown "
        "side by side; matched at random when the study opened.", "constraints": {"minimum": 1, "required": True},
    },
]  # fmt: skip
# Of columns that are written by `tables.as_text_cell`.
TEXT = "After an apostrophe where it begins like a formula, so that no spreadsheet computes it."


def data_package(study: Study, full_profiles: bool) -> dict[str, Any]:
    """datapackage.json: the two tables, their columns, and how the tables are related."""
    responses = _resource(
        "responses", "data/responses.csv", "One row an answer, in the order of reader and trial.",
        _response_fields(study, full_profiles), ["reader", "trial_index"],
    )  # fmt: skip
    responses["schema"]["foreignKeys"] = [
        {"fields": name, "reference": {"resource": "stimuli", "fields": "id"}}
        for name in ("image", *(["partner"] if study.forced_choice else []))
    ]
    fields = _stimulus_fields() + (PAIR_OF_STIMULUS if study.forced_choice else [])
    stimuli = _resource("stimuli", "stimuli.csv", "One row a stimulus, practice images among them.", fields, ["id"])
    return {
        "profile": "tabular-data-package",
        "name": study.slug,
        "title": study.title,
        "description": _described(study),
        "id": f"sha256:{study.design_hash}",
        "resources": [responses, stimuli],
    }


def _resource(name: str, path: str, description: str, fields: list[dict], key: list[str]) -> dict[str, Any]:
    return {
        "profile": "tabular-data-resource",
        "name": name,
        "path": path,
        "description": description,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "header": True},
        "schema": {"fields": fields, "primaryKey": key, "missingValues": [""]},
    }


def _field(name: str, type: str, description: str, **constraints: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "type": type, "description": description}
    return found | ({"constraints": constraints} if constraints else {})


def _response_fields(study: Study, full_profiles: bool) -> list[dict[str, Any]]:
    withheld = (
        ""
        if full_profiles
        else f" Empty where fewer than {profiles.LEAST} readers would share profession, specialty and experience."
    )
    levels = {"maximum": study.confidence_levels} if study.asks_confidence else {}
    fields = [
        _field("reader", "string", "Pseudonym, drawn at random at registration.", required=True),
        _field("image", "string", "The stimulus: `id` in stimuli.csv.", required=True),
        _field("truth", "string", "What the image is.", enum=TRUTHS, required=True),
        _field("diagnosis", "string", "Of the lesion, or the one that the generator was asked to draw."),
        _field("response", "string", "What the reader took it for.", enum=TRUTHS, required=True)
        if study.asks_judgement
        else _field("response", "string", "Empty: readers were not asked what the image is."),
        _field("confidence", "integer", "From 1, a guess; empty where the study did not ask.", minimum=1, **levels),
        _field("rt_ms", "integer", "Milliseconds from first paint to choice, in the browser.", minimum=0),
        _field("trial_index", "integer", "Position in the reader's own order, from 1.", minimum=1, required=True),
        _field(
            "phase", "string",
            "test: counts in every rate. repeat: an image shown again, for intra-reader agreement. control: an image "
            "of a control, in no rate.",
            enum=[Trial.Phase.TEST, Trial.Phase.REPEAT, Trial.Phase.CONTROL], required=True,
        ),
        _field("profession", "string", f"As the reader gave it.{withheld}", enum=list(Profession.values)),
        _field("specialty", "string", f"As the reader gave it.{withheld}", enum=list(Specialty.values)),
        _field("experience", "string", f"Years of experience in bands.{withheld}", enum=BAND_NAMES),
        _field("run", "integer", "The generator of a generated image: `id` under `generators` in design.json."),
        _field("simulated", "string", "Whether a computer drew the answer; never mixed with people's.", **YES_NO),
        _field(
            "since_previous_ms", "integer",
            "From the arrival of the answer before at the server to the arrival of this one; empty after a gap, and "
            "where one of the two is a correction.",
        ),
        _field("exposure_ms", "integer", "For which the image was to be shown; empty where readers looked at will."),
        _field("shown_ms", "integer", "For which the browser measured that it was shown."),
        _field("dropped_frames", "integer", "Frames that the screen skipped while the image was shown."),
        _field("form_trials", "integer", "Test images in the reader's form; fewer answers than that are a drop-out."),
        _field(
            "away_ms", "integer", "Of rt_ms: the page was hidden or another window had the keyboard; left out of "
            "response times.", minimum=0,
        ),
        _field(
            "zoom_percent", "integer", "The largest enlargement until the judgement, 100: none; empty where nobody "
            "could zoom.",
        ),
        _field("zoomed_ms", "integer", "For which a part of the image was enlarged until the judgement.", minimum=0),
        _field(
            "changes", "integer", "Earlier answers to this image that the reader corrected; the last one counts, with "
            "its own time where it changed the choice.", minimum=0, required=True,
        ),
        _field("first_answer", "string", "What the first of them said; empty where none was corrected.", enum=TRUTHS),
    ]  # fmt: skip
    assert tuple(field["name"] for field in fields[: len(LEADING)]) == LEADING
    if study.forced_choice:
        told = {name: {"description": text} for name, text in OF_PAIRS.items()}
        fields = [field | told.get(field["name"], {}) for field in fields] + PAIR_OF_RESPONSE
    return fields + _question_fields(study, full_profiles)


def _question_fields(study: Study, full_profiles: bool) -> list[dict[str, Any]]:
    withheld = "" if full_profiles else " Left out here: readers may have named somebody."
    return [
        _field(name, type, description, **constraints)
        for question in study.further_questions
        for name, type, description, constraints in described(question, withheld)
    ]


def _stimulus_fields() -> list[dict[str, Any]]:
    return [
        _field("id", "string", "Random; the address under which readers saw the image.", required=True),
        _field("truth", "string", "What the image is.", enum=TRUTHS, required=True),
        _field("diagnosis", "string", "Of the lesion, or the one that the generator was asked to draw."),
        _field("practice", "string", "Shown for practice, with feedback; counts in no result.", **YES_NO),
        _field("control", "string", "Of a control, in no rate; a real one was made worse on purpose.", **YES_NO),
        _field(
            "source", "string", f"A real image's id in its collection (such as ISIC); a generated one's origin. {TEXT}"
        ),
        _field("generator", "integer", "`id` under `generators` in design.json; empty for real images."),
        _field("latent_seed", "integer", "With the generator it gives the same image again."),
        _field("truncation", "number", "By which the latent was multiplied."),
        _field("phantom", "string", "Drawn by the software in the place of a real image.", **YES_NO),
        _field("licence", "string", f"Of the real image; '{manifest.OWN}' for generated ones. {TEXT}", required=True),
        _field("attribution", "string", f"Whom the licence asks to name. {TEXT}"),
        _field("sha256", "string", "Of the stimulus's PNG file.", pattern="[0-9a-f]{64}", required=True),
        _field("redistributable", "string", "Whether the licence allows to publish the cropped copy.", **YES_NO),
        _field("file", "string", "The image in this archive; empty where it is not in it."),
    ]


def _described(study: Study) -> str:
    if not study.asks_judgement:
        return "A purpose-blinded reader study: do answers to real and to generated images of skin lesions differ?"
    if study.forced_choice:
        return "A blinded reader study: which image of a pair is the generated one?"
    return "A blinded reader study: were images of skin lesions taken for real or for generated?"
