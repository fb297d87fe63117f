"""Checks over HTTP, in every language, that no page reveals the purpose to readers of a purpose-blinded study."""

import html
import re
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from turing.models import FurtherAnswer, Reading, Response, Study, Trial
from turing.people import letters
from turing.reading.passage import form_trials
from turing.reading.randomisation import new_seed
from turing.studies.blinding.checks import Check, verdict_of
from turing.studies.blinding.visitors import as_open, given_answers, log_in
from turing.studies.letters import invitation_letter, reminder_letter
from turing.studies.telling import telling_words, telling_words_of_address

# These are not words: a random token, and country codes, of which AI is one.
NO_WORDS = re.compile(r'csrfmiddlewaretoken" value="[^"]+"|<option value="[A-Z]{2}"')
JSON = {"Accept": "application/json"}
Seen = tuple[str, str]  # what was checked, and its text
ADDRESS = "https://site.example/"


def check_purpose(study: Study) -> list[Check]:
    """One check of every page, reply and letter until the debriefing. Studies that tell their readers have none."""
    if not study.purpose_blinded:
        return []
    leaks: list[str] = []
    count = 0
    with as_open(study):
        for code, _ in settings.LANGUAGES:
            for what, text in _everything(study, code):
                count += 1
                words = telling_words(html.unescape(NO_WORDS.sub("", text)))
                leaks += [f"{what} ({code}) says {word!r}" for word in words]
    leaks += [f"the study's address says {word!r}" for word in telling_words_of_address(study.slug)]
    passed = f"none of {count} pages, replies and letters says that images are generated"
    return [verdict_of(leaks, "purpose", passed)]


def _everything(study: Study, code: str) -> Iterator[Seen]:
    yield from _visit(Client(headers={"Accept-Language": code}), study)
    client, reader = log_in("purpose", code)
    yield from _before(client, study)
    reading = Reading.objects.create(
        study=study, reader=reader, consent_version="", consented_at=timezone.now(), seed=new_seed(), language=code
    )
    Trial.objects.bulk_create(form_trials(study, reading))
    yield from _form(client, study, reading)
    yield from _end(client, study)
    reading.refresh_from_db()
    yield from _letters(study, reading, code)


def _get(client: Client, name: str, *arguments, query: str = "") -> Seen:
    path = reverse(name, args=arguments) + query
    answer = client.get(path)
    return f"GET {path}", f"{answer.headers.get('Location', '')} {answer.content.decode()}"


def _post(client: Client, data: dict[str, str], name: str, *arguments, headers: dict[str, str] | None = None) -> Seen:
    path = reverse(name, args=arguments)
    answer = client.post(path, data, headers=headers)
    return f"POST {path}", f"{answer.headers.get('Location', '')} {answer.content.decode()}"


def _visit(client: Client, study: Study) -> Iterator[Seen]:
    """What a visitor sees who follows the study's link and looks around."""
    query = f"?next={study.get_absolute_url()}"
    yield _get(client, "study", study.slug)
    for name in ("login", "register", "password_reset", "password_reset_done"):
        yield _get(client, name, query=query)
    for name in ("home", "attributions", "attributions-csv"):
        yield _get(client, name)
    yield _post(client, {}, "register")
    yield _post(client, {"username": "nobody@audit.invalid", "password": "x"}, "login")


def _before(client: Client, study: Study) -> Iterator[Seen]:
    for name in ("home", "profile", "password_change", "attributions"):
        yield _get(client, name)
    yield _get(client, "study", study.slug)
    yield _post(client, {}, "study", study.slug)  # without consent


def _form(client: Client, study: Study, reading: Reading) -> Iterator[Seen]:
    """Every kind of page and reply from the first image to the last."""
    yield _get(client, "study", study.slug)
    yield _get(client, "study-continue", study.slug)
    trials = list(reading.trials.order_by("position"))
    for trial in trials[:1]:
        page = (trial.position - 1) // study.images_per_page + 1
        answer = {"position": str(trial.position), **given_answers(study)}
        yield _get(client, "trial", study.slug, page)
        yield _post(client, {"position": str(trial.position)}, "trial", study.slug, page)
        yield _post(client, {"position": str(trial.position)}, "trial", study.slug, page, headers=JSON)
        yield _post(client, answer, "trial", study.slug, page, headers=JSON)
        yield _post(client, answer, "trial", study.slug, page, headers=JSON)  # answered already
        yield _post(client, answer, "trial", study.slug, page)
        yield _get(client, "trial", study.slug, page)
    if study.corrections:
        yield _get(client, "trial", study.slug, 1, query="?correct=1")
        yield _post(client, {"position": "1", "number": "1", **given_answers(study)}, "trial", study.slug, 1)
    for name in ("study-break", "study", "withdraw", "study-after"):
        yield _get(client, name, study.slug)
    yield _get(client, "home")
    _answer_all(study, trials[1:-1])
    last = trials[-1].position
    page = (last - 1) // study.images_per_page + 1
    yield _get(client, "trial", study.slug, page)
    yield _post(client, {"position": str(last), **given_answers(study)}, "trial", study.slug, page)


def _end(client: Client, study: Study) -> Iterator[Seen]:
    """The pages up to the first question of the debriefing. The second question reveals the purpose, as it must."""
    for name in ("study", "study-continue", "study-after", "certificate", "withdraw"):
        yield _get(client, name, study.slug)
    yield _post(client, {"step": "noticed", "noticed": "x" * 3000}, "study-after", study.slug)  # too long
    yield _get(client, "home")


def _answer_all(study: Study, trials: Iterable[Trial]) -> None:
    """Store answers in the database directly, where requests would show nothing new."""
    now = timezone.now()
    given = given_answers(study)
    responses = Response.objects.bulk_create(Response(trial=trial, answer="", answered_at=now) for trial in trials)
    asked = [one for one in study.further_questions if one.field in given]
    FurtherAnswer.objects.bulk_create(
        FurtherAnswer(response=response, question=one.name, value=given[one.field])
        for response in responses
        for one in asked
    )


def _letters(study: Study, reading: Reading, code: str) -> Iterator[Seen]:
    found = [invitation_letter(study, ADDRESS, code), reminder_letter(reading, ADDRESS)]
    with translation.override(code):
        found += [
            letters.confirmation(ADDRESS),
            letters.claimed(ADDRESS, ADDRESS),
            letters.taken(ADDRESS, ADDRESS),
            letters.reset(ADDRESS),
            letters.not_confirmed(ADDRESS, ADDRESS),
        ]
    for letter in found:
        yield f"the e-mail {letter.subject!r}", f"{letter.subject} {letter.text}"
