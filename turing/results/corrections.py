"""Counts corrected answers: how many, by how many readers, in which direction, and what they change."""

from collections import Counter
from statistics import median
from typing import Any, NamedTuple

from django.db.models import Count, F, QuerySet

from turing.models import ReplacedAnswer, Response, Side, Study, Truth
from turing.results.counting import Population, counted
from turing.templatetags.figures import percent

Analysis = dict[str, Any]
WAYS = (
    "real_to_generated", "generated_to_real", "left_to_right", "right_to_left", "wrong_to_right", "right_to_wrong",
)  # fmt: skip
FOOLED, FOUND = "generated images judged real", "pairs whose generated image was found"
RATES = {FOOLED: "fooling rate", FOUND: "proportion correct"}


class Corrected(NamedTuple):
    """A corrected answer: the reader's first answer, the answer that counts, and the right answer."""

    reading: int
    was: str
    now: str
    truth: str


def corrections_of(study: Study, population: Population) -> dict[str, Any] | None:
    """Counts over the test answers that rates are computed from; None if the design does not allow corrections.

    Directions compare a reader's first answer with the one that counts. In a study of pairs, directions are sides.
    Without a judgement there are no directions.
    """
    if not study.corrections:
        return None
    answers = counted(study, population).order_by()
    given = dict(answers.values_list("trial__reading").annotate(Count("pk")))
    replaced = ReplacedAnswer.objects.filter(trial__response__in=answers.values("pk")).order_by("trial", "number")
    first: dict[int, Corrected] = {}
    columns = ("trial", "trial__reading", "answer", "trial__response__answer", "trial__stimulus__truth")
    for trial, *values in replaced.values_list(*columns):
        first.setdefault(trial, Corrected(*values))
    of_reading = Counter(one.reading for one in first.values())
    shares = [of_reading[reading] / number for reading, number in given.items()]
    counts = {
        "answers": sum(given.values()),
        "corrected": len(first),
        "earlier_answers": len(replaced),
        "readers": len(given),
        "readers_who_corrected": len(of_reading),
        "median_share": median(shares) if shares else None,
        "largest_share": max(shares) if shares else None,
    }
    return counts | _directions(study, answers, list(first.values())) if study.asks_judgement else counts


def _directions(study: Study, answers: QuerySet[Response], corrected: list[Corrected]) -> dict[str, int]:
    """Counts of changed judgements, and the numerator of the primary outcome by the last and by the first answers."""
    moves = Counter((one.was, one.now) for one in corrected if one.was != one.now)
    rights = Counter((one.was == one.truth, one.now == one.truth) for one in corrected)
    to_right, to_wrong = rights[False, True], rights[True, False]
    common = {
        "judgement_kept": len(corrected) - moves.total(),
        "wrong_to_right": to_right,
        "right_to_wrong": to_wrong,
    }
    if study.forced_choice:
        left, right = Side.LEFT.as_answer, Side.RIGHT.as_answer
        correct = answers.filter(answer=F("trial__stimulus__truth")).count()
        return {
            "left_to_right": moves[left, right],
            "right_to_left": moves[right, left],
            **common,
            "correct": correct,
            "correct_first": correct - to_right + to_wrong,
        }
    generated = answers.filter(trial__stimulus__truth=Truth.GENERATED)
    fooled = generated.filter(answer=Truth.REAL).count()
    of_generated = [one for one in corrected if one.truth == Truth.GENERATED]
    return {
        "real_to_generated": moves[Truth.REAL, Truth.GENERATED],
        "generated_to_real": moves[Truth.GENERATED, Truth.REAL],
        **common,
        "generated": generated.count(),
        "fooled": fooled,
        "fooled_first": fooled + sum((one.was == Truth.REAL) - (one.now == Truth.REAL) for one in of_generated),
    }


def with_corrections(study: Study, population: Population, analysis: Analysis) -> Analysis:
    """The analysis with the key `corrections`."""
    return analysis | {"corrections": corrections_of(study, population)}


def correction_rows(analysis: Analysis, flow: object) -> list[dict[str, Any]]:
    """The rows of the table on the results page."""
    found = analysis.get("corrections")
    if not found:
        return []
    corrected, answers = found["corrected"], found["answers"]
    counts = [
        ("answers that were corrected", corrected, answers),
        ("readers who corrected an answer", found["readers_who_corrected"], found["readers"]),
        *((f"from {way}", number, corrected) for way, number in _ways(found)),
    ]
    if "judgement_kept" in found:
        counts.insert(4, ("judgement as at first, something else changed", found["judgement_kept"], corrected))
    counts += [
        (f"{what}, by the {which}", number, whole)
        for what, last, first, whole in _outcomes(found)
        for which, number in (("answers that count", last), ("first answers", first))
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
    """A sentence for the results page; empty if no answer could be corrected."""
    found = analysis.get("corrections")
    if not found or not found["answers"]:
        return ""
    if not found["corrected"]:
        return "Readers could correct a slip; no answer was corrected."
    told = (
        f"{found['corrected']} of {found['answers']:,} answers ({percent(found['corrected'] / found['answers'])}) were "
        f"corrected, by {found['readers_who_corrected']} of {found['readers']} readers"
    )
    if ways := [f"{number} from {way}" for way, number in _ways(found)]:
        told += f": {', '.join(ways[:-1])} and {ways[-1]}"
    for what, last, first, whole in _outcomes(found):
        if whole:
            told += f". By the first answers the {RATES[what]} would be {percent(first / whole)} instead of "
            told += percent(last / whole)
    return f"{told}."


def _ways(found: dict[str, Any]) -> list[tuple[str, int]]:
    """The directions of the counted changes, in words; none without a judgement."""
    return [(name.replace("_", " "), found[name]) for name in WAYS if name in found]


def _outcomes(found: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    """The numerator of the primary outcome by last and by first answers, and the denominator.

    Empty without a judgement.
    """
    if "correct" in found:
        return [(FOUND, found["correct"], found["correct_first"], found["answers"])]
    return [(FOOLED, found["fooled"], found["fooled_first"], found["generated"])] if "fooled" in found else []


def corrections_in_words(study: Study, population: Population) -> str:
    """A sentence for the methods paragraph. It ends in a space, or is empty."""
    found = corrections_of(study, population)
    if not found:
        return ""
    what = "pair" if study.forced_choice else "image"
    return (
        f"Readers could correct the answer to the last {what} until the next break; the last answer counts, with its "
        f"response time where it changed the choice ({found['corrected']:,} of {found['answers']:,} answers were "
        "corrected). "
    )
