"""A researcher runs a study: pauses, closes, archives, clones, monitors; and cannot overwrite a colleague's changes."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from tests.conftest import make_reader
from turing.errors import StudyError
from turing.models import Reading, Response, Study
from turing.reading.passage import record_response, start_reading
from turing.studies.design import design_hash
from turing.studies.lifecycle import clone_study, move_study
from turing.studies.monitor import monitor


def post(client, study, action):
    return client.post(reverse(f"study-{action}", args=[study.slug]), follow=True).content.decode()


def test_a_paused_study_takes_no_answers_until_it_goes_on(client, study, researcher, reader):
    reading = start_reading(study, reader)
    client.force_login(researcher)
    assert "The study is paused." in post(client, study, "pause")
    with pytest.raises(StudyError, match="is paused"):
        record_response(reading, 1, "real", 1, None)
    with pytest.raises(StudyError, match="not open"):
        start_reading(study, make_reader("late@test.example"))
    client.force_login(reader.user)
    assert "This study is paused" in client.get(study.get_absolute_url()).content.decode()
    client.force_login(researcher)
    post(client, study, "resume")
    assert record_response(reading, 1, "real", 1, None)


def test_states_follow_one_another_and_no_other_way(client, study, researcher):
    client.force_login(researcher)
    assert "to archive it, it must be closed" in post(client, study, "archive")
    for action, state in (("pause", "paused"), ("close", "closed"), ("archive", "archived"), ("restore", "closed")):
        post(client, study, action)
        assert Study.objects.get(pk=study.pk).state == state
    assert "must be open or paused" in post(client, study, "close")
    assert Study.objects.get(pk=study.pk).closed_at is not None
    assert design_hash(study, study.stimuli.all()) == study.design_hash


def test_archived_studies_stand_apart(client, study, researcher):
    for action in ("close", "archive"):
        move_study(study, action)
    client.force_login(researcher)
    page = client.get(reverse("research"))
    assert list(page.context["studies"]) == []
    assert study.title in page.content.decode()
    assert client.get(reverse("results", args=[study.slug])).status_code == 200


def test_a_clone_is_a_draft_of_the_same_design(study):
    study.practice_images = 3
    copy = clone_study(study)
    assert (copy.state, copy.title, copy.practice_images) == ("draft", "Small study (copy)", 3)
    assert (copy.diagnoses, copy.seed, list(copy.generators.all())) == (
        study.diagnoses,
        study.seed,
        list(study.generators.all()),
    )
    assert copy.stimuli.count() == 0
    assert clone_study(study).slug != copy.slug


def test_two_researchers_at_once_do_not_overwrite_each_other(client, draft, researcher):
    client.force_login(researcher)
    address = reverse("study-edit", args=[draft.slug])
    shown = client.get(address).context["form"]
    mine = {name: shown[name].value() for name in shown.fields} | {"title": "Mine"}
    mine = {name: value for name, value in mine.items() if value is not None and value is not False}
    theirs = mine | {"title": "Theirs"}
    assert client.post(address, theirs).status_code == 302
    refused = client.post(address, mine)
    assert refused.status_code == 422
    assert "Somebody else has saved this draft" in refused.content.decode()
    assert 'value="Mine"' in refused.content.decode()
    before = draft.revision
    draft.refresh_from_db()
    assert (draft.title, draft.revision) == ("Theirs", before + 1)


def test_the_monitor_shows_progress_and_pace_of_people(client, study, researcher, reader):
    readings = [
        start_reading(study, one) for one in (reader, make_reader("b@test.example"), make_reader("c@test.example"))
    ]
    for position, time in enumerate((900, 1500, 1200), start=1):
        record_response(readings[0], position, "real", 1, time)
    for position in range(1, 21):
        record_response(readings[1], position, "real", 1, None)
    Reading.objects.filter(pk=readings[2].pk).update(consented_at=timezone.now() - timedelta(days=3))
    found = {one.pseudonym: one for one in monitor(study)}
    first, done, stalled = (found[reading.reader.pseudonym] for reading in readings)
    assert (first.state, first.answered, first.total, first.median_ms) == ("reading", 3, 20, 1200)
    assert (done.state, done.answered, done.median_ms) == ("done", 20, None)
    assert (stalled.state, stalled.answered, stalled.last_answer_at) == ("stalled", 0, None)
    client.force_login(researcher)
    page = client.get(reverse("research-study", args=[study.slug])).content.decode()
    assert page.count("Send a reminder") == 1
    assert "@test.example" not in page


def test_the_monitor_takes_two_queries_however_many_readers(study, django_assert_num_queries):
    for index in range(4):
        record_response(start_reading(study, make_reader(f"r{index}@test.example")), 1, "real", 1, 700)
    with django_assert_num_queries(2):
        monitor(study)


def test_a_reminder_is_one_mail_a_day_to_a_reader_who_stopped(client, study, researcher, reader):
    reading = start_reading(study, reader)
    record_response(reading, 1, "real", 1, 700)
    client.force_login(researcher)
    address = reverse("study-remind", args=[study.slug, reader.pseudonym])
    client.post(address)
    assert [(one.to, "19 images are left" in one.subject) for one in mail.outbox] == [(["reader@test.example"], True)]
    assert study.get_absolute_url() in mail.outbox[0].body
    assert "reminded within the last day" in client.post(address, follow=True).content.decode()
    assert len(mail.outbox) == 1
    for position in range(2, 21):
        record_response(reading, position, "real", 1, 700)
    assert client.post(address).status_code == 404
    assert Response.objects.count() == 20
