"""Results of a study's further questions: how answers to real images differ from answers to generated ones.

Every figure takes both readers and images as samples; see `contrasts` and `auc`. A study's design says which questions
are primary and which margin counts as equivalent.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from turing.statistics.auc import mrmc_auc
from turing.statistics.comparisons import holm
from turing.statistics.contrasts import Contrast, contrast, few
from turing.statistics.intervals import Estimate
from turing.statistics.question_answers import CONFIDENCE_LEVELS, QuestionAnswers
from turing.statistics.responses import Responses

MOST_IMAGES = 20  # images that are listed for a cue
CELLS = 8  # cells of the grid of marks, on each side
Row = dict[str, Any]
Plan = Sequence[Mapping[str, Any]]  # a study's questions, as its design keeps them
MEASURES = {"judgement": "judged real", "diagnosis": "right diagnosis", "scale": "mean", "yes_no": "yes"}


def analyse_questions(tests: Responses, plan: Plan = ()) -> list[Row]:
    """One row for each question. The judgement comes first if it was asked.

    Args:
        plan: names primary questions, tests and margins. Without it, no question is primary and there are no margins.

    Returns:
        Rows, empty if only the judgement was asked. Rows of primary questions have `p_holm`, adjusted by Holm over all
            of them.
    """
    if not tests.questions:
        return []
    planned = {str(one["name"]): one for one in plan}
    rows = [_judgement(tests, planned.get("judgement", {}))] if tests.asks_judgement else []
    rows += [_question(tests, one, planned.get(one.name, {})) for one in tests.questions]
    primary = [row for row in rows if row["primary"] and row["p_value"] is not None]
    for row, adjusted in zip(primary, holm([row["p_value"] for row in primary]), strict=True):
        row["p_holm"] = adjusted
    return rows


def _judgement(tests: Responses, planned: Mapping[str, Any]) -> Row:
    found = contrast(tests.reader, tests.image, tests.is_real, tests.judged_real)
    return _row("judgement", "judgement", planned, tests.is_real, found, 1)


def _question(tests: Responses, asked: QuestionAnswers, planned: Mapping[str, Any]) -> Row:
    if asked.kind == "text":
        return _row(asked.name, asked.kind, {}, tests.is_real[asked.is_answered], None, 1)
    if asked.kind == "cues":
        return _cues(tests, asked)
    if asked.kind == "region":
        return _regions(tests, asked)
    score = asked.score
    kept = ~np.isnan(score)
    rows = tests.where(kept)
    width = max(1, asked.levels - 1)
    found = contrast(rows.reader, rows.image, rows.is_real, score[kept])
    row = _row(asked.name, asked.kind, planned, rows.is_real, found, width)
    if asked.kind == "scale":
        row |= {"levels": asked.levels, "auc": _auc(rows, score[kept])}
    if asked.kind == "diagnosis":
        row["unknown"] = int((asked.is_answered & np.isnan(asked.right)).sum())
    row["answers_by_truth"] = _distribution(tests, asked)
    row["confidence"] = _confidence(tests, asked)
    return row


def _row(
    name: str, kind: str, planned: Mapping[str, Any], is_real: np.ndarray, found: Contrast | None, width: int
) -> Row:
    """The figures of one question. `width` is that of the range of answers, whose units the figures have."""
    margin = float(planned.get("margin") or 0)
    same = found.equivalence(margin / width) if found and margin else None
    if same:
        same["margin"] = margin
    speaks = "equivalence" if planned.get("test") == "equivalence" else "difference"
    p_value = None
    if found:
        p_value = (same["p_value"] if same else None) if speaks == "equivalence" else found.p_value
    return {
        "name": name,
        "kind": kind,
        "measure": MEASURES.get(kind),
        "primary": bool(planned.get("primary", False)),
        "answers": {"real": int(is_real.sum()), "generated": int((~is_real).sum())},
        **(_figures(found, width) if found else dict.fromkeys(("real", "generated", "difference"))),
        "equivalence": same,
        "test": speaks,
        "p_value": p_value,
        "p_holm": None,
        "reason": (found.reason or None) if found else None,
    }


def _figures(found: Contrast, width: int) -> Row:
    """Both means and their difference in the answers' own units: shares from 0 to 1, levels from 1."""
    first = 1 if width > 1 else 0
    return {
        "real": _mean(found.real, width, first),
        "generated": _mean(found.generated, width, first),
        "difference": {
            "estimate": None if found.difference is None else found.difference * width,
            "ci95": [one * width for one in found.ci95] if found.ci95 else None,
            "p_value": found.p_value,
        },
    }


def _mean(found: Estimate, width: int, first: int) -> Row:
    return {
        "estimate": None if found.estimate is None else first + found.estimate * width,
        "ci95": [first + one * width for one in found.ci95] if found.ci95 else None,
    }


def _auc(rows: Responses, score: np.ndarray) -> Row | None:
    """How often a real image gets a higher level than a generated one; ties count one half."""
    if not rows.is_real.any() or rows.is_real.all():
        return None
    found = mrmc_auc(rows.reader, rows.image, rows.is_real, score)
    parts = [rows.is_real, ~rows.is_real]
    interval = None if few(rows.reader, rows.image, parts) else found.ci95
    return {"estimate": found.estimate, "ci95": list(interval) if interval else None}


def _confidence(tests: Responses, asked: QuestionAnswers) -> Row | None:
    """Mean confidence in the answers to real and to generated images; None if it was not asked."""
    kept = ~np.isnan(asked.confidence)
    if not kept.any():
        return None
    rows, width = tests.where(kept), CONFIDENCE_LEVELS - 1
    found = contrast(rows.reader, rows.image, rows.is_real, (asked.confidence[kept] - 1) / width)
    return _figures(found, width) | {"reason": found.reason or None}


def _distribution(tests: Responses, asked: QuestionAnswers) -> list[Row]:
    """How often each answer was given; for a diagnosis, by the diagnosis of the image."""
    own = np.array(tests.diagnosis_names, dtype=object)[tests.diagnosis] if asked.kind == "diagnosis" else None
    counts: Counter[tuple[str, str]] = Counter()
    truths: Counter[tuple[str, str, bool]] = Counter()
    for index in np.flatnonzero(asked.is_answered):
        key = (str(own[index]) if own is not None else "", str(asked.value[index]))
        counts[key] += 1
        truths[(*key, bool(tests.is_real[index]))] += 1
    return [
        ({"diagnosis": name} if own is not None else {})
        | {"answer": answer, "real": truths[name, answer, True], "generated": truths[name, answer, False]}
        for name, answer in sorted(counts)
    ]


def _cues(tests: Responses, asked: QuestionAnswers) -> Row:
    """The share of each cue among the answers 'generated', for generated and for real images.

    A cue tells nothing if it is named as often for real images that were taken for generated, however often that is.
    """
    kept = ~tests.judged_real
    rows, named = tests.where(kept), asked.where(kept)
    found = []
    for cue in named.cues:
        says = named.names_cue(cue)
        shown = contrast(rows.reader, rows.image, rows.is_real, says)
        counts = {"real": int((says & rows.is_real).sum()), "generated": int((says & ~rows.is_real).sum())}
        found.append({"cue": cue, "named": counts, **_figures(shown, 1), "reason": shown.reason or None})
    adjusted = holm([one["difference"]["p_value"] for one in found if one["difference"]["p_value"] is not None])
    for one in found:
        one["p_holm"] = adjusted.pop(0) if one["difference"]["p_value"] is not None else None
    row = _row(asked.name, asked.kind, {}, rows.is_real, None, 1)
    return row | {"cues": found, "images": _cue_images(rows, named)}


def _regions(tests: Responses, asked: QuestionAnswers) -> Row:
    """Where readers marked images, on a grid with rows from the top, and the images that were marked most often."""
    kept = ~tests.judged_real & asked.is_answered
    rows, marks = tests.where(kept), asked.where(kept).marks
    cells = np.minimum((marks * CELLS).astype(int), CELLS - 1)
    grids = {}
    for name, part in (("real", rows.is_real), ("generated", ~rows.is_real)):
        grid = np.zeros((CELLS, CELLS), int)
        np.add.at(grid, (cells[part, 1], cells[part, 0]), 1)
        grids[name] = grid.tolist()
    counts = Counter(rows.image.tolist())
    first = {image: index for index, image in reversed(list(enumerate(rows.image.tolist())))}
    images = [
        {
            "image": rows.image_names[image],
            "truth": "real" if rows.is_real[first[image]] else "generated",
            "diagnosis": rows.diagnosis_names[rows.diagnosis[first[image]]],
            "marks": marks[rows.image == image].tolist(),
        }
        for image in sorted(counts, key=lambda image: (-counts[image], image))[:MOST_IMAGES]
    ]
    return _row(asked.name, asked.kind, {}, rows.is_real, None, 1) | {"grid": grids, "images": images}


def _cue_images(rows: Responses, named: QuestionAnswers) -> list[Row]:
    """For each cue, the images for which it was named most often among the answers 'generated'."""
    answered = Counter(rows.image.tolist())
    first = {image: index for index, image in reversed(list(enumerate(rows.image.tolist())))}
    found = []
    for cue in named.cues:
        counts = Counter(rows.image[named.names_cue(cue)].tolist())
        ranked = sorted(counts, key=lambda image: (-counts[image], -counts[image] / answered[image], image))
        for image in ranked[:MOST_IMAGES]:
            index = first[image]
            found.append(
                {
                    "cue": cue,
                    "image": rows.image_names[image],
                    "truth": "real" if rows.is_real[index] else "generated",
                    "diagnosis": rows.diagnosis_names[rows.diagnosis[index]],
                    "named": counts[image],
                    "judged_generated": answered[image],
                }
            )
    return found
