"""The further questions on the form page: their fields, their values, and how they are stored."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext as _

from turing.models import FurtherAnswer, Response, Study, Truth
from turing.models.questions import AFTER_GENERATED, CONFIDENCE_LEVELS, LONGEST_TEXT, Kind, Question

PLACE = r"^(0\.\d{3}|1\.000) (0\.\d{3}|1\.000)$"  # from the left and from the top, as shares of the image's sides


class Further(NamedTuple):
    """The answer to one further question; `value` as it is stored."""

    question: str
    value: str
    confidence: int | None


class WordsField(forms.CharField):
    """Free text that is kept exactly as sent.

    The browser forgets an answer only if the server repeats the very same text.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(max_length=LONGEST_TEXT, strip=False, **kwargs)

    def clean(self, value):
        words = super().clean(value)
        if not words.strip():
            if self.required:
                raise forms.ValidationError(self.error_messages["required"], code="required")
            return ""
        return words


def add_question_fields(form: forms.Form, study: Study) -> None:
    """Add a field for each further question, and a field for its confidence if that is asked."""
    for question in study.further_questions:
        form.fields[question.field] = _field(question)
        if question.confidence:
            levels = [(str(level), str(level)) for level in range(1, CONFIDENCE_LEVELS + 1)]
            form.fields[question.confidence_field] = forms.TypedChoiceField(
                choices=levels, coerce=int, empty_value=None, required=question.required,
                error_messages={"required": _("Please say how sure you are.")},
            )  # fmt: skip


def _field(question: Question) -> forms.Field:
    options: dict[str, Any] = {
        "required": question.required,
        "error_messages": {"required": _("Please answer this question.")},
    }
    if question.kind == Kind.TEXT:
        return WordsField(**options)
    if question.kind == Kind.REGION:
        return forms.RegexField(PLACE, **options)
    if question.kind == Kind.CUES:
        return forms.MultipleChoiceField(choices=question.choices, **options)
    return forms.ChoiceField(choices=question.choices, **options)


def answers_in(form: forms.Form, study: Study, judgement: str | None) -> tuple[Further, ...]:
    """The valid form's answers in the order of the questions. Their fields are removed from the cleaned data.

    Cues and region belong to images that the reader judged generated. With another judgement there are none.
    """
    found = []
    for question in study.further_questions:
        value = form.cleaned_data.pop(question.field, "")
        confidence = form.cleaned_data.pop(question.confidence_field, None)
        if question.kind in AFTER_GENERATED and judgement != Truth.GENERATED:
            value = ""
        if question.kind == Kind.CUES and value:
            value = json.dumps(list(dict.fromkeys(value)), ensure_ascii=False)  # a manipulated page may send one twice
        if value:
            found.append(Further(question.name, value, confidence))
    return tuple(found)


def store(response: Response, answers: Iterable[Further]) -> None:
    FurtherAnswer.objects.bulk_create(FurtherAnswer(response=response, **one._asdict()) for one in answers)


def stored_for(trials: Iterable[int]) -> dict[int, tuple[Further, ...]]:
    """The stored answers of trials by their keys, each in the order in which it was given."""
    found: dict[int, tuple[Further, ...]] = {}
    rows = FurtherAnswer.objects.filter(response__trial__in=list(trials)).order_by("pk")
    for trial, *values in rows.values_list("response__trial", "question", "value", "confidence"):
        found[trial] = (*found.get(trial, ()), Further(*values))
    return found


def as_fields(study: Study, answers: Iterable[Further]) -> dict[str, Any]:
    """The answers as the form's fields, for the script that waits for the confirmation that they are stored."""
    by_name = {one.name: one for one in study.further_questions}
    found: dict[str, Any] = {one.field: [] for one in by_name.values() if one.kind in AFTER_GENERATED}
    for answer in answers:
        question = by_name[answer.question]
        found[question.field] = json.loads(answer.value) if question.kind == Kind.CUES else answer.value
        if answer.confidence is not None:
            found[question.confidence_field] = str(answer.confidence)
    return found


def in_words(study: Study, answers: Iterable[Further]) -> list[tuple[str, str]]:
    """Each question and its answer, as a page that shows an answered image says them."""
    given = {one.question: one for one in answers}
    found = []
    for question in study.further_questions:
        if answer := given.get(question.name):
            labels: Mapping[str, str] = dict(question.choices)
            values = json.loads(answer.value) if question.kind == Kind.CUES else [answer.value]
            if question.kind == Kind.REGION:
                values = [_("a mark in the image")]
            found.append((question.text, ", ".join(labels.get(value, value) for value in values)))
    return found
