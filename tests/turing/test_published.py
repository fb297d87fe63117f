"""A finished study can be published; nobody can be recognised in it, and unpublished studies are not found."""

import csv
import io
import json
import re
import zipfile
from unittest.mock import patch

import pytest
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from gan.models import Generator, LesionImage
from tests.conftest import make_reader
from turing.errors import StudyError
from turing.models import Reader, Reading, Response, Stimulus, Study
from turing.reading.passage import record_response, start_reading
from turing.results.counting import SIMULATED
from turing.results.exports import rows
from turing.results.published.citing import as_bibtex
from turing.results.published.download import forget_outdated
from turing.results.published.images import shown_stimuli
from turing.results.published.publishing import publish, unpublish
from turing.results.published.redaction import public_analysis, redact
from turing.results.study_analysis import analyse_study


def closed(study, readers, dprime=0.4):
    call_command("simulate_readers", study.slug, readers=readers, dprime=dprime, seed=3)
    call_command("close_study", study.slug)
    return Study.objects.get(pk=study.pk)


@pytest.fixture
def over(study):
    return closed(study, 6)


def address(study, name="published", *more):
    return reverse(name, args=[study.slug, *more])


def everything(study):
    """Every address below the public page that its links and pictures lead to."""
    page = Client().get(address(study)).content.decode()
    return {link.split("?")[0] for link in re.findall(r'(?:href|src)="(/published/[^"]+)"', page)}


@pytest.mark.parametrize(("readers", "told"), [(6, True), (4, False)])
def test_answers_too_fast_to_have_looked_are_told_if_five_readers_answered(study, readers, told):
    study = closed(study, readers)
    Response.objects.filter(pk=Response.objects.filter(trial__phase="test").first().pk).update(response_time_ms=299)
    publish(study)
    page = Client().get(address(study)).content.decode()
    assert ('id="hurried"' in page) == told
    assert ("came less than 300 ms after the image appeared" in page) == told


def test_an_unpublished_study_is_answered_as_one_that_does_not_exist(over, client):
    links = [address(over), address(over, "published-figure", "rates", "svg"), address(over, "published-archive")]
    links += [address(over, "published-table", "rates"), address(over, "published-citation", "bib")]
    links.append(address(over, "published-image", Stimulus.objects.first().pk))
    for link in links:
        nowhere = client.get(link.replace(over.slug, "nowhere"))
        answer = client.get(link)
        assert (answer.status_code, answer.content) == (404, nowhere.content), link
        assert set(answer.headers) == set(nowhere.headers)
    publish(over, archive=True)
    assert {client.get(link).status_code for link in links} == {200}
    unpublish(over)
    assert {client.get(link).status_code for link in links} == {404}


def test_the_page_is_for_everybody_and_asks_nothing(study, django_assert_max_num_queries):
    over = closed(study, 6, dprime=2)  # readers who tell the images apart, so that no equivalence is shown
    publish(over, authors="Ada Byron; Dr B. Kaya")
    client = Client()
    client.get(address(over))
    with django_assert_max_num_queries(15):
        answer = client.get(address(over))
    page = answer.content.decode()
    for text in ("Simulated readers took", "It is not shown that readers cannot", "A computer drew these answers",
                 "drawings (phantoms), not photographs", "Ada Byron, Dr B. Kaya", "Gallas BD, Pennello GA",
                 over.design_hash, "training images, seed", "@misc{small-study"):  # fmt: skip
        assert text in page, text
    assert " nan" not in page
    assert "<form" not in page
    assert "max-age=300, public" in answer["Cache-Control"] or "public, max-age=300" in answer["Cache-Control"]
    assert "Cookie" not in answer.get("Vary", "")
    for link in everything(over) | {address(over)}:
        answer = client.get(link)
        assert answer.status_code == 200, link
        assert not answer.cookies, link
        assert client.head(link).status_code == 200
        assert client.post(link).status_code == 405
        assert client.get(link, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert not Session.objects.exists()


def test_the_page_is_in_english_whatever_the_browser_asks_for(over):
    publish(over)
    answer = Client().get(address(over), headers={"Accept-Language": "tr"})
    assert '<html lang="en">' in answer.content.decode()
    assert answer["Content-Language"] == "en"


def test_no_reader_is_recognised(over):
    Reader.objects.update(profession="nurse", specialty="surgery", years_experience=2)
    Reader.objects.filter(pk=Reader.objects.first().pk).update(profession="dermatologist")
    publish(over)
    told = Client().get(address(over)).content.decode()
    for link in everything(over):
        if link.endswith((".svg", ".csv")):
            told += Client().get(link).content.decode()
    for reader in Reader.objects.all():
        assert reader.pseudonym not in told
    assert "dermatologist" not in told
    assert "nurse" not in told, "one dermatologist alone: the nurses' difference would tell the answers"
    rows = list(csv.DictReader(io.StringIO(Client().get(address(over, "published-table", "readers")).content.decode())))
    assert [row["reader"] for row in rows] == [f"reader {number}" for number in range(1, 7)]
    assert "median_ms" not in rows[0]
    assert [float(row["fooling_rate"]) for row in rows] == sorted(float(row["fooling_rate"]) for row in rows)


def test_a_figure_that_nobody_decided_about_is_not_told(over):
    found = analyse_study(over, SIMULATED)
    answers = list(rows(over, SIMULATED))
    told = redact(found | {"of_tomorrow": 1}, answers)
    assert told.keys() == found.keys()
    assert told["model"]["by_reader"] is None
    assert told["reader_kinds"] is None


def test_of_four_readers_only_what_is_about_all_is_told(study, client):
    over = closed(study, 4)
    publish(over)
    page = client.get(address(over)).content.decode()
    assert "Fewer than 5 readers answered" in page
    assert "Simulated readers took" in page
    for name in ("readers", "images", "comparisons", "calibration", "times", "course"):
        assert client.get(address(over, "published-table", name)).status_code == 404, name
    for name in ("readers", "roc", "comparisons", "times", "course"):
        assert client.get(address(over, "published-figure", name, "svg")).status_code == 404, name
    analysis = public_analysis(over, SIMULATED)
    assert analysis["by_diagnosis"] == {}
    assert not [text for text in analysis["warnings"] if text.startswith(("melanoma", "basal"))]


def test_an_image_that_few_readers_judged_has_no_rate(over):
    image = Stimulus.objects.filter(is_practice=False).first()
    trials = list(image.trials.select_related("response"))
    for trial in trials[:2]:
        trial.response.delete()
    publish(over)
    rows = public_analysis(over, SIMULATED)["by_image"]
    assert len(rows) == 19
    assert str(image.pk) not in {row["image"] for row in rows}


def test_a_withdrawal_leaves_the_page_and_the_archive(over, client):
    publish(over, archive=True)
    first = b"".join(client.get(address(over, "published-archive")).streaming_content)
    kept = b"".join(client.get(address(over, "published-archive")).streaming_content)
    assert first == kept
    reading = Reading.objects.select_related("reader").first()
    assert reading.reader.pseudonym.encode() in zipfile.ZipFile(io.BytesIO(first)).read("data/responses.csv")
    Reading.objects.filter(pk=reading.pk).update(withdrawn_at=over.closed_at)
    assert "5 readers" in client.get(address(over)).content.decode()
    again = zipfile.ZipFile(io.BytesIO(b"".join(client.get(address(over, "published-archive")).streaming_content)))
    assert reading.reader.pseudonym.encode() not in again.read("data/responses.csv")
    Reading.objects.update(withdrawn_at=over.closed_at)
    assert "its readers have withdrawn" in client.get(address(over)).content.decode()
    assert client.get(address(over, "published-table", "rates")).status_code == 404


def stored_of(study):
    """The study's archives in the store."""
    return [name for name in default_storage.listdir("published")[1] if name.startswith(f"{study.pk}-")]


def test_when_all_readers_have_withdrawn_there_is_no_archive_and_the_old_one_is_deleted(over, client):
    forget_outdated()  # archives of other tests, whose studies had the same keys
    publish(over, archive=True)
    assert client.get(address(over, "published-archive")).status_code == 200
    assert len(stored_of(over)) == 1
    Reading.objects.update(withdrawn_at=over.closed_at)
    reply = client.get(address(over, "published-archive"))
    assert (reply.status_code, "Retry-After" in reply) == (404, False)
    assert stored_of(over) == []


def test_an_archive_that_is_being_made_is_to_be_asked_for_again(over, client):
    publish(over, archive=True)
    with patch("turing.results.published.download.cache.add", return_value=False):
        reply = client.get(address(over, "published-archive"))
    assert (reply.status_code, reply["Retry-After"]) == (503, "60")


def test_an_archive_with_withdrawn_answers_is_deleted_though_nobody_asks_for_a_new_one(over, client, capsys):
    forget_outdated()  # archives of other tests, whose studies had the same keys
    publish(over, archive=True)
    client.get(address(over, "published-archive"))
    call_command("clear_expired", json=True)
    assert json.loads(capsys.readouterr().out)["archives"] == 0
    assert len(stored_of(over)) == 1
    reading = Reading.objects.first()
    Reading.objects.filter(pk=reading.pk).update(withdrawn_at=over.closed_at)
    call_command("clear_expired", json=True)
    assert json.loads(capsys.readouterr().out)["archives"] == 1
    assert stored_of(over) == []


def test_images_are_shown_as_far_as_their_licence_allows(over, client):
    publish(over)
    stimulus = Stimulus.objects.filter(truth="real").first()
    link = address(over, "published-image", stimulus.pk)
    assert client.get(link).content == stimulus.read()
    assert "are not shown" not in client.get(address(over)).content.decode()
    LesionImage.objects.filter(pk=stimulus.lesion_image_id).update(licence="CC-BY-ND", is_phantom=False)
    assert client.get(link).status_code == 404
    page = client.get(address(over)).content.decode()
    assert f"images/{stimulus.pk}.png" not in page
    assert "1 of 20 images are not shown" in page
    Generator.objects.update(kind="external", licence="unknown")
    assert not [one for one in shown_stimuli(over) if one.truth == "generated"]


def test_an_image_that_another_study_shows_to_readers_is_held_back(over, run, client):
    """Otherwise readers of the other study could look up here what its images are."""
    publish(over, archive=True)
    before = client.get(address(over, "published-figure", "strip", "svg")).content
    call_command("create_study", "Another", run=[str(run.pk)], real=5, generated=5, stimulus_size=64, seed=7)
    call_command("open_study", "another")
    other = Study.objects.get(slug="another")
    shared = [
        one for one in over.stimuli.all()
        if other.stimuli.filter(lesion_image=one.lesion_image_id, generated_image=one.generated_image_id).exists()
    ]  # fmt: skip
    assert shared
    page = client.get(address(over)).content.decode()
    for one in shared:
        assert client.get(address(over, "published-image", one.pk)).status_code == 404
        assert f"images/{one.pk}.png" not in page
    assert client.get(address(over, "published-figure", "strip", "svg")).content != before
    packed = io.BytesIO(b"".join(client.get(address(over, "published-archive")).streaming_content))
    assert not [name for name in zipfile.ZipFile(packed).namelist() if name.startswith("images/")]
    call_command("close_study", "another")
    assert client.get(address(over, "published-image", shared[0].pk)).status_code == 200


def test_only_a_study_that_is_over_and_answered_is_published(study, reader, client, researcher):
    with pytest.raises(StudyError, match="close it first"):
        publish(study)
    with pytest.raises(IntegrityError):
        Study.objects.filter(pk=study.pk).update(published_at=study.opened_at)


def test_a_study_that_nobody_answered_is_not_published(study):
    call_command("close_study", study.slug)
    with pytest.raises(StudyError, match="no answers"):
        publish(study)


def test_the_owner_publishes_and_takes_it_back_on_a_page_and_the_trail_knows(over, client, researcher):
    client.force_login(researcher)
    link = address(over, "study-publication")
    assert "6 simulated readers, without names" in client.get(link).content.decode()
    assert address(over, "study-publication") in client.get(address(over, "research-study")).content.decode()
    client.post(link, {"authors": "Ada  Byron", "archive": "on"})
    over.refresh_from_db()
    assert (over.cited_authors, over.publishes_archive) == ("Ada Byron", True)
    published_at = over.published_at
    assert address(over, "published-archive") in Client().get(address(over)).content.decode()
    client.post(link, {"authors": "Ada Byron"})
    over.refresh_from_db()
    assert over.published_at == published_at
    assert Client().get(address(over, "published-archive")).status_code == 404
    client.post(link, {"close": "yes"})
    client.post(link, {"close": "yes"})
    assert Client().get(address(over)).status_code == 404
    lines = over.audit_lines.filter(what__endswith="published").order_by("pk")
    assert [(line.what, line.account, line.detail) for line in lines] == [
        ("published", researcher.pk, {"archive": "yes"}),
        ("published", researcher.pk, {"archive": "no"}),
        ("unpublished", researcher.pk, {}),
    ]


def test_archiving_a_published_study_leaves_its_address(over, client):
    publish(over)
    from turing.studies.lifecycle import move_study

    move_study(over, "archive")
    assert client.get(address(over)).status_code == 200


def test_people_are_published_without_the_simulated(study, client):
    call_command("simulate_readers", study.slug, readers=6)
    reading = start_reading(study, make_reader("person@test.example"))
    record_response(reading, 1, "real", 1, None)
    call_command("close_study", study.slug)
    publish(study)
    page = client.get(address(study)).content.decode()
    assert "A computer drew these answers" not in page
    assert "1 reader, 1 images, 1 responses" in page


def test_a_title_cannot_break_the_citation(over, client):
    Study.objects.filter(pk=over.pk).update(title='50% of {A} & "B"\\ <b>', slug="odd")
    over = publish(Study.objects.get(pk=over.pk), authors="A_B; C%D")
    entry = as_bibtex(over, "https://x.example/")
    assert r"author = {{A\_B} and {C\%D}}" in entry
    assert r"50\% of \{A\} \& " in entry
    cff = client.get(address(over, "published-citation", "cff")).content.decode()
    assert '"name": "C%D"' in cff
    assert 'url: "http://testserver/published/odd/"' in cff
    assert "<b>" not in client.get(address(over)).content.decode()
