"""Checks the questions that a researcher gives: as JSON, in a file or in the form.

`docs/questions.md` describes the format. Every error names the question and the key with the mistake.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from console import UNSTORABLE, UserError
from files import read_file
from gan.models import normalise_diagnosis
from turing.errors import StudyError
from turing.models.questions import (
    AFTER_GENERATED,
    CUES,
    ENDS,
    MAY_ASK_CONFIDENCE,
    SCALE_LEVELS,
    SCALES,
    TESTED,
    WORDINGS,
    Kind,
)

MOST = 12  # most questions of a study
MOST_OPTIONS = 20
LONGEST_WORDING, LONGEST_LABEL, LONGEST_NAME = 200, 60, 30  # characters
FILE_BYTES = 1_000_000
NAME = re.compile(r"[a-z][a-z0-9_]*")
DEFAULT_MARGIN = 0.1
TESTS = ("difference", "equivalence")
KEYS = ("type", "name", "question", "required", "confidence", "primary", "test", "margin", "options", "levels",
        "low", "high")  # fmt: skip
# In addition to the keys that every question may have.
KEYS_OF = {
    Kind.DIAGNOSIS: {"options"},
    Kind.CUES: {"options"},
    **{kind: {"levels", "low", "high"} for kind in SCALES},
}

Stored = dict[str, Any]  # a question as stored in `Study.questions`


class QuestionError(StudyError):
    """A mistake in one question. `key` says where; `place` is the question's number from 1, or 0 for the whole list."""

    def __init__(self, place: int, key: str, message: str) -> None:
        super().__init__(f"question {place}, {key}: {message}" if place else message)
        self.place, self.key, self.message = place, key, message


def read_questions(path: Path) -> list[Stored]:
    """The questions in a JSON file: a list, or an object with the key `questions`. Raises `StudyError`."""
    try:
        content = json.loads(read_file(path, FILE_BYTES, pipes=True).decode("utf-8-sig"))
    except UserError as error:
        raise StudyError(f"--questions: {error}") from None
    except UnicodeDecodeError:
        raise StudyError(f"--questions {path}: not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise StudyError(f"--questions {path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    except (RecursionError, ValueError):
        raise StudyError(f"--questions {path}: not valid JSON.") from None
    if isinstance(content, dict):
        if set(content) != {"questions"}:
            raise StudyError(f"--questions {path}: an object holds the one key 'questions', a list.")
        content = content["questions"]
    try:
        return check_questions(content)
    except QuestionError as error:
        raise StudyError(f"--questions {path}, {error}") from None


def check_questions(given: Any) -> list[Stored]:
    """The questions as they are stored; empty if only the judgement is asked. Raises `QuestionError`."""
    if not isinstance(given, list):
        raise QuestionError(0, "", "the questions must be a list.")
    if len(given) > MOST:
        raise QuestionError(0, "", f"there are {len(given)} questions; a study has {MOST} at most.")
    found = [_check(place, one) for place, one in enumerate(given, start=1)]
    names: dict[str, int] = {}
    for place, one in enumerate(found, start=1):
        if (earlier := names.setdefault(one["name"], place)) != place:
            what = "name" if one["type"] != Kind.JUDGEMENT else "type"
            raise QuestionError(place, what, f"{one['name']!r} is taken by question {earlier}.")
    if not any(one["type"] == Kind.JUDGEMENT for one in found):
        found.insert(0, {"type": str(Kind.JUDGEMENT), "name": "judgement", "primary": True})
    for kind in AFTER_GENERATED:
        if sum(one["type"] == kind for one in found) > 1:
            raise QuestionError(0, "", f"a question of the type {kind} is asked once.")
    return found if len(found) > 1 else []


def as_given(stored: Stored) -> dict[str, Any]:
    """A stored question with the keys of the JSON format, so that it can be checked, changed and stored again."""
    left_out = {"wording", "cues"} | ({"required"} if stored["type"] in AFTER_GENERATED else set())
    found = {key: value for key, value in stored.items() if key not in left_out and value is not None}
    if stored.get("wording"):
        found["question"] = stored["wording"]
    if "cues" in stored:
        found["options"] = stored["cues"]
    return found


def diagnoses_problem(questions: Iterable[Stored], diagnoses: Sequence[str]) -> str:
    """What a question about the diagnosis lacks for the study's diagnoses; '' if nothing."""
    for one in questions:
        if one["type"] != Kind.DIAGNOSIS:
            continue
        for name in diagnoses:
            labels = [option["label"] for option in one["options"] if name in option["diagnoses"]]
            if not labels:
                return f"{one['name']}, options: none is right for {name}, a diagnosis of the study."
    return ""


def _check(place: int, given: Any) -> Stored:
    if not isinstance(given, dict):
        raise QuestionError(place, "type", 'a question is an object such as {"type": "realism"}.')
    kind = given.get("type")
    if kind not in Kind.values:
        raise QuestionError(place, "type", f"{_shown(kind)} is none of {', '.join(Kind.values)}.")
    _check_keys(place, given, kind)
    name = given.get("name", kind)
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > LONGEST_NAME or "__" in name:
        raise QuestionError(
            place, "name", f"{_shown(name)} must be up to {LONGEST_NAME} small letters, digits and single underscores, "
            "a letter first.",
        )  # fmt: skip
    if kind == Kind.JUDGEMENT:
        if name != "judgement":
            raise QuestionError(place, "name", "the judgement is always called 'judgement'.")
        return {"type": kind, "name": name, "primary": _switch(place, given, "primary", True)}
    found: Stored = {
        "type": kind,
        "name": name,
        "wording": _text(place, given, "question", LONGEST_WORDING, needed=kind not in WORDINGS),
        "required": kind not in AFTER_GENERATED and _switch(place, given, "required", kind != Kind.TEXT),
    }
    if kind in MAY_ASK_CONFIDENCE:
        found["confidence"] = _switch(place, given, "confidence", False)
    if kind == Kind.DIAGNOSIS:
        found["options"] = _options(place, given.get("options"))
    if kind == Kind.CUES:
        found["cues"] = _cues(place, given.get("options", list(CUES)))
    if kind in SCALES:
        found["levels"] = _levels(place, given)
        for end in ("low", "high"):
            found[end] = _text(place, given, end, LONGEST_LABEL, needed=kind not in ENDS)
    if kind in TESTED:
        found |= _test(place, given, kind, found.get("levels", 2) - 1)
    return found


def _check_keys(place: int, given: dict[str, Any], kind: str) -> None:
    special = set().union(*KEYS_OF.values())
    allowed = {key for key in KEYS if key not in special} | KEYS_OF.get(Kind(kind), set())
    allowed -= (
        {"required"} if kind in AFTER_GENERATED else set()
    )  # may stay empty, because perhaps nothing gave the image away
    allowed -= set() if kind in MAY_ASK_CONFIDENCE else {"confidence"}
    allowed -= set() if kind in TESTED else {"primary", "test", "margin"}
    if kind == Kind.JUDGEMENT:
        allowed = {"type", "name", "primary"}
    for key in given:
        if key not in allowed:
            known = ", ".join(one for one in KEYS if one in allowed)
            raise QuestionError(place, _shown(key), f"a question of the type {kind} has no such key; it has {known}.")


def _switch(place: int, given: dict[str, Any], key: str, default: bool) -> bool:
    value = given.get(key, default)
    if not isinstance(value, bool):
        raise QuestionError(place, key, f"{_shown(value)} must be true or false.")
    return value


def _text(place: int, given: dict[str, Any], key: str, longest: int, *, needed: bool) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise QuestionError(place, key, f"{_shown(value)} must be a text.")
    value = unicodedata.normalize("NFC", value).strip()
    if needed and not value:
        raise QuestionError(place, key, "a text is needed: there is no wording of the platform's own for it.")
    if len(value) > longest:
        raise QuestionError(place, key, f"it has {len(value)} characters; {longest} are allowed.")
    if UNSTORABLE.search(value) or any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in value):
        raise QuestionError(place, key, "it must be one line of text, without control characters.")
    return value


def _options(place: int, given: Any) -> list[dict[str, Any]]:
    """Diagnoses to choose from. Each is right for the images of the diagnoses that it names."""
    if not isinstance(given, list) or not 2 <= len(given) <= MOST_OPTIONS:
        raise QuestionError(place, "options", f"a list of 2 to {MOST_OPTIONS} diagnoses is needed.")
    found: list[dict[str, Any]] = []
    for one in given:
        if isinstance(one, str):
            one = {"label": one, "diagnoses": [one]}
        if not isinstance(one, dict) or set(one) != {"label", "diagnoses"} or not isinstance(one["diagnoses"], list):
            raise QuestionError(place, "options", f"{_shown(one)} must be a text, or have a label and diagnoses.")
        label = _text(place, {"options": one["label"]}, "options", LONGEST_LABEL, needed=True)
        named = [_text(place, {"options": name}, "options", 120, needed=True) for name in one["diagnoses"]]
        found.append({"label": label, "diagnoses": [normalise_diagnosis(name) for name in named]})
    _once(place, [one["label"].casefold() for one in found])
    _once(place, [name for one in found for name in one["diagnoses"]])
    return found


def _cues(place: int, given: Any) -> list[str]:
    if not isinstance(given, list) or not 2 <= len(given) <= MOST_OPTIONS:
        raise QuestionError(place, "options", f"a list of 2 to {MOST_OPTIONS} cues is needed.")
    found = [_text(place, {"options": one}, "options", 30, needed=True) for one in given]
    if odd := next((one for one in found if ";" in one), None):
        raise QuestionError(place, "options", f"{odd!r} holds a semicolon, which divides cues in the export.")
    _once(place, [one.casefold() for one in found])
    return found


def _once(place: int, names: list[str]) -> None:
    if twice := next((one for index, one in enumerate(names) if one in names[:index]), None):
        raise QuestionError(place, "options", f"{twice!r} is named twice.")


def _levels(place: int, given: dict[str, Any]) -> int:
    levels = given.get("levels", SCALE_LEVELS[0])
    if isinstance(levels, bool) or levels not in SCALE_LEVELS:
        raise QuestionError(place, "levels", f"{_shown(levels)} must be {SCALE_LEVELS[0]} or {SCALE_LEVELS[1]}.")
    return int(levels)


def _test(place: int, given: dict[str, Any], kind: str, width: int) -> Stored:
    """The test and margin of the question; `width` is that of the range of answers, the unit of the margin."""
    test = given.get("test", TESTS[0])
    if test not in TESTS:
        raise QuestionError(place, "test", f"{_shown(test)} must be {' or '.join(TESTS)}.")
    margin = given.get("margin", DEFAULT_MARGIN if kind == Kind.DIAGNOSIS else None)
    is_number = isinstance(margin, (int, float)) and not isinstance(margin, bool)
    if margin is not None and not (is_number and 0 < margin < width):
        raise QuestionError(place, "margin", f"{_shown(margin)} must be a number between 0 and {width}.")
    if test == "equivalence" and margin is None:
        raise QuestionError(place, "margin", "a test of equivalence needs a margin.")
    primary = _switch(place, given, "primary", False)
    return {"primary": primary, "test": test, "margin": None if margin is None else float(margin)}


def _shown(value: Any) -> str:
    return repr(value)[:40]
