"""The analysis as everybody may see it: without names, and without figures about fewer than five readers.

The headline and other figures of all readers together stay, however few readers there are; the page says how many.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from django.core.cache import cache

from turing.models import Study, Truth
from turing.results.attention import hurried_sentence
from turing.results.counting import Population, test_rows, version_of
from turing.results.exports import csv_of, rows
from turing.results.looks import analysed_looks
from turing.results.profiles import LEAST, with_shared_profiles
from turing.results.responses_csv import parse_responses
from turing.results.study_analysis import KEPT_SECONDS, SHAPE, Analysis

Row = dict[str, Any]
# Figures of all readers together. A new figure of the analysis stays unpublished until somebody adds it here.
OF_ALL = (
    "asks_judgement", "counts", "fooling_rate", "real_judged_real", "accuracy", "auc", "dprime", "criterion",
    "agreement", "intra_reader", "equivalence", "hype_infinity", "looks",
)  # fmt: skip
WITHHELD = "withheld: about fewer than five readers"


def public_analysis(study: Study, population: Population) -> Analysis:
    """The redacted analysis, cached until another answer comes in or a reader withdraws.

    It is empty if nobody answered. Groups of readers are those of the archive, in which five readers share each
    profile. The key `hurried` is `attention.hurried_sentence`, or empty if fewer than five readers answered.
    """
    return cache.get_or_set(
        f"published-{SHAPE}-{version_of(study, population)}", lambda: _compute(study, population), KEPT_SECONDS
    )


def _compute(study: Study, population: Population) -> Analysis:
    from turing.statistics.analysis import (
        analyse,
    )  # imports SciPy, which a web worker loads only with the first analysis

    answers = with_shared_profiles(list(rows(study, population)))
    if not answers:
        return {}
    looks = analysed_looks(study, population)
    responses = parse_responses(csv_of(answers, study).decode())
    found = analyse(responses, study.equivalence_margin, looks, study.questions)
    tests = test_rows(answers)
    hurried = "" if _is_of_few(tests) else hurried_sentence(study, population, is_public=True)
    return redact(found, tests) | {"hurried": hurried}


def redact(analysis: Analysis, answers: list[Row]) -> Analysis:
    """The analysis of `answers` (rows of the responses CSV) without cells of fewer than five readers.

    Readers are numbered in the order of their fooling rates, because a pseudonym is the same in every study of the
    site.
    """
    few = _is_of_few(answers)
    diagnoses = _enough(answers, lambda row: row["diagnosis"])
    generators = _enough(answers, lambda row: str(row["run"]))
    levels = _enough(answers, lambda row: row["confidence"])
    images = _enough(answers, lambda row: row["image"])
    told = {"diagnosis": diagnoses, "run": generators}
    comparisons = [
        row
        for row in analysis["comparisons"]
        if not few and (row["factor"] not in told or {row["first"], row["second"]} <= told[row["factor"]])
    ]
    hidden = [f"{name or 'no diagnosis'}, " for name in analysis["by_diagnosis"] if name not in diagnoses]
    hidden += [f"generator {name}, " for name in analysis["by_run"] if name not in generators]
    return {key: analysis[key] for key in OF_ALL} | {
        "by_diagnosis": {name: values for name, values in analysis["by_diagnosis"].items() if name in diagnoses},
        "by_run": {name: values for name, values in analysis["by_run"].items() if name in generators},
        "by_reader": [] if few else _numbered(analysis["by_reader"]),
        "by_image": [row for row in analysis["by_image"] if row["image"] in images],
        "roc": None if few else _without_names(analysis["roc"], "readers"),
        "calibration": [row for row in analysis["calibration"] if row["confidence"] in levels],
        "response_times": None if few else analysis["response_times"],
        "learning": None if few else _learning(analysis["learning"], answers),
        "comparisons": comparisons,
        "dropout": _dropout(analysis["dropout"]),
        "reader_kinds": None,  # a kind may consist of one reader
        "model": _model(analysis["model"], few, diagnoses, generators, images),
        "exposure_threshold": _thresholds(analysis["exposure_threshold"], few),
        "variance_components": None if few else analysis["variance_components"],
        "questions": [_question(row, answers) for row in analysis["questions"]],
        "forced_choice": _pairs(analysis["forced_choice"], few, diagnoses, generators, _enough(answers, _pair)),
        "warnings": [text for text in analysis["warnings"] if not text.startswith(tuple(hidden))],
    }


def _is_of_few(answers: list[Row]) -> bool:
    return len({row["reader"] for row in answers}) < LEAST


def _pair(row: Row) -> str:
    return str(row.get("pair"))


def _pairs(found: Row | None, few: bool, diagnoses: set, generators: set, pairs: set) -> Row | None:
    """Figures of pairs without readers' names, and only of groups and pairs that five readers judged."""
    if found is None:
        return None
    ranked = [] if few else sorted(found["by_reader"], key=lambda row: row["proportion_correct"])
    return found | {
        "by_diagnosis": {name: values for name, values in found["by_diagnosis"].items() if name in diagnoses},
        "by_run": {name: values for name, values in found["by_run"].items() if name in generators},
        "by_reader": _without_persons(ranked),
        "by_pair": [row for row in found["by_pair"] if row["pair"] in pairs],
    }


def _question(row: Row, answers: list[Row]) -> Row:
    """Figures of all readers together.

    Single answers, single images and questions that few readers answered are withheld.
    """
    kept = {key: value for key, value in row.items() if key not in ("answers_by_truth", "images", "grid")}
    least = min(LEAST, len({one["reader"] for one in answers}))
    if all(_readers_of(row, answers, truth) >= least for truth in Truth.values):
        return kept
    stay = ("name", "kind", "measure", "primary", "test", "levels")
    nothing = {key: [] if key == "cues" else None for key in kept if key not in stay}
    return {key: kept[key] for key in stay if key in kept} | nothing | {"reason": WITHHELD}


def _readers_of(row: Row, answers: list[Row], truth: str) -> int:
    """How many readers answered the question about images of this truth."""
    column = f"{row['kind']}{row.get('levels', '')}__{row['name']}"
    told = [one for one in answers if one["truth"] == truth]
    if row["kind"] in ("cues", "region"):  # asked only after 'generated'; naming no cue is an answer, too
        told = [one for one in told if one["response"] == Truth.GENERATED]
    elif row["kind"] != "judgement":
        told = [one for one in told if one[column] not in (None, "")]
    return len({one["reader"] for one in told})


def _enough(answers: Iterable[Row], key: Callable[[Row], Hashable]) -> set[Hashable]:
    """The values of `key` in the answers of at least five readers."""
    readers = defaultdict(set)
    for row in answers:
        readers[key(row)].add(row["reader"])
    return {value for value, names in readers.items() if len(names) >= LEAST}


def _numbered(by_reader: list[Row]) -> list[Row]:
    return _without_persons(
        sorted(by_reader, key=lambda row: (row["fooling_rate"] is None, row["fooling_rate"], row["accuracy"]))
    )


def _without_persons(ranked: list[Row]) -> list[Row]:
    """Rows of readers with a number, in this order, in place of the pseudonym.

    They have no median time. It tells more about a person than about the images, and no figure of the page needs it.
    """
    return [
        {name: value for name, value in row.items() if name != "median_ms"} | {"reader": f"reader {number}"}
        for number, row in enumerate(ranked, start=1)
    ]


def _without_names(found: Row | None, key: str) -> Row | None:
    if found is None:
        return None
    return found | {key: [{name: value for name, value in row.items() if name != "reader"} for row in found[key]]}


def _learning(found: Row | None, answers: list[Row]) -> Row | None:
    if found is None:
        return None
    blocks = [
        block
        for block in found["blocks"]
        if _enough((row for row in answers if block["from"] <= row["trial_index"] <= block["to"]), lambda row: True)
    ]
    return found | {"blocks": blocks}


def _dropout(found: Row) -> Row:
    """The comparison of readers who stopped with readers who finished, if both are five or more."""
    if min(found["stopped"] or 0, found["finished"] or 0) >= LEAST:
        return found
    nothing: Row = dict.fromkeys(found)
    nested = {
        key: dict.fromkeys(value) for key, value in found.items() if isinstance(value, dict) and key != "difference"
    }
    return nothing | nested | {"reason": WITHHELD}


def _model(found: Row, few: bool, diagnoses: set, generators: set, images: set) -> Row:
    """The model without single readers, and only with images and groups that five readers judged."""
    if few:
        return dict.fromkeys(found) | {"method": found["method"], "reason": WITHHELD}

    def some(key: str, among: set) -> Row | None:
        return {name: value for name, value in (found[key] or {}).items() if name in among} or None

    return found | {
        "by_diagnosis": some("by_diagnosis", diagnoses),
        "by_generator": some("by_generator", generators),
        "by_reader": None,
        "by_image": [row for row in found["by_image"] or () if row["image"] in images] or None,
    }


def _thresholds(found: Row | None, few: bool) -> Row | None:
    if found is None:
        return None
    ranked = [] if few else sorted(found["by_reader"], key=lambda row: row["threshold_ms"])
    return found | {"by_reader": _without_persons(ranked)}
