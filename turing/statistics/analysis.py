"""Computes all figures of a study from its responses, with the keys that exports and pages rely on."""

from dataclasses import replace
from typing import Any

import numpy as np

from turing.statistics.agreement import agreement, intra_reader
from turing.statistics.auc import mrmc_auc, reader_aucs
from turing.statistics.caveats import FEW_IMAGES, FEW_READERS
from turing.statistics.comparisons import ALPHA, compare, equivalence, hype_infinity
from turing.statistics.course import learning, reader_medians, response_times
from turing.statistics.detection import calibration, detection, dprime_criterion, reader_counts, roc_curves
from turing.statistics.dropout import dropout
from turing.statistics.forced_choice import forced_choice
from turing.statistics.intervals import LEVEL, Estimate, score_interval
from turing.statistics.kinds import reader_kinds
from turing.statistics.looks import Looks
from turing.statistics.model import reader_image_model
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.proportions import rate_json, wilson
from turing.statistics.questions import Plan, analyse_questions
from turing.statistics.responses import Responses
from turing.statistics.thresholds import exposure_threshold
from turing.statistics.unjudged import without_judgement
from turing.statistics.withheld import without_empty_intervals

DEFAULT_MARGIN = 0.1
TWO_KINDS = (
    "fooling_rate: the readers seem to be of two kinds, and the interval may cover less than 95%; "
    "that of reader_kinds allows for it"
)
PAIRS = "pairs: a choice between two images judges neither of them, so that no figure of single images is given"


def analyse(
    responses: Responses, margin: float = DEFAULT_MARGIN, looks: Looks | None = None, plan: Plan = ()
) -> dict[str, Any]:
    """Compute every figure of a study.

    Args:
        responses: the answers. Repeated images count only for agreement within readers.
        margin: the margin of the equivalence test: accuracy within 0.5 +- margin. It belongs in a study's design and is
            fixed before the first answer.
        looks: given if results were looked at, or are looked at now, before all answers came. Intervals of rates, of
            the AUC and of HYPE-infinity are then repeated confidence intervals (Jennison and Turnbull 1989), and the
            equivalence test needs a smaller p-value.
        plan: the study's questions, as its design keeps them.

    Returns:
        Plain JSON values. A figure that could not be computed is None, and `warnings` says why.
    """
    return without_empty_intervals(analyse_in_full(responses, margin, looks, plan))


def analyse_in_full(
    responses: Responses, margin: float = DEFAULT_MARGIN, looks: Looks | None = None, plan: Plan = ()
) -> dict[str, Any]:
    """As `analyse`, but also with intervals that are as wide as their scale; earlier versions reported these."""
    if responses.is_pairs:
        return _of_pairs(responses, margin)
    tests, repeats = responses.where(~responses.is_repeat), responses.where(responses.is_repeat)
    if not responses.asks_judgement and len(responses):
        nothing = analyse_in_full(responses.where(np.zeros(len(responses), bool)), margin, looks)
        found = without_judgement(tests, nothing, plan)
        return found | {"warnings": [*found["warnings"], *_few(tests)]}
    generated, warnings = tests.where(~tests.is_real), _few(tests)
    level = looks.now.level if looks else LEVEL
    fooling = _rate(generated, "judged_real", "fooling_rate", warnings, level)
    accuracy = _rate(tests, "correct", "accuracy", warnings, level)
    auc = _auc(tests, "auc", warnings, level)
    by_diagnosis = {
        name: _diagnosis(tests.where(tests.diagnosis == code), name, warnings, level)
        for code, name in enumerate(tests.diagnosis_names)
        if (tests.diagnosis == code).any()
    }
    kinds = reader_kinds(generated.reader, generated.judged_real, fooling, level)
    if kinds and kinds["two_kinds"]:
        warnings.append(TWO_KINDS)
    analysis = {
        "asks_judgement": responses.asks_judgement,
        "counts": _counts(tests),
        "fooling_rate": rate_json(fooling, tests.judged_real[~tests.is_real]),
        "real_judged_real": _real_judged_real(tests, "", warnings, level),
        "accuracy": rate_json(accuracy, tests.correct),
        "variance_components": _components(generated, fooling, warnings),
        "reader_kinds": kinds,
        "dropout": dropout(tests),
        "auc": auc,
        **detection(tests),
        "agreement": agreement(tests),
        "intra_reader": intra_reader(tests, repeats),
        "equivalence": equivalence(accuracy, margin, looks.now.alpha if looks else ALPHA),
        "hype_infinity": hype_infinity(accuracy),
        "by_diagnosis": by_diagnosis,
        "by_run": _by_run(tests, warnings, level),
        "by_reader": _by_reader(tests),
        "by_image": _by_image(tests),
        "roc": roc_curves(tests),
        "calibration": calibration(tests),
        "response_times": response_times(tests),
        "learning": learning(tests),
        "comparisons": _comparisons(tests, warnings),
        "exposure_threshold": exposure_threshold(tests),
        "model": reader_image_model(tests),
        "looks": _looks(looks, {"fooling_rate": fooling, "accuracy": accuracy}) if looks else None,
        "questions": analyse_questions(tests, plan),
        "forced_choice": None,
    }
    return analysis | {"warnings": warnings + _missing(analysis, tests)}


def _of_pairs(responses: Responses, margin: float) -> dict[str, Any]:
    """The analysis of answers to pairs.

    `forced_choice` holds the figures of pairs. Figures that also make sense for pairs, such as response times, are
    computed as usual. Figures of single images are as in an analysis without answers, because a choice between two
    images does not judge either of them.
    """
    tests = responses.where(~responses.is_repeat)
    nothing = analyse_in_full(replace(responses.where(np.zeros(len(responses), bool)), is_pairs=False), margin)
    pairs, counts = len(np.unique(tests.image)), dict.fromkeys(nothing["counts"])
    warnings = [*_few(tests), PAIRS]
    return nothing | {
        "counts": counts | {"readers": len(np.unique(tests.reader)), "images": 2 * pairs, "responses": len(tests)},
        "forced_choice": forced_choice(tests, margin, warnings),
        "calibration": calibration(tests),
        "response_times": response_times(tests),
        "learning": learning(tests),
        "warnings": warnings,
    }


def _few(tests: Responses) -> list[str]:
    images = tests.image if tests.is_pairs else tests.image[~tests.is_real]
    found = []
    for name, count, few in (
        ("reader", len(np.unique(tests.reader)), FEW_READERS),
        ("pair" if tests.is_pairs else "generated image", len(np.unique(images)), FEW_IMAGES),
    ):
        if 0 < count < few:
            plural = "" if count == 1 else "s"
            found.append(
                f"{count} {name}{plural} only: intervals were not validated below {few} and may cover less than 95%"
            )
    return found


def _looks(looks: Looks, rates: dict[str, Estimate]) -> dict[str, Any]:
    """The boundary that this analysis is judged by, and under `unlooked` the 95% intervals as if nobody had looked."""
    now = looks.now
    return {
        "planned_answers": looks.planned,
        "answers": list(looks.answers),
        "fraction": now.fraction,
        "z": now.z,
        "level": now.level,
        "alpha": now.alpha,
        "unlooked": {
            name: list(score_interval(rate.estimate, rate.spread))
            if rate.spread and rate.estimate is not None
            else None
            for name, rate in rates.items()
        },
    }


def _rate(rows: Responses, score: str, name: str, warnings: list[str], level: float) -> Estimate:
    names = {False: "generated", True: "real"}
    rate = mrmc_rate(rows.reader, rows.image, getattr(rows, score), rows.is_real, names, level)
    warnings.extend(f"{name}: {warning}" for warning in rate.warnings)
    return rate


def _auc(rows: Responses, name: str, warnings: list[str], level: float) -> dict[str, Any] | None:
    """The AUC averaged over readers and, under `imrmc`, the AUC in which every comparison has the same weight."""
    values = rows.reader, rows.image, ~rows.is_real, rows.score
    auc = mrmc_auc(*values, level=level)
    warnings.extend(f"{name}: {warning}" for warning in auc.warnings)
    if auc.estimate is None:
        return None
    is_crossed = len(rows) == len(np.unique(rows.reader)) * len(np.unique(rows.image))
    return _auc_json(auc) | {
        "imrmc": _auc_json(auc if is_crossed else mrmc_auc(*values, weigh="comparisons", level=level))
    }


def _auc_json(auc: Estimate) -> dict[str, Any]:
    interval = list(auc.ci95) if auc.ci95 else None
    return {"estimate": auc.estimate, "variance": auc.variance, "df": auc.df, "ci95": interval, "method": auc.method}


def _real_judged_real(rows: Responses, label: str, warnings: list[str], level: float) -> dict[str, Any]:
    real = rows.where(rows.is_real)
    return rate_json(_rate(real, "judged_real", f"{label}real_judged_real", warnings, level), real.judged_real)


def _by_run(tests: Responses, warnings: list[str], level: float) -> dict[str, Any]:
    """The fooling rate of each generator, by its id; empty if there are fewer than two generators."""
    labels = tests.factors.get("run", np.array([""] * len(tests)))
    names = sorted({str(one) for one in labels[~tests.is_real]} - {""})
    found = {}
    for name in names if len(names) > 1 else ():
        rows = tests.where(~tests.is_real & (labels == name))
        rate = _rate(rows, "judged_real", f"generator {name}, fooling_rate", warnings, level)
        found[name] = {"fooling_rate": rate_json(rate, rows.judged_real), "images": len(np.unique(rows.image))}
    return found


def _diagnosis(rows: Responses, name: str, warnings: list[str], level: float) -> dict[str, Any]:
    label = f"{name or 'no diagnosis'}, "
    generated = rows.where(~rows.is_real)
    fooling = _rate(generated, "judged_real", f"{label}fooling_rate", warnings, level)
    return {
        "fooling_rate": rate_json(fooling, generated.judged_real),
        "real_judged_real": _real_judged_real(rows, label, warnings, level),
        "accuracy": rate_json(_rate(rows, "correct", f"{label}accuracy", warnings, level), rows.correct),
        "auc": _auc(rows, f"{label}auc", warnings, level),
    }


def _counts(rows: Responses) -> dict[str, int]:
    real, judged_real = rows.is_real, rows.judged_real
    return {
        "readers": len(np.unique(rows.reader)),
        "images": len(np.unique(rows.image)),
        "responses": len(rows),
        "generated_responses": int((~real).sum()),
        "generated_judged_real": int((~real & judged_real).sum()),
        "real_responses": int(real.sum()),
        "real_judged_real": int((real & judged_real).sum()),
    }


def _components(generated: Responses, fooling: Estimate, warnings: list[str]) -> dict[str, float] | None:
    """Unbiased variance components of one response; None unless every reader answered every image."""
    readers, images = len(np.unique(generated.reader)), len(np.unique(generated.image))
    if fooling.spread is None or len(generated) != readers * images:
        if fooling.spread is not None:
            warnings.append("variance_components: not every reader answered every generated image")
        return None
    spread = fooling.spread
    return {
        "reader": spread.readers * readers,
        "image": spread.images * images,
        "residual": spread.residual * readers * images,
    }


def _by_reader(rows: Responses) -> list[dict[str, Any]]:
    hits, generated, false_alarms, real = reader_counts(rows)
    answered = generated + real
    dprime, criterion = dprime_criterion(hits, generated, false_alarms, real)
    aucs = reader_aucs(rows.reader, ~rows.is_real, rows.score) if len(rows) else np.array([])
    medians = reader_medians(rows)
    # One reader has no spread between readers, so the binomial interval is given for these images.
    low, high = wilson(generated - hits, generated)
    with np.errstate(invalid="ignore", divide="ignore"):
        fooled, kept = (generated - hits) / generated, (real - false_alarms) / real
        accuracy = (hits + real - false_alarms) / answered
    both = (generated > 0) & (real > 0)
    return [
        {
            "reader": rows.reader_names[index],
            "responses": int(answered[index]),
            "fooling_rate": _number(fooled[index]),
            "fooling_rate_wilson": [float(low[index]), float(high[index])] if generated[index] else None,
            "real_judged_real": _number(kept[index]),
            "accuracy": _number(accuracy[index]),
            "auc": _number(aucs[index]) if both[index] else None,
            "dprime": float(dprime[index]) if both[index] else None,
            "criterion": float(criterion[index]) if both[index] else None,
            "median_ms": _number(medians[index]),
        }
        for index in np.flatnonzero(answered)
    ]


def _by_image(rows: Responses) -> list[dict[str, Any]]:
    codes, first, code = np.unique(rows.image, return_index=True, return_inverse=True)
    counts, judged_real = np.bincount(code), np.bincount(code, rows.judged_real)
    return [
        {
            "image": rows.image_names[name],
            "truth": "real" if rows.is_real[first[index]] else "generated",
            "diagnosis": rows.diagnosis_names[rows.diagnosis[first[index]]],
            "responses": int(counts[index]),
            "judged_real": int(judged_real[index]),
            "rate": float(judged_real[index] / counts[index]),
        }
        for index, name in enumerate(codes)
    ]


def _comparisons(rows: Responses, warnings: list[str]) -> list[dict[str, Any]]:
    found = []
    diagnoses = np.array(rows.diagnosis_names, dtype=object)[rows.diagnosis] if len(rows) else np.array([])
    for factor, labels in {"diagnosis": diagnoses.astype(str), **rows.factors}.items():
        compared, left_out = compare(rows, factor, labels)
        found += compared
        warnings += left_out
    return found


def _missing(analysis: dict[str, Any], tests: Responses) -> list[str]:
    """Warnings about figures that are None and that no other warning explains."""
    found = []
    both = bool(tests.is_real.any() and (~tests.is_real).any())
    if not both:
        found.append("auc, dprime, criterion: real and generated images are both needed")
    elif analysis["auc"] and np.isnan(tests.confidence).any():
        found.append("auc: where no confidence was given, it counts as 1")
    if both and tests.is_real.mean() != 0.5:
        found.append("hype_infinity: its protocol shows as many real as generated images; here the shares differ")
    if analysis["equivalence"] is None:
        found.append("equivalence: accuracy has no variance that could be computed")
    if analysis["exposure_threshold"]:
        found.append(
            "rates: images were shown for a moment, as long as each reader's staircase said; they hold for that"
        )
    missing = [name for name, value in analysis["agreement"].items() if value is None]
    if missing:
        found.append(f"agreement: {', '.join(missing)} undefined: answers all alike, or one reader an image")
    return found


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
