"""Registration leads straight on, and reveals to nobody who is registered."""

import pytest
from django.contrib.auth import get_user
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.conftest import PASSWORD, make_reader
from tests.turing.people.conftest import OTHER_PASSWORD, link_in, registration
from turing.models import Invitation, Reader, Study, User
from turing.people.addresses import readers_who_share_an_address
from turing.reading.passage import start_reading


def test_a_new_reader_goes_straight_on_logged_in_and_is_asked_to_confirm(client, posted, study):
    answer = posted("register", registration("Ayse@Clinic.example", next=study.get_absolute_url()))
    assert answer.url == study.get_absolute_url()
    reader = Reader.objects.get()
    assert (get_user(client), reader.user.email) == (reader.user, "ayse@clinic.example")
    assert reader.user.email_confirmed_at is None
    assert mail.outbox[0].to == ["ayse@clinic.example"]
    assert link_in(mail.outbox[0], "/accounts/confirm/")


def test_a_known_and_an_unknown_address_are_answered_alike(posted, reader):
    answers = []
    for email in ("unknown@test.example", reader.user.email):
        client = Client()
        answer = posted("register", registration(email, OTHER_PASSWORD, next="/attributions/"), by=client)
        headers = {name: value for name, value in answer.headers.items() if name != "Expires"}
        cookies = {name: {**one, "expires": ""} for name, one in answer.cookies.items()}
        after = client.get(reverse("profile")).content.decode()
        after = after.replace(email, "").replace(client.cookies["csrftoken"].value, "")
        form = 'name="csrfmiddlewaretoken" value="'
        after = "".join(part.split('"', 1)[-1] for part in after.split(form))
        answers.append((answer.status_code, headers, answer.content, cookies, after, len(mail.outbox)))
    assert answers[0] == answers[1]


def test_who_registers_with_a_known_address_gets_an_account_that_claims_it_and_the_owner_is_told(posted, reader):
    posted("register", registration(reader.user.email, OTHER_PASSWORD))
    claimant = User.objects.get(claimed_email=reader.user.email)
    assert claimant.email.endswith("@unconfirmed.invalid")
    assert claimant.reader.profession == "nurse"
    assert mail.outbox[0].to == [reader.user.email]
    assert "Somebody registered with" in mail.outbox[0].subject
    reader.user.refresh_from_db()
    assert reader.user.check_password(PASSWORD)


def test_to_register_again_with_the_same_password_is_to_log_in(client, posted, reader):
    for _ in range(2):
        posted("register", registration(reader.user.email.upper()))
    assert get_user(client) == reader.user
    assert (User.objects.count(), mail.outbox) == (1, [])
    reader.refresh_from_db()
    assert reader.profession == "dermatologist"


def test_registration_names_every_wrong_field(client, db):
    page = client.post(reverse("register"), {"email": "nobody", "password": "123", "country": "ZZ"})
    assert {"name", "email", "password", "profession", "specialty", "years_experience", "country"} == set(
        page.context["form"].errors
    )
    assert Reader.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "a" * 261 + "@test.example"),
        ("email", "\u0130" * 64 + "@test.example"),
        ("email", "a\0@test.example"),
        ("name", "n" * 151),
        ("name", "n\0"),
        ("password", "long-" * 300),
        ("password", "with\0zero-77"),
        ("years_experience", "9" * 5000),
        ("country", "\0"),
    ],
)
def test_what_the_database_would_refuse_is_refused_by_the_form(client, db, field, value):
    page = client.post(reverse("register"), registration("new@test.example") | {field: value})
    assert page.status_code == 200
    assert set(page.context["form"].errors) == {field}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("login", "username", "a" * 261 + "@test.example"),
        ("login", "username", "a\0@test.example"),
        ("login", "password", "with\0zero-77"),
        ("login", "password", "x" * 100_000),
        ("password_reset", "email", "a" * 261 + "@test.example"),
        ("password_reset", "email", "a\0@test.example"),
    ],
)
def test_strange_input_at_the_other_doors_is_a_wrong_field(client, db, name, field, value):
    data = {"username": "a@b.example", "password": "secret"} | {field: value}
    page = client.post(reverse(name), data)
    assert (page.status_code, list(page.context["form"].errors)) == (200, [field])


def test_nobody_is_sent_to_another_site_nor_to_an_endless_address(posted, client):
    for place in ("https://evil.example/", "/" + "x" * 5000, "//evil.example"):
        assert posted("register", registration("new@test.example", next=place)).url == "/"
        client.logout()
        data = {"username": "new@test.example", "password": PASSWORD, "next": place}
        assert client.post(reverse("login"), data).url == "/"


def test_closed_registration_lets_nobody_in(client, posted, settings):
    settings.REGISTRATION = "closed"
    page = posted("register", registration("new@test.example"))
    assert (page.status_code, User.objects.count()) == (403, 0)
    assert "No new readers" in page.content.decode()
    assert reverse("register") not in client.get("/").content.decode()


def test_registration_by_invitation_needs_a_link_that_nobody_has_used(client, posted, settings, study):
    settings.REGISTRATION = "invited"
    assert posted("register", registration("new@test.example")).status_code == 403
    client.cookies[f"invitation-{study.pk}"] = "forged"
    assert posted("register", registration("new@test.example")).status_code == 403
    invitation = Invitation.objects.create(study=study)
    client.get(invitation.get_absolute_url())
    assert posted("register", registration("new@test.example")).status_code == 302
    client.post(study.get_absolute_url(), {"consent": "on"})
    invitation.refresh_from_db()
    assert invitation.reading.reader == Reader.objects.get()
    other = Client()
    other.get(invitation.get_absolute_url())
    assert other.get(reverse("register")).status_code == 403


def test_researchers_are_told_how_many_readers_share_an_address(client, posted, study, reader, researcher):
    posted("register", registration(reader.user.email, OTHER_PASSWORD))
    for one in (reader, Reader.objects.exclude(pk=reader.pk).get(), make_reader("alone@test.example")):
        start_reading(study, one)
    assert readers_who_share_an_address(study) == 2
    client.force_login(researcher)
    page = client.get(reverse("research-study", args=[study.slug])).content.decode()
    assert "2 readers gave the same e-mail address" in page
    assert reader.user.email not in page
    Study.objects.get(pk=study.pk).readings.filter(reader=reader).update(withdrawn_at="2026-01-01T00:00Z")
    assert readers_who_share_an_address(study) == 0


@pytest.mark.parametrize(
    "wanted", ["abc", "logout", "123", "\0", "\u2028", "🙂", "//evil.example", "https://evil.example/"]
)
def test_a_strange_next_address_leads_to_the_start(client, db, reader, wanted):
    client.force_login(reader.user)
    profile = {"profession": "nurse", "specialty": "other", "years_experience": 3, "country": "TR", "next": wanted}
    assert client.post("/accounts/profile/", profile).url == "/"
    client.logout()
    log_in = {"username": reader.user.email, "password": PASSWORD, "next": wanted}
    assert client.post("/accounts/login/", log_in).url == "/"
