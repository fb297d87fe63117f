"""Corrected slips, counted: how many answers, of how many readers, in which direction, and what they change."""

from collections import Counter
from statistics import median
from typing import Any

from django.db.models import Count, Q

from turing.models import ReplacedAnswer, Study, Truth
from turing.results.counting import Population, counted
from turing.templatetags.figures import percent

Analysis = dict[str, Any]


def corrections_of(study: Study, population: Population) -> dict[str, Any] | None:
    """Counts over the test answers that the rates rest on; None where the design lets nobody correct an answer.

    Directions compare a reader's first answer with the one that counts.
    """
    if not study.corrections:
        return None
    answers = counted(study, population).order_by()
    rows = answers.values("trial__reading").annotate(
        answers=Count("pk"),
        generated=Count("pk", filter=Q(trial__stimulus__truth=Truth.GENERATED)),
        fooled=Count("pk", filter=Q(trial__stimulus__truth=Truth.GENERATED, answer=Truth.REAL)),
    )
    given = {row["trial__reading"]: row for row in rows}
    replaced = ReplacedAnswer.objects.filter(trial__response__in=answers.values("pk")).order_by("trial", "number")
    first: dict[int, tuple[int, str, str, str]] = {}
    columns = ("trial", "trial__reading", "answer", "trial__response__answer", "trial__stimulus__truth")
    for trial, reading, was, now, truth in replaced.values_list(*columns):
        first.setdefault(trial, (reading, was, now, truth))
    of_reading = Counter(reading for reading, *_ in first.values())
    moves = Counter((was, now) for _, was, now, _ in first.values() if was != now)
    rights = Counter((was == truth, now == truth) for _, was, now, truth in first.values())
    fooled = sum(row["fooled"] for row in given.values())
    fooled_first = fooled + sum(
        (was == Truth.REAL) - (now == Truth.REAL) for _, was, now, truth in first.values() if truth == Truth.GENERATED
    )
    return {
        "answers": sum(row["answers"] for row in given.values()),
        "corrected": len(first),
        "earlier_answers": len(replaced),
        "readers": len(given),
        "readers_who_corrected": len(of_reading),
        "median_share": median(of_reading[one] / row["answers"] for one, row in given.items()) if given else None,
        "largest_share": max(of_reading[one] / row["answers"] for one, row in given.items()) if given else None,
        "real_to_generated": moves[Truth.REAL, Truth.GENERATED],
        "generated_to_real": moves[Truth.GENERATED, Truth.REAL],
        "judgement_kept": len(first) - moves.total(),
        "wrong_to_right": rights[False, True],
        "right_to_wrong": rights[True, False],
        "generated": sum(row["generated"] for row in given.values()),
        "fooled": fooled,
        "fooled_first": fooled_first,
    }


def with_corrections(study: Study, population: Population, analysis: Analysis) -> Analysis:
    """The analysis with the key `corrections`."""
    return analysis | {"corrections": corrections_of(study, population)}


def correction_rows(analysis: Analysis, flow: object) -> list[dict[str, Any]]:
    """The rows of the results' table."""
    found = analysis.get("corrections")
    if not found:
        return []
    corrected, answers, generated = found["corrected"], found["answers"], found["generated"]
    counts = [
        ("answers that were corrected", corrected, answers),
        ("readers who corrected an answer", found["readers_who_corrected"], found["readers"]),
        ("from real to generated", found["real_to_generated"], corrected),
        ("from generated to real", found["generated_to_real"], corrected),
        ("judgement as at first, something else changed", found["judgement_kept"], corrected),
        ("from wrong to right", found["wrong_to_right"], corrected),
        ("from right to wrong", found["right_to_wrong"], corrected),
        ("generated images judged real, by the answers that count", found["fooled"], generated),
        ("generated images judged real, by the first answers", found["fooled_first"], generated),
    ]
    rows = [
        {"what": what, "number": number, "of": whole, "share": number / whole if whole else None}
        for what, number, whole in counts
    ]
    shares = (("median", "median_share"), ("largest", "largest_share"))
    return rows + [
        {"what": f"share of a reader's answers, {name}", "number": None, "of": None, "share": found[key]}
        for name, key in shares
    ]


def correction_sentence(analysis: Analysis) -> str:
    """For the results page; empty where no answer could be corrected."""
    found = analysis.get("corrections")
    if not found or not found["answers"]:
        return ""
    if not found["corrected"]:
        return "Readers could correct a slip; no answer was corrected."
    effect = (
        f" By the first answers the fooling rate would be {percent(found['fooled_first'] / found['generated'])} "
        f"instead of {percent(found['fooled'] / found['generated'])}."
        if found["generated"]
        else ""
    )
    return (
        f"{found['corrected']} of {found['answers']:,} answers ({percent(found['corrected'] / found['answers'])}) were "
        f"corrected, by {found['readers_who_corrected']} of {found['readers']} readers: {found['real_to_generated']} "
        f"from real to generated, {found['generated_to_real']} from generated to real, {found['wrong_to_right']} from "
        f"wrong to right and {found['right_to_wrong']} from right to wrong.{effect}"
    )


def corrections_in_words(study: Study, population: Population) -> str:
    """For the methods paragraph; ends in a space, or is empty."""
    found = corrections_of(study, population)
    if not found:
        return ""
    return (
        "Readers could correct the answer to the last image until the next break; the last answer counts, with its "
        f"response time ({found['corrected']:,} of {found['answers']:,} answers were corrected). "
    )
