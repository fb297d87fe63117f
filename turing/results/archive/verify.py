"""Checks an archive: its checksums, the hash of the design, and every number computed again from the answers."""

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from files import DAMAGED_ZIP, shown
from turing.errors import StudyError
from turing.results.archive.packing import SUMS
from turing.results.archive.recomputing import differences
from turing.results.archive.untrusted import NEEDED, entries_of, read_entry, sha256_of
from turing.results.responses_csv import parse_responses
from turing.statistics.responses import Responses
from turing.studies.design import hash_of, stimulus_row
from turing.studies.questions import QuestionError, as_given, check_questions
from turing.version import software

if TYPE_CHECKING:
    from turing.statistics.looks import Looks

NAMED = 5  # differences that are named one by one
LOOKS = "looks.json"


@dataclass(frozen=True)
class Check:
    """One check, and whether it holds."""

    name: str
    holds: bool
    detail: str


def verify_archive(path: Path) -> list[Check]:
    """Run every check. Raises `StudyError` with one line if the file is not an archive of this software."""
    try:
        with _opened(path) as archive:
            entries = entries_of(archive, path)
            checks = [_checksums(archive, entries)]
            content = {name: read_entry(archive, entries[name]) for name in (*NEEDED, LOOKS) if name in entries}
            checks += _contents(content)
            checks += _preregistration(archive, entries, content) + _copy_of_answers(archive, entries, content)
            return [*checks, *_software(archive, entries)]
    except RuntimeError as error:  # encrypted
        raise StudyError(f"{path}: not an archive of this software ({error}).") from None


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise StudyError(f"{shown(path)}: {error.strerror or error}.") from None
    except DAMAGED_ZIP as error:
        raise StudyError(f"{shown(path)}: not a zip, or a damaged one ({error}).") from None


def _checksums(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> Check:
    text = read_entry(archive, entries[SUMS]).decode("utf-8", "replace")
    listed = dict(reversed(line.split("  ", 1)) for line in text.splitlines() if "  " in line)
    wrong = [f"{name} is not listed" for name in entries if name != SUMS and name not in listed]
    for name, digest in listed.items():
        if name not in entries:
            wrong.append(f"{name} is missing")
        elif sha256_of(archive, entries[name]) != digest:
            wrong.append(f"{name} was changed")
    return Check("checksums", not wrong, _first(wrong) or f"{len(listed)} files are as they were packed")


def _contents(content: dict[str, bytes]) -> list[Check]:
    """Check hash, images and figures. A part that cannot be read counts as failed."""
    checks = []
    try:
        design = _object(content["design.json"], "design.json")
        stimuli = _stimuli(content["stimuli.csv"])
        checks += [_design_hash(design, stimuli), _same_design(design)]
        responses = parse_responses(content["data/responses.csv"].decode("utf-8-sig"))
        if responses.is_pairs:
            checks.append(_pairs_belong(content["data/responses.csv"], stimuli))
        else:
            checks.append(_answers_belong(responses, stimuli))
        margin = _inner(design, "design").get("equivalence_margin")
        if not isinstance(margin, float) or not 0 < margin < 0.5:
            raise StudyError(f"design.json: equivalence_margin is {str(margin)[:20]!r}, not a number from 0 to 0.5.")
        taken = looks_of(design, _object(content[LOOKS], LOOKS) if LOOKS in content else {}, responses)
        plan = _plan(_inner(design, "design").get("questions", []))
        published = _object(content["analysis.json"], "analysis.json")
        wrong, count = differences(responses, margin, taken, published, plan)
        checks.append(Check("figures", not wrong, _first(wrong) or f"{count} values of analysis.json are as computed"))
    except StudyError as error:
        text = str(error)
        checks.append(Check("readable", False, f"data/responses.csv{text}" if text.startswith((",", ":")) else text))
    except UnicodeDecodeError:
        checks.append(Check("readable", False, "a file is not UTF-8 text"))
    return checks


def _object(content: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise StudyError(f"{name} is not valid JSON.") from None
    if not isinstance(found, dict):
        raise StudyError(f"{name} is not a JSON object.")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _inner(document: dict[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _stimuli(content: bytes) -> dict[str, dict[str, str]]:
    columns = ("id", "sha256", "truth", "diagnosis", "practice")
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise StudyError(f"stimuli.csv: {error}.") from None
    if not rows or any(row.get(name) is None for row in rows for name in columns):
        raise StudyError(f"stimuli.csv: every row needs the columns {', '.join(columns)}.")
    return {row["id"]: row for row in rows}


def _design_hash(design: dict[str, Any], stimuli: dict[str, dict[str, str]]) -> Check:
    rows = [
        stimulus_row(
            id,
            row["sha256"],
            row["truth"],
            row["diagnosis"],
            row["practice"] == "yes",
            row.get("control") == "yes",
            row.get("pair"),
        )
        for id, row in stimuli.items()
    ]
    stored = str(design.get("design_hash"))
    try:
        computed = hash_of(_inner(design, "hashed"), rows)
    except (UnicodeEncodeError, RecursionError):  # a lone surrogate
        computed = "not to be computed"
    holds = stored == computed
    return Check("design hash", holds, stored[:64] if holds else f"design.json says {stored[:64]}, computed {computed}")


def _same_design(design: dict[str, Any]) -> Check:
    """Check that the design that the archive shows is the one that was hashed."""
    shown = _inner(design, "design")
    wrong = [name for name, value in _inner(design, "hashed").items() if name != "runs" and shown.get(name) != value]
    return Check("design", not wrong, _first([f"{name} is not as hashed" for name in wrong]) or "as it was hashed")


def _answers_belong(responses: Responses, stimuli: dict[str, dict[str, str]]) -> Check:
    """Check that every answered image is a stimulus of the design, with the same truth and diagnosis."""
    wrong = set()
    for image, is_real, diagnosis in zip(responses.image, responses.is_real, responses.diagnosis, strict=True):
        name = responses.image_names[image]
        own = ("real" if is_real else "generated", responses.diagnosis_names[diagnosis])
        stimulus = stimuli.get(name)
        if stimulus is None or (stimulus["truth"], stimulus["diagnosis"].strip()) != own:
            wrong.add(f"image {name[:40]} is not so in stimuli.csv")
    return Check("answers", not wrong, _first(sorted(wrong)) or f"{len(responses)}, all to stimuli of the design")


def _pairs_belong(content: bytes, stimuli: dict[str, dict[str, str]]) -> Check:
    """Check that both images of every answer are those of its pair in the design, with the same truth and diagnosis.

    The file was parsed before, so it has the columns.
    """
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    wrong = set()
    for row in rows:
        left, right = (stimuli.get(str(row.get(name)), {}) for name in ("image", "partner"))
        own = (row["truth"], row.get("diagnosis", ""), row["pair"])
        known = (left.get("truth"), left.get("diagnosis"), left.get("pair"))
        if own != known or right.get("pair") != row["pair"] or right.get("truth") == row["truth"]:
            wrong.add(f"pair {row['pair'][:10]} is not so in stimuli.csv")
    return Check("answers", not wrong, _first(sorted(wrong)) or f"{len(rows)}, all to pairs of the design")


def _plan(given: Any) -> list[dict[str, Any]]:
    """The questions in design.json, with the fields that the analysis needs."""
    if not isinstance(given, list):
        raise StudyError("design.json: questions is not a list.")
    try:
        return check_questions([as_given(one) for one in given])
    except (QuestionError, AttributeError, KeyError, TypeError) as error:
        raise StudyError(f"design.json: questions: {error}") from None


def looks_of(design: dict[str, Any], document: dict[str, Any], responses: Responses) -> "Looks | None":
    """The analyses that spent the error rate, from looks.json. Its plan must be that of the design."""
    from turing.statistics.looks import Looks

    shown = _inner(design, "design")
    if not shown.get("looks"):
        return None
    try:
        images = len(shown["diagnoses"]) * (shown["real_per_diagnosis"] + shown["generated_per_diagnosis"])
        planned = shown["planned_readers"] * (shown["images_per_reader"] or images)
        if document["planned"] != shown["looks"] or document["planned_answers"] != planned:
            raise StudyError(f"{LOOKS}: its planned looks are not those of design.json.")
        taken = [int(look["answers"]) for look in document["taken"]]
        return Looks.with_now(planned, taken, int((~responses.is_repeat).sum())) if taken else None
    except (KeyError, TypeError, ValueError, OverflowError):
        raise StudyError(f"{LOOKS}: it does not tell the looks that were taken.") from None


def _preregistration(
    archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], content: dict[str, bytes]
) -> list[Check]:
    """Check that a preregistration in the archive belongs to this design."""
    entry = entries.get("preregistration.json")
    if entry is None:
        return []
    try:
        stored = _inner(_object(read_entry(archive, entry), "preregistration.json"), "stamp").get("design_hash")
        holds = stored == _object(content["design.json"], "design.json").get("design_hash")
        return [
            Check("preregistration", holds, "of this design" if holds else f"of another design, {str(stored)[:64]}")
        ]
    except StudyError as error:
        return [Check("preregistration", False, str(error))]


def _copy_of_answers(
    archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], content: dict[str, bytes]
) -> list[Check]:
    """Check that the file for Psych-DS holds the same answers. Archives of earlier versions have no such file."""
    names = [name for name in entries if name.startswith("data/") and name.endswith("_data.csv")]
    wrong = [name for name in names if read_entry(archive, entries[name]) != content["data/responses.csv"]]
    told = _first([f"{name} is not data/responses.csv" for name in wrong])
    return [Check("copy for Psych-DS", not wrong, told or "the same answers")] if names else []


def _software(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> list[Check]:
    """Report which software made the archive. Another version is worth knowing, but not a fault."""
    entry = entries.get("software.json")
    if entry is None:
        return []
    try:
        made = _object(read_entry(archive, entry), "software.json")
    except StudyError as error:
        return [Check("software", False, str(error))]
    own = software()
    same = all(made.get(key) == own[key] for key in ("name", "version", "statistics_sha256"))
    detail = f"made by {str(made.get('name'))[:40]} {str(made.get('version'))[:20]}"
    return [
        Check("software", True, f"{detail}, as installed" if same else f"{detail}; computed here with another state")
    ]


def _first(wrong: list[str]) -> str:
    more = f", and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return "; ".join(wrong[:NAMED]) + more
