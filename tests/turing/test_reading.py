"""A reading goes forward, counts every answer once, and reveals nothing."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.conftest import make_reader
from turing.models import Response, Study, Trial
from turing.reading.passage import record_response, start_reading
from turing.reading.randomisation import form_order


@pytest.fixture
def reading(study, reader, client):
    client.force_login(reader.user)
    client.post(study.get_absolute_url(), {"consent": "on"})
    return reader.readings.get()


def answer(client, study, page, trial, **values):
    data = {"position": trial, "answer": "real", "confidence": 2, "response_time_ms": "812"} | values
    return client.post(reverse("trial", args=[study.slug, page]), data)


def test_consent_is_recorded_with_version_and_time(reading, study):
    assert reading.consent_version == study.consent_version
    assert abs(reading.consented_at - timezone.now()) < timedelta(minutes=5)


def test_without_consent_nothing_begins(client, study, reader):
    client.force_login(reader.user)
    assert client.post(study.get_absolute_url(), {}).status_code == 200
    assert not Trial.objects.exists()


def test_the_order_follows_from_the_seed_and_differs_between_readers(reading, study):
    order = [trial.stimulus_id for trial in reading.trials.order_by("position")]
    ids = [stimulus.pk for stimulus in study.stimuli.all()]
    assert order == form_order(reversed(ids), reading.seed)
    other = start_reading(study, make_reader("other@test.example"))
    assert order != [trial.stimulus_id for trial in other.trials.order_by("position")]
    assert set(order) == set(ids)


def test_every_position_is_as_likely_for_every_stimulus():
    ids = list(range(4))
    counts = [[0] * 4 for _ in ids]
    for seed in range(4000):
        for position, one in enumerate(form_order(ids, seed)):
            counts[one][position] += 1
    assert all(900 < count < 1100 for row in counts for count in row)


def test_a_repeated_post_is_answered_as_the_first_and_changes_nothing(client, study, reading):
    first = answer(client, study, 1, 1)
    again = answer(client, study, 1, 1, answer="generated", confidence=4)
    assert first.url == again.url == reverse("trial", args=[study.slug, 2])
    response = Response.objects.get()
    assert (response.answer, response.confidence, response.response_time_ms) == ("real", 2, 812)


def test_no_image_is_answered_out_of_turn(client, study, reading):
    assert answer(client, study, 5, 5).url == reverse("trial", args=[study.slug, 1])
    assert client.get(reverse("trial", args=[study.slug, 7])).url == reverse("trial", args=[study.slug, 1])
    assert client.get(reverse("trial", args=[study.slug, 99])).status_code == 404
    assert not Response.objects.exists()


@pytest.mark.parametrize(
    "values", [{"answer": ""}, {"answer": "fake"}, {"confidence": ""}, {"confidence": "9"}, {"position": "x"}]
)
def test_a_bad_answer_is_refused_with_a_message_on_the_page(client, study, reading, values):
    page = answer(client, study, 1, 1, **values)
    assert page.status_code == 422
    assert "errorlist" in page.content.decode()
    assert not Response.objects.exists()


@pytest.mark.parametrize("time", ["", "-5", "soon", "9" * 30])
def test_a_strange_response_time_does_not_cost_the_answer(client, study, reading, time):
    answer(client, study, 1, 1, response_time_ms=time)
    assert Response.objects.get().response_time_ms is None


def test_a_closed_study_takes_no_answer(client, study, reading):
    Study.objects.filter(pk=study.pk).update(state="closed")
    answer(client, study, 1, 1)
    assert not Response.objects.exists()
    assert "closed" in client.get(study.get_absolute_url()).content.decode()


def test_form_pages_hold_several_images_and_save_them_one_by_one(client, study, reader):
    Study.objects.filter(pk=study.pk).update(images_per_page=10)
    client.force_login(reader.user)
    client.post(study.get_absolute_url(), {"consent": "on"})
    page = client.get(reverse("trial", args=[study.slug, 1])).content.decode()
    assert page.count("/stimuli/") == 10
    for position in range(1, 21):
        following = answer(client, study, (position - 1) // 10 + 1, position).url
        if position == 3:
            assert following == reverse("trial", args=[study.slug, 1]) + "#image-4"
    assert following == study.get_absolute_url()
    assert reader.readings.get().completed_at is not None


def test_images_come_with_equal_headers_and_only_to_those_whose_form_has_them(client, study, reading):
    seen = set()
    for stimulus in study.stimuli.all():
        response = client.get(stimulus.get_absolute_url())
        headers = tuple(sorted((name, value) for name, value in response.headers.items()))
        seen.add((response.status_code, len(response.content), headers))
    assert len(seen) == 1
    assert {"ETag", "Last-Modified"}.isdisjoint(dict(next(iter(seen))[2]))
    client.force_login(make_reader("stranger@test.example").user)
    assert client.get(stimulus.get_absolute_url()).status_code == 404
    client.logout()
    assert client.get(stimulus.get_absolute_url()).status_code == 404


def test_pages_of_real_and_generated_images_are_the_same_but_for_ids(client, study, reading):
    import re

    pages = {}
    for position in range(1, 21):
        html = client.get(reverse("trial", args=[study.slug, position])).content.decode()
        html = re.sub(r'csrfmiddlewaretoken" value="[^"]+"|<script id="ahead".*?</script>|[0-9a-f-]{36}', "", html)
        html = re.sub(r"\d+", "#", html)
        truth = reading.trials.get(position=position).stimulus.truth
        pages.setdefault(truth, set()).add(html)
        record_response(reading, position, "real", 1, None)
    assert pages["real"] == pages["generated"]
    assert "lesion_image" not in html
    assert "latent" not in html


def test_pages_of_a_form_take_few_queries(client, study, reading, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        client.get(reverse("trial", args=[study.slug, 1]))


JSON = {"Accept": "application/json"}


def send(client, study, page, **values):
    """Send an answer as the page's script does."""
    data = {"position": page, "answer": "real", "confidence": 2} | values
    return client.post(reverse("trial", args=[study.slug, page]), data, headers=JSON)


def test_a_script_is_told_what_is_stored_also_when_it_sends_the_answer_again(client, study, reading):
    stored = {"reading": reading.pk, "position": 1, "answer": "real", "confidence": 2}
    for _ in range(2):
        reply = send(client, study, 1, reading=reading.pk)
        assert reply.status_code == 200
        assert reply.json()["stored"] == stored


def test_another_answer_to_an_answered_image_is_refused_and_the_stored_one_is_told(client, study, reading):
    send(client, study, 1)
    reply = send(client, study, 1, answer="generated", confidence=4)
    assert reply.status_code == 409
    assert reply.json()["refused"] == "answered"
    assert reply.json()["stored"] == {"reading": reading.pk, "position": 1, "answer": "real", "confidence": 2}
    assert "You have already answered image 1: real" in reply.json()["message"]
    page = client.get(answer(client, study, 1, 1, answer="generated").url).content.decode()
    assert "You have already answered image 1: real. That answer counts." in page
    assert Response.objects.count() == 1


@pytest.mark.parametrize(
    ("state", "kind", "reason"),
    [("paused", "later", "paused"), ("closed", "refused", "closed"), ("archived", "refused", "closed")],
)
def test_a_script_is_told_whether_a_refusal_is_final(client, study, reading, state, kind, reason):
    Study.objects.filter(pk=study.pk).update(state=state)
    reply = send(client, study, 1)
    assert (reply.status_code, reply.json()[kind]) == (409, reason)
    assert not Response.objects.exists()


def test_a_script_is_told_when_consent_was_withdrawn_and_when_there_is_no_such_image(client, study, reading):
    assert send(client, study, 99).json()["refused"] == "no_such_image"
    reading.withdrawn_at = timezone.now()
    reading.save()
    assert send(client, study, 1).json()["refused"] == "withdrawn"


def test_an_answer_is_never_stored_for_somebody_who_logged_in_since(client, study, reading):
    other = make_reader("other@test.example")
    theirs = start_reading(study, other)
    client.force_login(other.user)
    reply = send(client, study, 1, reading=reading.pk)
    assert (reply.status_code, reply.json()["later"]) == (403, "other_reader")
    assert answer(client, study, 1, 1, reading=reading.pk).status_code == 302
    assert not Response.objects.exists()
    assert send(client, study, 1, reading=theirs.pk).status_code == 200


def test_a_script_without_log_in_is_told_so_in_json(client, study, reading):
    client.logout()
    reply = send(client, study, 1, reading=reading.pk)
    assert (reply.status_code, reply.json()["later"]) == (401, "login")


def test_an_answer_takes_few_queries_and_the_last_one_completes_the_reading(
    client, study, reading, django_assert_max_num_queries
):
    for position in range(1, 21):
        with django_assert_max_num_queries(6):
            assert send(client, study, position).status_code == 200
    reading.refresh_from_db()
    assert reading.completed_at is not None


def test_the_start_page_says_which_studies_a_reader_has_begun_or_completed(client, study, reader):
    client.force_login(reader.user)
    shown = []
    for _ in range(3):
        page = client.get("/").content.decode()
        shown.append([text in page for text in ("Take part", "Continue", "You have answered every image")])
        started = start_reading(study, reader)
        if len(shown) == 2:
            for trial in started.trials.order_by("position"):
                record_response(started, trial.position, "real", 2, 900)
    assert shown == [[True, False, False], [False, True, False], [False, False, True]]


def test_an_image_takes_few_queries(client, study, reading, django_assert_max_num_queries):
    stimulus = study.stimuli.first()
    with django_assert_max_num_queries(3):
        assert client.get(stimulus.get_absolute_url()).status_code == 200
