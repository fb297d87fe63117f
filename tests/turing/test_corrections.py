"""Corrections: which are allowed, what is kept, and that no order of arrival loses or overrules an answer."""

import csv
import io
import itertools
import json
import threading
import zipfile

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from tests.conftest import make_reader
from tests.turing.test_audit_blinding import _changing_pages, leaks_of
from tests.turing.test_questions import FURTHER, QUESTIONS
from turing.errors import StudyError
from turing.models import AuditLine, FurtherAnswer, ReplacedAnswer, Response, Study
from turing.models.withdrawal import withdraw
from turing.people.erasure import erase
from turing.reading.passage import record_response, start_reading
from turing.reading.questions import Further
from turing.results import looks
from turing.results.corrections import correction_rows, correction_sentence, with_corrections
from turing.results.counting import PEOPLE, counted, version_of
from turing.results.exports import to_csv
from turing.results.looks import take_look
from turing.studies.design import design_hash

JSON = {"Accept": "application/json"}


def make_study(run, tmp_path, questions=(), **options) -> Study:
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(list(questions)))
    values = {"real": 3, "generated": 3, "stimulus_size": 64, "break_every": 4, "corrections": True} | options
    call_command("create_study", "Slips", run=[str(run.pk)], questions=file, **values)
    call_command("open_study", "slips")
    return Study.objects.get(slug="slips")


@pytest.fixture
def slips(run, tmp_path) -> Study:
    """Twelve images, a break after four and after eight."""
    return make_study(run, tmp_path)


@pytest.fixture
def reading(slips, reader, client):
    client.force_login(reader.user)
    client.post(slips.get_absolute_url(), {"consent": "on"})
    return reader.readings.get()


def send(client, position, answer="real", number=0, **values):
    data = {"position": position, "answer": answer, "confidence": 2, "number": number} | values
    return client.post(reverse("trial", args=["slips", position]), data, headers=JSON)


def told(reply):
    """The reply's outcome of the answer, and the number that it names."""
    body = reply.json()
    return body.get("refused") or body.get("later") or "stored", body.get("stored", {}).get("number")


def stored(position):
    """The answers to one image: the one that counts, then the replaced ones in order."""
    counts = Response.objects.get(trial__position=position)
    replaced = ReplacedAnswer.objects.filter(trial__position=position).values_list("number", "answer")
    return [(counts.number, counts.answer), *replaced]


def test_a_correction_counts_and_the_answer_before_is_kept_with_its_time(client, slips, reading):
    send(client, 1, "real", response_time_ms=812, away_ms=3)
    before = Response.objects.get()
    version = version_of(slips, PEOPLE)
    assert told(send(client, 1, "generated", 1, confidence=4, response_time_ms=400)) == ("stored", 1)
    now, kept = Response.objects.get(), ReplacedAnswer.objects.get()
    assert (now.answer, now.confidence, now.response_time_ms, now.number) == ("generated", 4, 400, 1)
    assert (kept.answer, kept.confidence, kept.response_time_ms, kept.away_ms) == ("real", 2, 812, 3)
    assert kept.answered_at == before.answered_at < now.answered_at
    assert now.pk > before.pk
    assert version_of(slips, PEOPLE) != version


def test_all_questions_of_an_image_are_corrected_together(run, tmp_path, reader, client):
    make_study(run, tmp_path, QUESTIONS)
    reading = start_reading(Study.objects.get(), reader)
    client.force_login(reader.user)
    send(client, 1, "generated", **FURTHER, **{"q-notes": "Dr Smith's", "q-cues": ["hair", "other"]})
    page = client.get(reverse("trial", args=["slips", 1]) + "?correct=1").content.decode()
    for field in ('name="q-tumour" value="melanoma" required checked', 'value="Dr Smith&#x27;s"'):
        assert field in page
    assert page.count('type="checkbox" name="q-cues"') == 9
    assert page.count("checked") == 8
    reply = send(client, 1, "generated", 1, **FURTHER | {"q-realism": "1"})
    assert reply.json()["stored"]["further"] == FURTHER | {"q-realism": "1", "q-cues": [], "q-region": []}
    assert FurtherAnswer.objects.count() == 3
    kept = {one["question"]: one["value"] for one in ReplacedAnswer.objects.get().further}
    assert kept == {
        "tumour": "melanoma", "realism": "6", "biopsy": "no", "notes": "Dr Smith's", "cues": '["hair", "other"]',
    }  # fmt: skip
    erase(reading.reader.user)
    assert "notes" not in {one["question"] for one in ReplacedAnswer.objects.get().further}


def test_the_page_shows_the_earlier_answer_as_chosen_and_works_without_a_script(client, reading):
    address = reverse("trial", args=["slips", 1])
    send(client, 1, "generated", confidence=3)
    following = client.get(reverse("trial", args=["slips", 2])).content.decode()
    assert f'href="{address}?correct=1" data-backspace>' in following
    page = client.get(f"{address}?correct=1").content.decode()
    assert 'value="generated" data-key="g" required checked' in page
    assert 'name="confidence" value="3" required checked' in page
    assert 'name="number" value="1"' in page
    bad = client.post(f"{address}?correct=1", {"position": 1, "number": 1, "answer": "real"})
    assert (bad.status_code, 'name="number" value="1"' in bad.content.decode()) == (422, True)
    done = client.post(f"{address}?correct=1", {"position": 1, "number": 1, "answer": "real", "confidence": 3})
    assert done.url == reverse("trial", args=["slips", 2])
    assert stored(1) == [(1, "real"), (0, "generated")]
    answered = client.get(address).content.decode()
    assert '<a href="?correct=1">Change this answer</a>' in answered


def test_leaving_it_as_it_was_or_answering_the_same_corrects_nothing_and_keeps_the_time(client, reading):
    send(client, 1, "real", response_time_ms=812)
    assert told(send(client, 1, "real", 1)) == ("stored", 1)
    assert stored(1) == [(0, "real")]
    assert Response.objects.get().response_time_ms == 812
    assert told(send(client, 1, "real", 1, confidence=4)) == ("stored", 1)  # the judgement stays, and so does its time
    assert list(Response.objects.values_list("confidence", "response_time_ms", "number")) == [(4, 812, 1)]


def test_a_study_that_allows_no_corrections_takes_none_and_offers_none(client, study, reader):
    client.force_login(reader.user)
    client.post(study.get_absolute_url(), {"consent": "on"})
    address = reverse("trial", args=[study.slug, 1])
    data = {"position": 1, "answer": "real", "confidence": 2}
    assert "number" not in client.post(address, data, headers=JSON).json()["stored"]
    refused = client.post(address, data | {"answer": "generated", "number": 1}, headers=JSON)
    assert refused.json()["refused"] == "answered"
    assert client.get(f"{address}?correct=1").url == reverse("study-continue", args=[study.slug])
    page = client.get(reverse("trial", args=[study.slug, 2])).content.decode()
    assert "Back to the last image" not in page
    assert 'name="number"' not in page


def test_a_break_closes_what_was_before_it_once_the_reader_has_gone_on(client, reading):
    for position in (1, 2, 3, 4):
        where = send(client, position).json()["location"]
    assert where == reverse("study-break", args=["slips"])
    assert f"{reverse('trial', args=['slips', 4])}?correct=4" in client.get(where).content.decode()
    correct = client.get(reverse("trial", args=["slips", 4]) + "?correct=4").content.decode()
    unchanged = f"{reverse('study-continue', args=['slips'])}?after=4"
    assert f'href="{unchanged}"' in correct
    assert client.get(unchanged).url == where
    assert send(client, 4, "generated", 1).json()["location"] == where
    following = client.get(reverse("trial", args=["slips", 5])).content.decode()
    assert " hidden data-backspace" in following
    send(client, 5)
    assert told(send(client, 4, "real", 2)) == ("answered", 1)
    assert client.get(reverse("trial", args=["slips", 4]) + "?correct=4").status_code == 302
    assert stored(4) == [(1, "generated"), (0, "real")]


def test_practice_is_not_corrected_since_its_truth_is_told(run, tmp_path, reader, client):
    study = make_study(run, tmp_path, practice_images=2)
    client.force_login(reader.user)
    start_reading(study, reader)
    for position in (1, 2):
        send(client, position)
        assert told(send(client, position, "generated", 1)) == ("answered", 0)
    assert " hidden data-backspace" in client.get(reverse("trial", args=["slips", 3])).content.decode()


def test_on_a_page_of_several_images_the_last_one_is_asked_about_again(
    run, tmp_path, reader, client, django_assert_max_num_queries
):
    study = make_study(run, tmp_path, images_per_page=6, break_every=6)
    client.force_login(reader.user)
    start_reading(study, reader)
    address = reverse("trial", args=["slips", 1])
    for position in (1, 2):
        client.post(address, {"position": position, "answer": "generated", "confidence": 3})
    with django_assert_max_num_queries(4):
        client.get(address)
    page = client.get(f"{address}?correct=2").content.decode()
    assert page.count("<form") - page.count('action="') == 1
    assert 'name="position" value="2"' in page
    assert 'value="generated" data-key="g" required checked' in page
    data = {"position": 2, "answer": "real", "confidence": 3, "number": 1}
    assert client.post(f"{address}?correct=2", data).url == f"{address}#image-3"
    assert stored(2) == [(1, "real"), (0, "generated")]
    after = client.get(address).content.decode()
    assert (after.count("Change this answer"), f'href="{address}?correct=2" data-backspace' in after) == (1, True)


@pytest.mark.parametrize(
    ("state", "expected"), [("paused", "paused"), ("closed", "closed"), ("withdrawn", "withdrawn")]
)
def test_no_correction_is_taken_where_no_answer_is(client, slips, reading, state, expected):
    send(client, 1)
    if state == "withdrawn":
        withdraw(reading)
    else:
        Study.objects.update(state=state)
    assert told(send(client, 1, "generated", 1))[0] == expected
    assert stored(1) == [(0, "real")]


def test_a_reading_that_is_complete_is_corrected_no_more(client, reading):
    for position in range(1, 13):
        send(client, position)
    assert told(send(client, 12, "generated", 1)) == ("answered", 0)


ANSWERS = [(0, "real", 1), (1, "generated", 2), (2, "real", 3)]


@pytest.mark.parametrize("order", list(itertools.permutations(ANSWERS)))
def test_in_whatever_order_answers_arrive_and_arrive_again_the_last_one_counts_and_none_is_lost(client, reading, order):
    for number, answer, confidence in [*order, *order]:
        assert told(send(client, 1, answer, number, confidence=confidence)) == ("stored", number)
    assert stored(1) == [(2, "real"), (0, "real"), (1, "generated")]
    assert Response.objects.get().confidence == 3


def test_another_answer_of_a_number_that_is_taken_is_refused_and_told_what_counts(client, reading):
    """Two tabs show the first answer, and each corrects it differently."""
    send(client, 1, "real")
    send(client, 1, "generated", 1)
    reply = send(client, 1, "real", 1, confidence=4)
    assert told(reply) == ("answered", 1)
    assert "You have already answered image 1: generated" in reply.json()["message"]
    assert told(send(client, 1, "generated", 0)) == ("answered", 1)  # as an older page of another device
    assert stored(1) == [(1, "generated"), (0, "real")]


def test_a_correction_that_comes_after_later_answers_is_taken_within_the_block(client, reading):
    for position in (1, 2, 3):
        send(client, position)
    assert told(send(client, 1, "generated", 1)) == ("stored", 1)
    assert send(client, 2, "generated", 1).json()["location"] == reverse("trial", args=["slips", 4])


def test_a_correction_to_an_image_whose_turn_has_not_come_waits(client, reading):
    assert told(send(client, 2, "generated", 1)) == ("out_of_turn", None)
    assert send(client, 1, number=1000).json()["refused"] == "invalid"


@pytest.mark.django_db(transaction=True)
def test_of_corrections_that_come_at_once_one_is_stored_and_the_others_are_told(run, tmp_path, reader):
    reading = start_reading(make_study(run, tmp_path), reader)
    record_response(reading, 1, "real", 1, None)
    found, barrier = [], threading.Barrier(4)

    def correct(level: int) -> None:
        barrier.wait()
        found.append(record_response(reading, 1, "generated", level, None, number=1))
        connection.close()

    threads = [threading.Thread(target=correct, args=(level,)) for level in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.is_taken for one in found].count(True) == 1
    assert {one.stored for one in found} == {("generated", Response.objects.get().confidence, ())}
    assert stored(1) == [(1, "generated"), (0, "real")]


def test_an_answer_that_a_look_has_counted_is_corrected_no_more(run, tmp_path, reader, client):
    study = make_study(run, tmp_path, break_every=0, planned_readers=2, looks="25%")
    client.force_login(reader.user)
    start_reading(study, reader)
    for position in range(1, 7):
        send(client, position)
    send(client, 6, "generated", 1)
    look = take_look(study, PEOPLE)
    assert told(send(client, 6, "real", 2)) == ("answered", 1)
    send(client, 7)
    assert told(send(client, 7, "generated", 1)) == ("stored", 1)
    assert look.answers == counted(study, PEOPLE).count() == 6
    assert AuditLine.objects.get(what=AuditLine.What.LOOKED).detail["answers"] == 6


def test_a_look_during_which_an_answer_is_corrected_is_not_taken(run, tmp_path, reader, monkeypatch):
    study = make_study(run, tmp_path, planned_readers=2, looks="25%")
    reading = start_reading(study, reader)
    for position in range(1, 7):
        record_response(reading, position, "real", 1, None)
    compute = looks._numbers

    def corrected_meanwhile(*arguments):
        record_response(reading, 6, "generated", 1, None, number=1)
        return compute(*arguments)

    monkeypatch.setattr(looks, "_numbers", corrected_meanwhile)
    with pytest.raises(StudyError, match="an answer was corrected or withdrawn at the same moment"):
        take_look(study, PEOPLE)
    monkeypatch.undo()
    assert take_look(study, PEOPLE).answers == 6


def read_by(study, reader, corrections):
    """A reader who judged everything real and then corrected answers by position."""
    reading = start_reading(study, reader)
    for trial in reading.trials.order_by("position"):
        record_response(reading, trial.position, "real", 1, 900)
        for number, answer in enumerate(corrections.get(trial.position, ()), start=1):
            record_response(reading, trial.position, answer, 1, 500, number=number)
    return {one.position: one.stimulus.truth for one in reading.trials.select_related("stimulus")}


def test_results_count_corrections_and_the_export_says_what_came_first(slips, reader, client, researcher, tmp_path):
    truths = read_by(slips, reader, {1: ["generated"], 2: ["generated", "real"]})
    read_by(slips, make_reader("other@test.example"), {})
    analysis = with_corrections(slips, PEOPLE, {})
    found = analysis["corrections"]
    right = truths[1] == "generated"
    assert (found["answers"], found["corrected"], found["earlier_answers"]) == (24, 2, 3)
    assert (found["readers"], found["readers_who_corrected"]) == (2, 1)
    assert (found["real_to_generated"], found["generated_to_real"], found["judgement_kept"]) == (1, 0, 1)
    assert (found["wrong_to_right"], found["right_to_wrong"]) == (right, not right)
    assert (found["fooled_first"], found["fooled"]) == (12, 12 - right)
    assert (found["median_share"], found["largest_share"]) == (1 / 12, 1 / 6)
    assert "2 of 24 answers (8.3%) were corrected, by 1 of 2 readers" in correction_sentence(analysis)
    assert correction_rows(analysis, None)[0] == {
        "what": "answers that were corrected", "number": 2, "of": 24, "share": 1 / 12,
    }  # fmt: skip
    rows = [row for row in csv.DictReader(io.StringIO(to_csv(slips, PEOPLE).decode())) if row["changes"] != "0"]
    told_of = ("trial_index", "response", "changes", "first_answer", "rt_ms")
    assert [tuple(row[name] for name in told_of) for row in rows] == [
        ("1", "generated", "1", "real", "500"), ("2", "real", "2", "real", "500"),
    ]  # fmt: skip
    assert {row["since_previous_ms"] for row in rows} == {""}
    Study.objects.update(owner=researcher)
    client.force_login(researcher)
    page = client.get(reverse("results", args=["slips"]))
    assert correction_sentence(analysis) in page.content.decode()
    assert "2 of 24 answers were corrected" in page.context["methods"]
    assert client.get(reverse("table", args=["slips", "corrections"])).content.startswith(b"what,number,of,share")
    assert "may correct the answer to the last image" in slips.preregistration.document
    call_command("archive_study", "slips", output=tmp_path / "a.zip")
    call_command("verify_archive", str(tmp_path / "a.zip"))


def test_an_answer_that_counts_and_its_correction_that_commits_later_have_two_versions(slips, reading):
    """On PostgreSQL the correction may get its key first and become visible last."""
    for position in (1, 2):
        record_response(reading, position, "real", 1, 900)
    version = version_of(slips, PEOPLE)
    first = Response.objects.get(trial__position=1)
    values = {"pk": first.pk, "trial": first.trial, "answered_at": first.answered_at}
    first.delete()
    Response.objects.create(**values, number=1, answer="generated")
    assert version_of(slips, PEOPLE) != version


def test_where_nobody_judges_the_time_stays_with_the_answer_that_it_is_of_and_results_count_corrections(
    run, tmp_path, reader, client, researcher
):
    questions = [
        {"type": "text", "name": "notes"},
        {"type": "diagnosis", "name": "tumour", "options": ["melanoma", "BCC"], "confidence": True, "primary": True},
        {"type": "quality"},
    ]
    study = make_study(run, tmp_path, questions, purpose_blinded=True)
    reading = start_reading(study, reader)

    def answer(number, tumour, quality, time):
        further = (Further("tumour", tumour, 2), Further("quality", quality, None))
        record_response(reading, 1, "", None, time, further=further, number=number)
        return Response.objects.get().response_time_ms

    assert answer(0, "melanoma", "3", 900) == 900
    assert answer(1, "melanoma", "4", 400) == 900  # the diagnosis stays, and so does its time
    assert answer(2, "BCC", "4", 500) == 500
    Study.objects.update(owner=researcher)
    client.force_login(researcher)
    assert json.loads(client.get(reverse("export", args=["slips", "json"])).content)["corrections"] == {
        "answers": 1, "corrected": 1, "earlier_answers": 2, "readers": 1, "readers_who_corrected": 1,
        "median_share": 1, "largest_share": 1,
    }  # fmt: skip
    for name in ("results", "report"):
        page = client.get(reverse(name, args=["slips"]))
        assert "1 of 1 answers (100.0%) were corrected, by 1 of 1 readers." in page.content.decode()
        assert "1 of 1 answers were corrected" in page.context["methods"]
    assert b"answers that were corrected,1,1" in client.get(reverse("table", args=["slips", "corrections"])).content
    call_command("archive_study", "slips", output=tmp_path / "a.zip")
    assert "tables/corrections.csv" in zipfile.ZipFile(tmp_path / "a.zip").namelist()


def test_a_study_without_corrections_has_the_hash_it_had_and_one_with_them_another(slips):
    with_them = design_hash(slips, slips.stimuli.all())
    slips.corrections = False
    assert design_hash(slips, slips.stimuli.all()) != with_them


def page_middleware(get_response):
    """The page on which an answer is corrected says that its image is generated."""
    return _changing_pages(
        get_response,
        lambda html, item: (
            html.replace("your earlier answer", "your  earlier answer") if item.truth == "generated" else html
        ),
    )


def link_middleware(get_response):
    """The way back has another link if the image is real."""
    return _changing_pages(
        get_response, lambda html, item: html.replace("data-backspace", "data-back") if item.truth == "real" else html
    )


def reply_middleware(get_response):
    """The reply to a correction says whether it is right."""

    def middleware(request):
        response = get_response(request)
        if request.POST.get("number", "0") != "0" and response.status_code == 200:
            response.content = json.dumps(json.loads(response.content) | {"right": True}).encode()
        return response

    return middleware


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        (None, set()),
        (page_middleware, {"text of pages for corrections"}),
        (link_middleware, {"text of pages"}),
        (reply_middleware, {"words of pages"}),
    ],
)
def test_the_audit_finds_what_a_correction_tells_and_nothing_else(slips, settings, middleware, expected):
    if middleware:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{middleware.__name__}"]
    assert leaks_of(slips) - {"everything but pixels"} == expected
