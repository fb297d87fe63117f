"""After erasure, nothing in the database names the reader."""

import json
from io import StringIO

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.conftest import make_reader
from tests.turing.people.conftest import OTHER_PASSWORD, registration
from turing.models import AuditLine, Invitation, Reader, Reading, Response, User
from turing.people.erasure import erase
from turing.people.throttle import account_key
from turing.reading.passage import record_response, start_reading


def everything() -> str:
    """The whole content of the database, with decoded sessions."""
    rows = [str(row) for model in apps.get_models(include_auto_created=True) for row in model.objects.values()]
    return "\n".join(rows + [str(session.get_decoded()) for session in Session.objects.all()]).lower()


@pytest.fixture
def known(study, reader, researcher):
    """A reader who has left traces everywhere."""
    User.objects.filter(pk=reader.user.pk).update(name="Wilhelmina Recognisable", last_login="2026-05-04T03:02:01Z")
    used = Invitation.objects.create(study=study, email="Reader@test.example")
    record_response(start_reading(study, reader, used.code), 1, "real", 2, 900)
    elsewhere = study.__class__.objects.create(title="Other", slug="other", state="open")
    Invitation.objects.create(study=elsewhere, email="reader@test.example")
    Invitation.objects.create(study=study, email="somebody.else@test.example")
    TOTPDevice.objects.create(user=reader.user, name="app", confirmed=False)  # begun, not asked for yet
    StaticDevice.objects.create(user=reader.user, name="codes")
    Client().post(reverse("login"), {"username": reader.user.email, "password": "wrong"})
    Client().post(reverse("login"), {"username": "somebody.else@test.example", "password": "wrong"})
    reader.user.groups.set(researcher.groups.all())
    return reader


def traces(reader) -> list[str]:
    session = f"'_auth_user_id': '{reader.user.pk}'"
    return ["wilhelmina", "reader@test.example", account_key("reader@test.example"), "2026, 5, 4", session]


def test_the_page_leaves_no_trace(client, study, known):
    here, there = Client(), Client()
    for one in (here, there):
        one.force_login(known.user)
    assert all(trace in everything() for trace in traces(known)[1:3])
    here.post(reverse("withdraw", args=[study.slug]), {"erase": "on"})
    left = everything()
    assert [trace for trace in traces(known) if trace in left] == []
    assert not get_user(there).is_authenticated
    user = User.objects.get(pk=known.user.pk)
    assert (user.is_active, user.is_researcher, user.has_usable_password()) == (False, False, False)
    assert (TOTPDevice.objects.count(), StaticDevice.objects.count(), AccessAttempt.objects.count()) == (0, 0, 1)
    assert [one.email for one in Invitation.objects.all()] == ["somebody.else@test.example"]


def test_what_is_research_stays_under_the_pseudonym(client, study, known):
    assert erase(known.user)
    reading = Reading.objects.get(reader__pseudonym=known.pseudonym)
    assert reading.withdrawn_at is not None
    assert Response.objects.filter(trial__reading=reading).count() == 1
    assert [line.what for line in AuditLine.objects.filter(by="reader").order_by("pk")] == ["withdrew", "erased"]


def test_a_second_time_changes_nothing(known):
    assert [erase(known.user) for _ in range(3)] == [True, False, False]
    assert AuditLine.objects.filter(what="erased").count() == 1


def test_a_researcher_without_a_profile_is_erased_too(researcher):
    assert erase(researcher)
    assert "researcher@test.example" not in everything()
    assert not User.objects.get().is_researcher


def test_the_command_finds_accounts_that_only_claim_the_address(posted, known):
    posted("register", registration("reader@test.example", OTHER_PASSWORD), by=Client())
    pseudonyms = list(Reader.objects.order_by("pk").values_list("pseudonym", flat=True))
    out = StringIO()
    call_command("erase_reader", "READER@test.example", json=True, stdout=out)
    assert json.loads(out.getvalue()) == {"accounts": 2, "pseudonyms": pseudonyms, "invitations": 2}
    assert [trace for trace in traces(known) if trace in everything()] == []
    with pytest.raises(CommandError, match="nothing is left to do"):
        call_command("erase_reader", "reader@test.example")


def test_the_command_erases_an_address_that_was_only_invited(study):
    Invitation.objects.create(study=study, email="invited@test.example")
    call_command("erase_reader", "invited@test.example")
    assert not Invitation.objects.exists()


def test_who_only_claims_an_address_takes_none_of_its_owners_invitations(client, posted, study, reader):
    invitation = Invitation.objects.create(study=study, email=reader.user.email)
    posted("register", registration(reader.user.email, OTHER_PASSWORD))
    erase(User.objects.get(claimed_email=reader.user.email))
    assert Invitation.objects.get() == invitation


def test_nobody_else_is_touched(known):
    other = make_reader("other@test.example")
    before = User.objects.filter(pk=other.user.pk).values().get()
    erase(known.user)
    assert User.objects.filter(pk=other.user.pk).values().get() == before


@pytest.mark.parametrize("address", ["", " ", "nobody", "%"])
def test_what_is_no_address_erases_nobody(study, reader, address):
    Invitation.objects.create(study=study)
    with pytest.raises(CommandError, match="is no e-mail address"):
        call_command("erase_reader", address)
    reader.user.refresh_from_db()
    assert reader.user.is_active
    assert Invitation.objects.count() == 1
