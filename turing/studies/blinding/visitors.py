"""Readers and visitors that the audit invents, and their answers. All of them are rolled back."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.test import Client, override_settings

from turing.models import Reader, Side, Study, User
from turing.models.questions import AFTER_GENERATED

JUDGEMENT = {"answer": "real", "confidence": 1}  # confidence for every image, if it is asked


@contextmanager
def as_open(study: Study) -> Iterator[None]:
    """A transaction in which the study takes answers even if it is closed. It is rolled back at its end."""
    with override_settings(ALLOWED_HOSTS=["testserver"]), transaction.atomic():
        # The database lets no published study be open.
        Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN, published_at=None)
        yield
        transaction.set_rollback(True)


def log_in(name: str, language: str = "en") -> tuple[Client, Reader]:
    user = User.objects.create_user(f"{name}-{uuid.uuid4().hex}@audit.invalid")
    reader = Reader.objects.create(user=user, profession="other", specialty="other", years_experience=0, country="TR")
    client = Client(headers={"Accept-Language": language})
    client.force_login(user)
    return client, reader


def further_answers(study: Study) -> dict[str, str]:
    """The fields of one answer to every further question that follows the judgement 'real'."""
    found = {}
    for question in study.further_questions:
        if question.kind not in AFTER_GENERATED:
            found[question.field] = question.choices[0][0] if question.choices else "nothing"
            found |= {question.confidence_field: "1"} if question.confidence else {}
    return found


def given_answers(study: Study, judgement: dict[str, Any] = JUDGEMENT) -> dict[str, str]:
    """The fields of one answer as a page sends them, with the judgement if it is asked."""
    found = {**further_answers(study), "response_time_ms": "", "shown_ms": "500"}
    if not study.asks_judgement:
        return found
    answer = side_of(judgement) if study.forced_choice else judgement["answer"]
    if study.asks_in_one_row:
        return found | {"answer": f"{answer}-{judgement['confidence']}"}
    return found | {"answer": answer, "confidence": str(judgement["confidence"])}


def as_stored(study: Study, judgement: dict[str, Any]) -> dict[str, Any]:
    """What the reply to such an answer says is stored."""
    answer = side_of(judgement) if study.forced_choice else judgement["answer"]
    return {
        "answer": answer if study.asks_judgement else "",
        "confidence": judgement["confidence"] if study.asks_confidence else None,
    }


def side_of(judgement: dict[str, Any]) -> str:
    return Side.of_answer(judgement["answer"]).value
