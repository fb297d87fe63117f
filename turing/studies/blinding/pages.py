"""Looks for traces over HTTP, like a reader who tries to cheat: in pages, images, headers, errors and times."""

import json
import re
import time
import uuid
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from turing.models import Reading, Stimulus, Study, Trial
from turing.models.questions import AFTER_GENERATED
from turing.reading.passage import form_trials
from turing.reading.randomisation import new_seed
from turing.studies.blinding.checks import Check, Verdict, trace_check, verdict_of
from turing.studies.blinding.pairs import told_ahead, told_by_page
from turing.studies.blinding.visitors import JUDGEMENT, as_open, as_stored, further_answers, given_answers, log_in

TOLD_BY_HEADER = ("ETag", "Last-Modified", "Content-Disposition", "Content-Location", "Link")
ROUNDS = 3  # number of requests of each stimulus; the fastest one counts
LOOKS = 2  # a difference in times is a leak if it is found in each
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NUMBER = re.compile(r"\d+")
AHEAD = re.compile(r'<script id="ahead" type="application/json">(.*?)</script>', re.DOTALL)
CORRECTION = {"answer": "generated", "confidence": 1}  # confidence of every answer, if the study asks for it
TOKEN = re.compile(r'csrfmiddlewaretoken" value="[^"]+"')
# The first image of the form and of each block has no way back to an earlier image. Only the position decides this.
NO_WAY_BACK = re.compile(r" hidden(?= data-backspace>)")


def check_pages(study: Study, stimuli: list[Stimulus]) -> tuple[list[Check], np.ndarray]:
    """Checks over HTTP as a reader, as a stranger and without log-in; and the times of answers (n,) in seconds.

    Readers and readings made for the audit are rolled back. `stimuli` may have any order, and times have the same
    order.
    """
    with as_open(study):
        client, reader = log_in("reader")
        reading = Reading.objects.create(
            study=study, reader=reader, consent_version="", consented_at=timezone.now(), seed=new_seed()
        )
        whole = copy(study)
        whole.images_per_reader = 0  # so that the audit's reader sees every image
        Trial.objects.bulk_create(form_trials(whole, reading))
        checks = [*_images(client, stimuli), *_strangers(stimuli), *_forms(client, study, reading)]
        timing, times = _check_times(client, stimuli)
    return [*checks, _static_files(), timing], times


def _images(client: Client, stimuli: list[Stimulus]) -> Iterator[Check]:
    answers = {str(item.pk): client.get(item.get_absolute_url()) for item in stimuli}
    seen = {
        key: (answer.status_code, len(answer.content), tuple(sorted(answer.headers.items())))
        for key, answer in answers.items()
    }
    usual = max(seen.values(), key=list(seen.values()).count)
    odd = [f"{key}: {value[0]}, {value[1]} bytes, {dict(value[2])}" for key, value in seen.items() if value != usual]
    yield verdict_of(odd, "image answers", f"status {usual[0]}, {usual[1]} bytes and equal headers for all")
    told = [name for name in TOLD_BY_HEADER if name in dict(usual[2])]
    yield verdict_of(
        [f"header {name} is sent" for name in told], "image headers", "no ETag, time, name or link is sent"
    )


def _strangers(stimuli: list[Stimulus]) -> Iterator[Check]:
    stranger, _ = log_in("stranger")
    nobody = Client()
    unknown = reverse("stimulus", args=[uuid.uuid4()])
    refused = stranger.get(unknown)
    leaks = []
    for item in stimuli:
        for who, client in (("a reader of no study", stranger), ("a visitor", nobody)):
            answer = client.get(item.get_absolute_url())
            if answer.status_code != 404:
                leaks.append(f"{item.pk}: {who} is answered {answer.status_code}")
            elif answer.content != refused.content:
                leaks.append(f"{item.pk}: the refusal differs from that of an image that does not exist")
    yield verdict_of(
        leaks, "image addresses", "404 for everyone but readers of the study, as for images that do not exist"
    )


def _forms(client: Client, study: Study, reading: Reading) -> Iterator[Check]:
    """Walk through the form and compare pages of real images with pages of generated images."""
    private = _private_words(study)
    pages, told, corrections = [], [], []
    trials = list(reading.trials.select_related("stimulus").order_by("position"))
    by_position = {trial.position: trial for trial in trials}
    for trial in trials:
        page = (trial.position - 1) // study.images_per_page + 1
        address = reverse("trial", args=[study.slug, page])
        html = client.get(address).content.decode()
        reply = _answer(client, study, page, trial.position)
        told += _told(html, reply, study, trial, private, by_position)
        pages.append(_without_ids(html))
        if study.corrections and trial.phase != Trial.Phase.PRACTICE and trial is not trials[-1]:
            html = client.get(address, {"correct": trial.position}).content.decode()
            reply = _answer(client, study, page, trial.position, CORRECTION, number=1)
            told += _told(html, reply, study, trial, private, by_position, CORRECTION, number=1)
            corrections.append((_without_ids(html), trial.stimulus.generated_image_id is not None))
    yield verdict_of(told, "words of pages", "no page of the form holds a source's name, id, lesion, run or hash")
    if study.images_per_page == 1:  # a page with several images has no single truth
        counted = [index for index, trial in enumerate(trials) if trial.phase != Trial.Phase.PRACTICE]
        generated = np.array([trials[index].stimulus.generated_image_id is not None for index in counted])
        yield from _shapes([pages[index] for index in counted], generated)
        if corrections:
            of_corrections, generated = zip(*corrections, strict=True)
            yield from _shapes(list(of_corrections), np.array(generated), "pages for corrections")


def _without_ids(html: str) -> str:
    """The page without what differs between any two images: ids, tokens, and what is loaded ahead."""
    return NO_WAY_BACK.sub("", TOKEN.sub("", ID.sub("", AHEAD.sub("", html))))


def _told(
    html: str,
    reply: str,
    study: Study,
    trial: Trial,
    private: list[str],
    trials: dict[int, Trial],
    answer: dict[str, Any] = JUDGEMENT,
    number: int = 0,
) -> Iterator[str]:
    """Check that a page, and the reply to the answer given on it, contain nothing that they should not."""
    yield from (
        f"image {trial.position}: the page or the reply holds {word!r}"
        for word in private
        if word in html or word in reply
    )
    for more in _more_than_images(html, reply, study, trial, trials, answer, number):
        yield f"image {trial.position}: {more} beside addresses of images"
    if study.forced_choice:
        yield from told_by_page(AHEAD.sub("", html), trial)


def _more_than_images(
    html: str,
    reply: str,
    study: Study,
    trial: Trial,
    trials: dict[int, Trial],
    answer: dict[str, Any],
    number: int,
) -> Iterator[str]:
    """What replies, and lists of images to load ahead, hold besides a position and an address for each image.

    A reply also repeats the answer that was sent.

    The exposure of the next image depends on earlier answers. The check of numbers in pages makes sure that it does not
    go with the truth of that image.
    """
    lists = [json.loads(found) for found in AHEAD.findall(html)]
    values = json.loads(reply)
    lists.append(values.pop("ahead", {}))
    sent: dict[str, Any] = {"reading": trial.reading_id, "position": trial.position}
    sent |= as_stored(study, answer)
    sent |= {"number": number} if study.corrections else {}
    if study.questions:
        left_out = {one.field: [] for one in study.further_questions if one.kind in AFTER_GENERATED}
        sent["further"] = left_out | further_answers(study)
    if values.pop("stored", sent) != sent:
        yield "a reply's 'stored'"
    known = ("location", "exposure_ms") if study.timed else ("location",)
    yield from (f"a reply's {key!r}" for key in values if key not in known)
    for ahead in lists:
        if study.forced_choice:
            for position, addresses in ahead.items():
                yield from told_ahead(position, addresses, trials)
            continue
        yield from (
            f"{position!r}: {address!r}"
            for position, address in ahead.items()
            if not position.isdecimal() or not re.fullmatch(rf"/stimuli/{ID.pattern}\.png", str(address))
        )


def _shapes(pages: list[str], generated: np.ndarray, what: str = "pages") -> Iterator[Check]:
    """Check that pages have the same text along the form, except for numbers, and that numbers reveal nothing."""
    texts = [NUMBER.sub("#", page) for page in pages]
    usual = max(texts, key=texts.count)
    odd = [index + 1 for index, text in enumerate(texts) if text != usual]
    yield verdict_of(
        [f"the page of image {index} is another text" for index in odd], f"text of {what}", "one text for all images"
    )
    if odd:
        return
    numbers = np.array([[float(found) for found in NUMBER.findall(page)] for page in pages])
    position = np.arange(len(pages))[:, None]
    free = ~(np.ptp(numbers, axis=0) == 0) & ~(np.ptp(numbers - position, axis=0) == 0)
    found = [trace_check(f"numbers in {what}", column, generated, "a number in the page") for column in numbers.T[free]]
    leaks = [check.detail for check in found if check.verdict == Verdict.LEAK]
    yield verdict_of(leaks, f"numbers in {what}", "numbers are the same for all or count the position")


def _answer(
    client: Client, study: Study, page: int, position: int, answer: dict[str, Any] = JUDGEMENT, number: int = 0
) -> str:
    """The JSON that the script gets as an answer."""
    data = {"position": position, "number": number, **given_answers(study, answer)}
    address = reverse("trial", args=[study.slug, page])
    return client.post(address, data, headers={"Accept": "application/json"}).content.decode()


def _private_words(study: Study) -> list[str]:
    found: set[str] = set()
    rows = study.stimuli.values_list(
        "lesion_image__isic_id", "lesion_image__lesion_id", "lesion_image__sha256", "generated_image__sha256",
        "sha256", "lesion_image__file", "generated_image__file",
    )  # fmt: skip
    for row in rows:
        found.update(value for value in row if value and len(value) > 5)
    told = f"{study.title} {study.slug} {study.instructions}"  # the researcher chose to tell readers these
    found.update(one.name for one in study.generators.all() if len(one.name) > 5 and one.name not in told)
    return sorted(found)


def _static_files() -> Check:
    root = Path(settings.STATICFILES_DIRS[0])
    maps = [str(path.relative_to(root)) for path in root.rglob("*.map")]
    maps += [str(path.relative_to(root)) for path in root.rglob("*.js") if "sourceMappingURL" in path.read_text()]
    return verdict_of(maps, "static files", "the same for every page; no source maps")


def _check_times(client: Client, stimuli: list[Stimulus]) -> tuple[Check, np.ndarray]:
    """Check whether times of answers go with the truth, and return the times, too.

    Chance separates them once in many audits. A difference that a reader could use is there again at the next look.
    """
    generated = np.array([item.generated_image_id is not None for item in stimuli])
    for _ in range(LOOKS):
        times = _times(client, stimuli)
        check = trace_check("times of answers", times, generated, "fastest of three answers with the image")
        if check.verdict != Verdict.LEAK:
            break
    return check, times


def _times(client: Client, stimuli: list[Stimulus]) -> np.ndarray:
    fastest = np.full(len(stimuli), np.inf)
    rng = np.random.default_rng()
    for _ in range(ROUNDS):
        for index in rng.permutation(len(stimuli)):
            started = time.perf_counter()
            client.get(stimuli[index].get_absolute_url())
            fastest[index] = min(fastest[index], time.perf_counter() - started)
    return fastest
