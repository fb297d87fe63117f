"""After the last image: score and certificate; and withdrawal at any time."""

import pytest
from django.contrib.auth import authenticate
from django.urls import reverse

from tests.conftest import PASSWORD, make_reader
from turing.errors import StudyError
from turing.models import AuditLine, Response, Study, Truth
from turing.reading.passage import record_response, start_reading
from turing.results.counting import PEOPLE, load_responses


@pytest.fixture
def done(study, reader, client):
    """A reader who said real to every image."""
    client.force_login(reader.user)
    reading = start_reading(study, reader)
    for position in range(1, 21):
        record_response(reading, position, Truth.REAL, 1, 800)
    reading.refresh_from_db()
    return reading


def test_the_score_is_told_once_the_study_is_closed_if_the_design_says_so(client, study, done):
    def page():
        return client.get(study.get_absolute_url()).content.decode()

    Study.objects.filter(pk=study.pk).update(show_score=True)
    assert "How you did" not in page()
    Study.objects.filter(pk=study.pk).update(state="closed")
    assert "10 of 20 images right (50.0%)" in page()
    assert "10 of 10 generated images for real (100.0%)" in page()
    Study.objects.filter(pk=study.pk).update(show_score=False)
    assert "How you did" not in page()


def test_the_certificate_is_for_those_who_finished(client, study, done):
    page = client.get(reverse("certificate", args=[study.slug])).content.decode()
    assert "Dr Test" in page
    assert study.design_hash in page
    other = make_reader("half@test.example")
    start_reading(study, other)
    client.force_login(other.user)
    assert client.get(reverse("certificate", args=[study.slug])).status_code == 404


def test_a_reader_who_withdraws_leaves_the_analysis_and_gives_no_more_answers(client, study, reader):
    client.force_login(reader.user)
    reading = start_reading(study, reader)
    record_response(reading, 1, Truth.REAL, 1, 800)
    address = reverse("withdraw", args=[study.slug])
    assert reader.pseudonym in client.get(address).content.decode()
    assert len(load_responses(study, PEOPLE)) == 1
    for _ in range(2):
        assert client.post(address).url == study.get_absolute_url()
    assert len(load_responses(study, PEOPLE)) == 0
    assert "withdrawn your consent" in client.get(study.get_absolute_url()).content.decode()
    with pytest.raises(StudyError, match="withdrawn"):
        record_response(reading, 2, Truth.REAL, 1, 800)
    assert client.get(reverse("trial", args=[study.slug, 2])).url == study.get_absolute_url()
    assert client.get(reverse("study-continue", args=[study.slug])).url == study.get_absolute_url()
    line = AuditLine.objects.get(by="reader")
    assert (line.what, line.pseudonym, line.study) == ("withdrew", reader.pseudonym, study)


def test_erasing_leaves_no_personal_data(client, study, reader, done):
    client.post(reverse("withdraw", args=[study.slug]), {"erase": "on"})
    reader.refresh_from_db()
    reader.user.refresh_from_db()
    assert (reader.user.name, reader.user.is_active, str(reader.country)) == ("", False, "")
    assert reader.user.email == f"{reader.pseudonym.lower()}@erased.invalid"
    assert (reader.profession, reader.specialty, reader.years_experience) == ("other", "other", 0)
    assert authenticate(username="reader@test.example", password=PASSWORD) is None
    assert client.get(reverse("profile")).status_code == 302
    assert set(AuditLine.objects.filter(by="reader").values_list("what", flat=True)) == {"withdrew", "erased"}
    assert Response.objects.count() == 20
    assert len(load_responses(study, PEOPLE)) == 0


def test_no_one_withdraws_for_another(client, study, done):
    client.force_login(make_reader("other@test.example").user)
    assert client.post(reverse("withdraw", args=[study.slug])).status_code == 404
    assert not AuditLine.objects.filter(by="reader").exists()
