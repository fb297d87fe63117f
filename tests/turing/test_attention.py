"""What is stored about how readers looked: zoom if the study allows it, and time away from the page."""

import csv
import io

import numpy as np
import pytest
from django.core.management import call_command
from django.urls import reverse

from turing.models import Response, Study
from turing.reading.passage import record_response, start_reading
from turing.results.attention import attention_sentences, hurried_sentence
from turing.results.counting import PEOPLE, load_responses
from turing.results.exports import to_csv
from turing.statistics.responses import time_at_page

ANSWER = {"position": 1, "answer": "real", "confidence": 2, "response_time_ms": "900"}
LOOK = {"away_ms": "150", "zoom_percent": "250", "zoomed_ms": "400"}


@pytest.fixture
def zoomed(run) -> Study:
    call_command("create_study", "Close", run=[str(run.pk)], real=2, generated=2, stimulus_size=64, zoom="free")
    call_command("open_study", "close")
    return Study.objects.get(slug="close")


def test_the_zoom_that_a_reader_used_and_the_time_away_are_stored_and_exported(client, zoomed, reader):
    start_reading(zoomed, reader)
    client.force_login(reader.user)
    client.post(reverse("trial", args=[zoomed.slug, 1]), ANSWER | LOOK)
    row = next(csv.DictReader(io.StringIO(to_csv(zoomed, PEOPLE).decode())))
    assert {name: row[name] for name in LOOK} == LOOK


@pytest.mark.parametrize("sent", ["", "99", "801", "1e3", "-100", "9" * 30])
def test_a_zoom_that_cannot_be_costs_no_answer(client, zoomed, reader, sent):
    start_reading(zoomed, reader)
    client.force_login(reader.user)
    client.post(reverse("trial", args=[zoomed.slug, 1]), ANSWER | {"zoom_percent": sent, "away_ms": sent})
    assert Response.objects.get().zoom_percent is None


def test_no_zoom_is_stored_where_the_study_allows_none(client, study, reader):
    start_reading(study, reader)
    client.force_login(reader.user)
    address = reverse("trial", args=[study.slug, 1])
    assert "zoom" not in client.get(address).content.decode()
    client.post(address, ANSWER | LOOK)
    stored = Response.objects.get()
    assert (stored.zoom_percent, stored.zoomed_ms, stored.away_ms) == (None, None, 150)


def test_response_times_leave_out_the_time_away(zoomed, reader):
    times = time_at_page(np.array([900.0, 900, 100, np.nan]), np.array([150, np.nan, 200, 5]))
    assert times.tolist()[:3] == [750, 900, 0]
    reading = start_reading(zoomed, reader)
    for trial in reading.trials.all():
        near = 200 if trial.stimulus.truth == "real" else 100
        record_response(reading, trial.position, "real", 2, 900, away_ms=400, zoom_percent=near, zoomed_ms=0)
    assert set(load_responses(zoomed, PEOPLE).response_time) == {500}
    assert attention_sentences(zoomed, PEOPLE) == [
        "Readers enlarged 100.0% of the real images and 0.0% of the generated images to look more closely.",
        "During 100.0% of the answers the reader was away from the page for a while. "
        "That time is left out of the response times.",
    ]


def test_answers_too_fast_to_have_looked_are_a_threat_to_validity(zoomed, reader, client, researcher):
    reading = start_reading(zoomed, reader)
    assert hurried_sentence(zoomed, PEOPLE) == ""
    for position, time in enumerate((None, 300, 299), 1):
        record_response(reading, position, "real", 2, time)
    assert hurried_sentence(zoomed, PEOPLE).startswith("1 of 2 timed answers (50.0%) came less than 300 ms after")
    assert "1 reader gave them" in hurried_sentence(zoomed, PEOPLE)
    told = hurried_sentence(zoomed, PEOPLE, is_public=True)
    assert "(50.0%)" in told
    assert "reader" not in told
    client.force_login(researcher)
    page = client.get(reverse("results", args=[zoomed.slug])).content.decode()
    assert "too fast to look and decide" in page[page.index("Threats to validity") :]


def test_the_zoom_belongs_to_the_design_only_where_it_is_on(run):
    hashes = set()
    for zoom in ("off", "free", "steps"):
        call_command("create_study", zoom, run=[str(run.pk)], real=2, generated=2, stimulus_size=64, zoom=zoom, seed=3)
        Study.objects.filter(slug=zoom).update(title="One")
        call_command("open_study", zoom)
        hashes.add(Study.objects.get(slug=zoom).design_hash)
    assert len(hashes) == 3
