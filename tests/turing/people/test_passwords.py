"""New passwords are set by e-mail to confirmed addresses, and nobody learns who is registered."""

import pytest
from django.contrib.auth import authenticate, get_user
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.conftest import PASSWORD
from tests.turing.people.conftest import OTHER_PASSWORD, link_in
from turing.models import User

NEW = {"new_password1": OTHER_PASSWORD, "new_password2": OTHER_PASSWORD}


@pytest.fixture
def confirmed(reader):
    User.objects.filter(pk=reader.user.pk).update(email_confirmed_at=timezone.now())
    return reader.user


def test_every_address_is_answered_alike(posted, confirmed):
    erased = User.objects.create_user("r-1@erased.invalid", is_active=False)
    answers = []
    for email in (confirmed.email, "unknown@test.example", erased.email):
        answer = posted("password_reset", {"email": email}, by=Client())
        answers.append((answer.status_code, answer.url, answer.content, sorted(answer.cookies)))
    assert answers[0] == answers[1] == answers[2]


def test_the_link_sets_a_password_once_and_logs_out_everywhere(client, posted, confirmed):
    client.force_login(confirmed)
    elsewhere = Client()
    posted("password_reset", {"email": confirmed.email.upper()}, by=elsewhere)
    assert mail.outbox[0].to == [confirmed.email]
    link = link_in(mail.outbox[0], "/accounts/password/new/")
    form = elsewhere.get(link).url
    assert elsewhere.post(form, NEW).url == reverse("password_reset_complete")
    assert authenticate(username=confirmed.email, password=OTHER_PASSWORD) == confirmed
    assert not get_user(client).is_authenticated
    assert "used before" in Client().get(link).content.decode()


def test_an_address_that_nobody_confirmed_sets_no_password_but_is_told_what_to_do(posted, reader):
    posted("password_reset", {"email": reader.user.email})
    assert link_in(mail.outbox[0], reverse("register")) == reverse("register")
    assert "/password/new/" not in mail.outbox[0].body


def test_the_letter_speaks_the_language_of_the_page(posted, confirmed):
    posted("password_reset", {"email": confirmed.email}, headers={"Accept-Language": "tr"})
    assert mail.outbox[0].subject == "Yeni parola belirleyin"


def test_a_weak_or_mistyped_new_password_is_refused(client, reader):
    client.force_login(reader.user)
    for new, field in (({"new_password2": "other"}, "new_password2"), ({"new_password1": "1"}, "new_password2")):
        page = client.post(reverse("password_change"), {"old_password": PASSWORD} | NEW | new)
        assert list(page.context["form"].errors) == [field]
    page = client.post(reverse("password_change"), {"old_password": "wrong"} | NEW)
    assert list(page.context["form"].errors) == ["old_password"]


def test_changing_the_password_keeps_this_session_and_ends_the_others(client, reader):
    other = Client()
    for one in (client, other):
        one.force_login(reader.user)
    assert client.post(reverse("password_change"), {"old_password": PASSWORD} | NEW).url == reverse("profile")
    assert get_user(client) == reader.user
    assert not get_user(other).is_authenticated
