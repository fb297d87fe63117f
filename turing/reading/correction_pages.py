"""What form pages show if readers may correct an answer: the way back, and the earlier answer, preselected."""

from typing import Any

from django.urls import reverse

from turing.models import Reading, Study
from turing.reading.corrections import may_correct
from turing.reading.progress import PlacedTrial, Progress, with_further
from turing.reading.questions import as_fields


def asked_to_correct(asked: str, reading: Reading, progress: Progress, page: int) -> PlacedTrial | None:
    """The answered trial at the requested position, if its answer may be corrected."""
    trial = progress.trial_at(int(asked)) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else None
    if trial is None or progress.page_of(trial.position) != page or not may_correct(reading.study, progress, trial):
        return None
    return with_further(reading.study, [trial])[0]


def as_initial(study: Study, trial: PlacedTrial | None) -> dict[str, Any]:
    """The trial's answer as initial values of the form's fields."""
    if trial is None or trial.answer is None:
        return {}
    judgement, confidence, further = trial.answer
    if study.forced_choice:
        judgement = trial.answer.chosen_side.value
    said = {
        "answer": f"{judgement}-{confidence}" if study.asks_in_one_row else judgement,
        "confidence": str(confidence or ""),
    }
    return said | {name: value for name, value in as_fields(study, further).items() if value}


def context_of(reading: Reading, progress: Progress, page: int, corrected: PlacedTrial | None) -> dict[str, Any]:
    """The template context of a page on which readers may correct an answer."""
    slug = reading.study.slug
    if corrected:
        unchanged = f"{reverse('study-continue', args=[slug])}?after={corrected.position}"
        return {"correction": corrected.number + 1, "unchanged": unchanged}
    if progress.next_position is None:
        return {}
    last = progress.trial_at(progress.next_position - 1)
    if last is None or progress.page_of(last.position) != page or not may_correct(reading.study, progress, last):
        last = None
    return {"correctable": last and last.position, "back": way_back(slug, progress)}


def way_back(slug: str, progress: Progress) -> dict[str, Any]:
    """The address at which the last answer can be corrected, and whether the page offers it (not after a break).

    The form must not be done.
    """
    last = (progress.next_position or 1) - 1
    address = f"{reverse('trial', args=[slug, progress.page_of(last)])}?correct={last}"
    return {"address": address, "is_offered": progress.is_in_present_block(last) and not progress.is_break_due(last)}
