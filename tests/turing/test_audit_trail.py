"""The trail says who did what with a study. Nobody can change it, and it names nobody."""

import csv
import io
import json
from datetime import datetime
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from gan.models import LesionImage
from tests.conftest import make_reader
from turing.models import COMMAND_LINE, AuditLine, Study
from turing.models.append_only import make_triggers
from turing.people.erasure import erase
from turing.reading.passage import record_response, start_reading
from turing.results.counting import PEOPLE
from turing.results.looks import note_look
from turing.studies.monitor import STALLED_AFTER


def trail(study):
    return list(study.audit_lines.order_by("pk").values_list("what", flat=True))


def test_everything_done_on_the_pages_is_recorded_with_who_did_it(client, draft, researcher, reader):
    client.force_login(researcher)

    def post(name, *arguments, **data):
        assert client.post(reverse(name, args=[draft.slug, *arguments]), data).status_code == 302

    form = client.get(reverse("study-edit", args=[draft.slug])).context["form"]
    values = {name: form[name].value() for name in form.fields}
    post("study-edit", **{name: value for name, value in values.items() if value is not None and value is not False})
    post("study-open")
    post("study-invitations", addresses="a@x.example\nb@x.example", links=1)
    with mock.patch("django.utils.timezone.now", return_value=timezone.now() - 2 * STALLED_AFTER):
        reading = start_reading(draft, reader)
    post("study-remind", reader.pseudonym)
    for name in ("pause", "resume", "close", "archive", "restore", "clone"):
        post(f"study-{name}")
    client.get(reverse("export", args=[draft.slug, "csv"]))
    client.get(reverse("table", args=[draft.slug, "rates"]))
    post("study-sharing", address="c@x.example", role="view")
    post("study-sharing", remove=draft.collaborators.get().pk)
    post("study-sharing", visible="yes")
    erase(reading.reader.user)
    assert trail(draft) == [
        "created", "edited", "opened", "invited", "reminded", "paused", "resumed", "closed", "archived", "restored",
        "cloned", "exported", "exported", "shared", "unshared", "visible", "withdrew",
    ]  # fmt: skip
    by = {line.what: line for line in draft.audit_lines.all()}
    assert by["created"].actor == "command line"  # the fixture's
    assert by["withdrew"].actor == reader.pseudonym
    assert {line.account for line in draft.audit_lines.filter(by="researcher")} == {researcher.pk}
    assert by["invited"].detail == {"readers": 3}
    assert (by["reminded"].pseudonym, by["reminded"].about()) == (reader.pseudonym, reader.pseudonym)
    exported = draft.audit_lines.filter(what="exported").values_list("detail", flat=True)
    assert {json.dumps(one, sort_keys=True) for one in exported} == {
        '{"format": "csv", "readers": "people"}',
        '{"readers": "people", "table": "rates"}',
    }
    written = json.dumps([[line.detail, line.pseudonym] for line in AuditLine.objects.all()])
    assert "@" not in written
    assert "Dr " not in written


def test_commands_are_recorded_as_such(study, tmp_path):
    call_command("export_results", study.slug, format="json", output=tmp_path / "x.json")
    call_command("close_study", study.slug)
    assert [(line.what, line.actor) for line in study.audit_lines.order_by("pk")] == [
        (what, "command line") for what in ("created", "opened", "exported", "closed")
    ]


def test_what_fails_leaves_no_line(client, draft, researcher):
    Study.objects.update(real_per_diagnosis=99)
    client.force_login(researcher)
    client.post(reverse("study-open", args=[draft.slug]))
    client.post(reverse("study-pause", args=[draft.slug]))
    assert trail(draft) == ["created"]


def test_a_look_at_results_before_the_end_is_recorded_once_an_hour_and_person(client, study, researcher):
    client.force_login(researcher)

    def look():
        for address in (reverse("results", args=[study.slug]), reverse("figure", args=[study.slug, "flow", "svg"])):
            assert client.get(address).status_code == 200
        return study.audit_lines.filter(what="viewed").count()

    nine = timezone.make_aware(datetime(2026, 11, 5, 9, 30))
    with mock.patch("django.utils.timezone.now", return_value=nine):
        assert (look(), look()) == (1, 1)
    with mock.patch("django.utils.timezone.now", return_value=nine.replace(hour=10)):
        assert look() == 2
    line = study.audit_lines.filter(what="viewed").first()
    assert (line.account, line.detail) == (researcher.pk, {"readers": "people"})
    note_look(study, PEOPLE, COMMAND_LINE)
    assert study.audit_lines.filter(what="viewed").count() == 3
    call_command("close_study", study.slug)
    assert look() == 3


def test_two_looks_at_once_are_one_line(study, researcher, monkeypatch):
    """Both have found that there is none yet, and the database decides."""
    monkeypatch.setattr("django.db.models.query.QuerySet.exists", lambda self: False)
    for _ in range(2):
        note_look(study, PEOPLE, researcher)
    assert study.audit_lines.filter(what="viewed").count() == 1


def test_a_plan_from_an_open_pilot_is_a_look(client, study, researcher, reader):
    record_response(start_reading(study, reader), 1, "real", 1, None)
    client.force_login(researcher)
    query = {"goal": "width", "width": "0.3", "margin": "0.1", "power": "0.8", "structure": "moderate"}
    client.get(reverse("plan"), query | {"pilot": study.slug})
    assert study.audit_lines.get(what="viewed").account == researcher.pk


def test_an_overruled_verdict_stands_in_the_trail_that_all_share(client, phantoms, researcher):
    image = LesionImage.objects.first()
    LesionImage.objects.update(verdict="rejected")
    client.force_login(researcher)
    for _ in range(2):  # a double click: the second finds it turned
        client.post(reverse("overrule", args=[image.pk]), {"verdict": "rejected"})
    image.refresh_from_db()
    line = AuditLine.objects.get()
    assert (image.verdict, line.what, line.detail) == (
        "accepted",
        "overruled",
        {"image": image.pk, "verdict": "accepted"},
    )
    page = client.get(reverse("trail")).content.decode()
    assert "Dr Research" in page
    assert "overruled a verdict" in page
    assert line.actor in client.get(reverse("trail-csv")).content.decode()


def test_the_trail_is_read_on_pages_with_names_and_as_a_file_without(client, study, researcher):
    client.force_login(researcher)
    for name in ["pause", "resume"] * 30:
        client.post(reverse(f"study-{name}", args=[study.slug]))
    page = client.get(reverse("research-study", args=[study.slug])).content.decode()
    assert page.count("Dr Research (researcher") == 10
    address = reverse("study-trail", args=[study.slug])
    with CaptureQueriesContext(connection) as first:
        assert "Page 1 of 2" in client.get(address).content.decode()
    assert len([one for one in first if "turing_user" in one["sql"] and "IN (" in one["sql"]]) == 1
    assert "created the study" in client.get(address, {"page": 2}).content.decode()
    file = client.get(reverse("study-trail-csv", args=[study.slug]))
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert [rows[0]["what"], rows[-1]["what"], len(rows)] == ["resumed", "created", 62]
    assert rows[0]["actor"] == f"researcher {researcher.pk}"
    assert "Dr Research" not in file.content.decode()
    researcher.name = ""
    researcher.save()
    assert f"researcher {researcher.pk}" in client.get(address).content.decode()
    assert "Dr Research" not in client.get(address).content.decode()


def test_a_line_is_neither_changed_nor_removed_by_the_models(study):
    line = study.audit_lines.first()
    for change in (
        line.save,
        line.delete,
        AuditLine.objects.all().delete,
        study.audit_lines.all().delete,
        lambda: AuditLine.objects.update(what="closed"),
        lambda: AuditLine.objects.bulk_update([line], ["what"]),
    ):
        with pytest.raises(RuntimeError, match="only added to"):
            change()


@pytest.mark.parametrize(
    "statement", ["UPDATE turing_auditline SET what = 'closed'", "DELETE FROM turing_auditline WHERE what = 'opened'"]
)
def test_a_line_is_neither_changed_nor_removed_in_the_database(study, statement):
    make_triggers()  # again, as after every migrate
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert trail(study) == ["created", "opened"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_the_triggers_are_there_again_after_the_tables_were_emptied(time):
    AuditLine.objects.record("erased", make_reader("a@test.example"))
    with pytest.raises(DatabaseError, match="only added to"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM turing_auditline")


def test_a_line_without_an_actor_is_refused(db):
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditLine.objects.create(what="closed")
