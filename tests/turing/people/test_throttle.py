"""Too many attempts are refused for a while, for one account or one address, and for nobody else."""

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from tests.conftest import PASSWORD, make_reader
from tests.turing.people.conftest import OTHER_PASSWORD, link_in, registration
from turing.models import User
from turing.people.throttle import client_address


def try_log_in(email, password="wrong", address="203.0.113.5", **more):
    return Client().post(reverse("login"), {"username": email, "password": password}, REMOTE_ADDR=address, **more)


def test_an_account_is_closed_after_ten_failures_known_or_not(reader, settings):
    for email in (reader.user.email, "unknown@test.example"):
        codes = [try_log_in(email.upper() if turn % 2 else email, address=f"203.0.113.{turn}") for turn in range(11)]
        assert [one.status_code for one in codes] == [200] * 9 + [429] * 2
    closed = try_log_in(reader.user.email, PASSWORD, headers={"Accept-Language": "tr"})
    assert (closed.status_code, closed["Retry-After"]) == (429, "900")
    assert "15 dakika sonra" in closed.content.decode()
    other = make_reader("other@test.example")
    assert try_log_in(other.user.email, PASSWORD).status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME)
    assert try_log_in(reader.user.email, PASSWORD).status_code == 302


def test_an_address_is_closed_after_many_failures_at_any_accounts(reader, settings):
    settings.FAILURES_PER_ADDRESS = 12
    codes = [try_log_in(f"{number}@test.example").status_code for number in range(12)]
    assert codes == [200] * 11 + [429]
    assert try_log_in(reader.user.email, PASSWORD).status_code == 429
    assert try_log_in(reader.user.email, PASSWORD, address="203.0.113.6").status_code == 302


def test_registration_is_no_way_round_a_closed_log_in(posted, reader):
    for _ in range(10):
        try_log_in(reader.user.email)
    assert posted("register", registration(reader.user.email)).status_code == 429
    assert posted("register", registration("new@test.example")).status_code == 302


def test_a_password_set_by_e_mail_opens_the_account_again(posted, reader):
    User.objects.update(email_confirmed_at=timezone.now())
    for _ in range(10):
        try_log_in(reader.user.email)
    posted("password_reset", {"email": reader.user.email})
    client = Client()
    form = client.get(link_in(mail.outbox[0], "/password/new/")).url
    client.post(form, {"new_password1": OTHER_PASSWORD, "new_password2": OTHER_PASSWORD})
    assert try_log_in(reader.user.email, OTHER_PASSWORD).status_code == 302


def test_a_log_in_of_ones_own_clears_no_count(reader):
    other = make_reader("other@test.example")
    for turn in range(11):
        last = try_log_in(reader.user.email)
        if turn % 3 == 0:
            try_log_in(other.user.email, PASSWORD)
    assert last.status_code == 429


def test_a_mailbox_cannot_be_flooded(posted, reader):
    sent = 0
    for turn in range(12):
        posted("register", registration(reader.user.email, f"another-lens-{turn}"), by=Client())
        sent += len(mail.outbox)
    assert sent == 5


@pytest.mark.parametrize("name", ["register", "password_reset"])
def test_registrations_and_resets_from_one_address_have_an_end(posted, monkeypatch, name):
    for limit in ("REGISTRATIONS_PER_ADDRESS", "RESETS_PER_ADDRESS"):
        monkeypatch.setattr(f"turing.people.throttle.{limit}", 3)
    codes = [
        posted(name, registration(f"{turn}@test.example"), by=Client(), REMOTE_ADDR="203.0.113.5").status_code
        for turn in range(5)
    ]
    assert codes == [302] * 3 + [429] * 2
    assert posted(name, registration("9@test.example"), REMOTE_ADDR="203.0.113.6").status_code == 302


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "expected"),
    [
        (0, "198.51.100.9", "203.0.113.5", "203.0.113.5"),
        (1, "198.51.100.9", "203.0.113.5", "198.51.100.9"),
        (1, "1.1.1.1, 198.51.100.9", "203.0.113.5", "198.51.100.9"),  # the first was written by the visitor
        (2, "1.1.1.1, 198.51.100.9, 10.0.0.1", "203.0.113.5", "198.51.100.9"),
        (2, "10.0.0.1", "203.0.113.5", "10.0.0.1"),
        (1, "", "203.0.113.5", "203.0.113.5"),
        (1, "rubbish\0", "203.0.113.5", None),
        (0, "", "", None),
        (0, "", "2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        (0, "", "::ffff:203.0.113.5", "203.0.113.5"),
    ],
)
def test_headers_count_as_far_as_proxies_are_trusted(settings, proxies, forwarded, remote, expected):
    settings.TRUSTED_PROXIES = proxies
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=remote, **headers)) == expected


def test_neither_names_nor_browsers_are_stored_or_logged(reader, caplog):
    caplog.set_level("DEBUG")
    data = {"username": reader.user.email, "password": "my-secret-wish", "next": "/secret-place/"}
    Client().post(reverse("login") + "?q=secret-query", data, HTTP_USER_AGENT="secret-agent", REMOTE_ADDR="203.0.113.5")
    stored = " ".join(str(value) for row in AccessAttempt.objects.values() for value in row.values())
    assert AccessAttempt.objects.count() == 1
    for text in (stored, caplog.text):
        for word in ("reader@", "secret", "test.example"):
            assert word not in text
    assert "203.0.113.5" not in caplog.text


def test_what_no_longer_counts_is_deleted(client, reader, settings):
    client.force_login(reader.user)
    try_log_in(reader.user.email)
    call_command("clear_expired")
    assert (AccessAttempt.objects.count(), client.get(reverse("profile")).status_code) == (1, 200)
    AccessAttempt.objects.update(attempt_time=timezone.now() - 2 * settings.AXES_COOLOFF_TIME)
    call_command("clear_expired")
    assert AccessAttempt.objects.count() == 0
