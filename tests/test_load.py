"""The load benchmarks count correctly what readers were told, because a wrong count would hide a lost answer."""

import json

import pytest

from benchmarks.dashboard import make_study
from benchmarks.load.chaos import judge
from benchmarks.load.http import Reply
from benchmarks.load.reader import Answer, meaning
from turing.models import Response

ANSWER = Answer("study", reading=7, position=3, answer="real", confidence=2, response_time_ms=900)
STORED = {"reading": 7, "position": 3, "answer": "real", "confidence": 2}


def _reply(status, body, kind="application/json"):
    return Reply(status, f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n".encode(), body)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"stored": STORED}, "stored"),
        (409, {"stored": STORED | {"answer": "generated"}, "refused": "answered"}, "other"),
        (200, {"stored": STORED | {"position": 4}}, "200 later: ?"),
        (200, {"stored": STORED | {"reading": 8}}, "200 later: ?"),
        (409, {"refused": "closed"}, "refused"),
        (409, {"later": "paused"}, "409 later: paused"),
        (503, {"later": "busy"}, "503 later: busy"),
        (200, ["stored"], "200 without JSON"),
    ],
)
def test_an_answer_is_stored_only_when_the_reply_names_it_and_its_value(status, body, expected):
    assert meaning(_reply(status, json.dumps(body).encode()), ANSWER)[0] == expected


def test_a_page_that_is_not_json_acknowledges_nothing():
    assert meaning(_reply(200, json.dumps({"stored": STORED}).encode(), "text/html"), ANSWER)[0] == "200 without JSON"
    assert meaning(_reply(200, b"<html>"), ANSWER)[0] == "200 without JSON"


def _judged(told, rows, contradictions=()):
    found = {"stored": told, "contradictions": list(contradictions), "refused": [], "undelivered": 0, "tries": 1}
    counts = judge(found, rows)
    return counts["lost"], counts["doubled"], counts["changed"]


def test_lost_doubled_and_changed_answers_are_counted():
    row, other = [7, 3, "real", 2], [7, 4, "real", 2]
    assert _judged([row, other], [row, other]) == (0, 0, 0)
    assert _judged([row, other], [row]) == (1, 0, 0)
    assert _judged([row], [row, row]) == (0, 1, 0)
    assert _judged([row], [[7, 3, "generated", 2]]) == (0, 0, 1)
    assert _judged([row], [[7, 3, "real", 3]]) == (0, 0, 1)
    assert _judged([row], [row], ["told two values"]) == (0, 0, 1)
    assert _judged([], [row]) == (0, 0, 0)  # stored, and the reply was lost: sent again it is the same answer


@pytest.mark.django_db
def test_the_study_that_benchmarks_measure_on_can_still_be_made():
    study = make_study(readers=2, per_group=3)
    assert study.is_open
    assert (study.stimulus_count, study.stimuli.count()) == (12, 12)
    assert Response.objects.filter(trial__reading__study=study).count() == 2 * 12
