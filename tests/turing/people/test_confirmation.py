"""An address belongs to the person who reads its mail, as shown by a link that works for one account only."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.conftest import PASSWORD
from tests.turing.people.conftest import OTHER_PASSWORD, link_in, registration
from turing.models import User
from turing.people import confirmation


@pytest.fixture
def link(posted):
    """The link in the letter to a new reader, who is logged in."""
    posted("register", registration("ayse@clinic.example"))
    return link_in(mail.outbox[0], "/accounts/confirm/")


def test_the_link_confirms_with_a_click_and_not_by_being_looked_at(client, link):
    assert "ayse@clinic.example" in client.get(link).content.decode()
    assert User.objects.get().email_confirmed_at is None
    assert client.post(link).url == reverse("home")
    assert User.objects.get().email_confirmed_at is not None
    assert "is confirmed" in client.get(reverse("profile")).content.decode()


def test_confirming_leads_back_to_the_study_for_which_the_reader_registered(posted, client, study):
    posted("register", registration("ayse@clinic.example") | {"next": study.get_absolute_url()})
    link = link_in(mail.outbox[0], "/accounts/confirm/")
    assert client.post(link).url == study.get_absolute_url()
    assert client.post(link).url == reverse("home")  # once


@pytest.mark.parametrize(
    "came_for",
    ["https://elsewhere.example/", "/studies/no-such/", "/accounts/logout/", "/research/", "/nowhere", "//x"],
)
def test_confirming_leads_home_if_there_is_no_such_study(posted, client, came_for):
    posted("register", registration("ayse@clinic.example") | {"next": came_for})
    assert client.post(link_in(mail.outbox[0], "/accounts/confirm/")).url == reverse("home")


def test_the_link_shows_no_address(link):
    assert "ayse" not in link
    assert "clinic" not in link


def test_the_link_works_only_while_logged_in_as_its_account(link, reader):
    stranger = Client()
    assert stranger.post(link).url.startswith(reverse("login"))
    stranger.force_login(reader.user)
    page = stranger.post(link, follow=True).content.decode()
    assert "made for another account" in page
    assert not User.objects.filter(email_confirmed_at__isnull=False).exists()


@pytest.mark.parametrize("change", ["x", "/"])
def test_a_link_that_was_changed_confirms_nothing(client, link, change):
    assert client.post(f"{link[:-2]}{change}/").status_code in (302, 404)
    assert User.objects.get().email_confirmed_at is None


def test_a_link_that_is_too_old_confirms_nothing_and_a_new_one_comes(client, link, posted, monkeypatch):
    monkeypatch.setattr(confirmation, "LINK_WORKS_FOR", -1)
    assert "too old" in client.post(link, follow=True).content.decode()
    monkeypatch.undo()
    posted("confirm-send")
    client.post(link_in(mail.outbox[0], "/accounts/confirm/"))
    assert User.objects.get().email_confirmed_at is not None


def test_who_confirms_takes_the_address_from_an_account_that_never_did(client, posted, reader):
    posted("register", registration(reader.user.email, OTHER_PASSWORD))
    client.post(link_in(mail.outbox[0], "/accounts/confirm/"))
    owner = User.objects.get(email="reader@test.example")
    assert (owner.pk != reader.user.pk, owner.claimed_email) == (True, "")
    reader.user.refresh_from_db()
    assert reader.user.claimed_email == "reader@test.example"
    other = Client()
    for password in (PASSWORD, OTHER_PASSWORD):  # both go on reading
        data = {"username": "reader@test.example", "password": password}
        assert other.post(reverse("login"), data).status_code == 302


def test_an_address_that_is_confirmed_is_never_moved(client, posted, reader):
    posted("register", registration(reader.user.email, OTHER_PASSWORD))
    link = link_in(mail.outbox[0], "/accounts/confirm/")
    User.objects.filter(pk=reader.user.pk).update(email_confirmed_at="2026-01-01T00:00Z")
    assert "Another account already has this address" in client.post(link, follow=True).content.decode()
    posted("confirm-send")
    assert "You have an account already" in mail.outbox[0].subject
    assert "/accounts/confirm/" not in mail.outbox[0].body
    assert User.objects.get(email="reader@test.example") == reader.user
