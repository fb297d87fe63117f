"""Log-in needs address and password, takes equally long for everybody, and ends after a time or on all devices."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth import BACKEND_SESSION_KEY, authenticate, get_user
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.conftest import PASSWORD, make_reader
from tests.turing.people.conftest import OTHER_PASSWORD, registration
from turing.models import User
from turing.people.hashers import LowMemoryArgon2


@pytest.fixture
def hashes(monkeypatch):
    """The passwords that were hashed, in order."""
    done = []
    for name in ("encode", "verify"):
        original = getattr(LowMemoryArgon2, name)

        def counted(self, password, *args, original=original):
            done.append(password)
            return original(self, password, *args)

        monkeypatch.setattr(LowMemoryArgon2, name, counted)
    return done


def test_log_in_ignores_capitals_and_never_leaves_the_site(client, reader):
    data = {"username": "READER@test.example", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(reverse("login"), data).url == "/"


def test_a_researcher_lands_on_the_research_page_unless_another_was_wanted(client, researcher):
    data = {"username": researcher.email, "password": PASSWORD}
    assert client.post(reverse("login"), data).url == reverse("research")
    client.logout()
    assert client.post(reverse("login"), data | {"next": "/studies/x/"}).url == "/studies/x/"
    client.logout()
    assert client.post(reverse("login"), data | {"next": "https://evil.example/"}).url == reverse("research")


def test_every_log_in_computes_two_hashes(posted, client, reader, hashes):
    make_reader("alone@test.example")
    posted("register", registration(reader.user.email, OTHER_PASSWORD))
    unusable = User.objects.create_user("none@test.example")
    for email in (reader.user.email, "alone@test.example", unusable.email, "unknown@test.example"):
        for password in (PASSWORD, OTHER_PASSWORD, "wrong"):
            hashes.clear()
            client.post(reverse("login"), {"username": email, "password": password})
            assert len(hashes) == 2, (email, password)


def test_holder_and_claimant_both_log_in_with_the_address(posted, reader):
    posted("register", registration(reader.user.email, OTHER_PASSWORD))
    assert authenticate(username=reader.user.email, password=PASSWORD) == reader.user
    claimant = authenticate(username=reader.user.email, password=OTHER_PASSWORD)
    assert claimant.claimed_email == reader.user.email
    User.objects.update(is_active=False)
    assert authenticate(username=reader.user.email, password=PASSWORD) is None


def test_an_older_hash_is_stored_anew_with_little_memory(reader):
    User.objects.update(password=make_password(PASSWORD, hasher=PBKDF2PasswordHasher()))
    assert authenticate(username=reader.user.email, password=PASSWORD) == reader.user
    assert "argon2id$v=19$m=19456,t=2,p=1$" in User.objects.get().password


def test_role_and_reader_come_with_the_user_in_one_query(client, reader, researcher, django_assert_num_queries):
    for user, is_researcher in ((reader.user, False), (researcher, True)):
        client.force_login(user)
        request = client.get("/attributions/").wsgi_request
        del request.user
        request.user = get_user(request)
        with django_assert_num_queries(0):
            assert request.user.is_researcher is is_researcher
            assert request.user.has_second_factor is False
            assert hasattr(request.user, "reader") is not is_researcher
    assert User.objects.get(pk=researcher.pk).is_researcher
    assert not User.objects.get(pk=reader.user.pk).is_researcher


def test_researchers_are_logged_out_sooner_than_readers(reader, researcher, settings):
    for user, expected in ((reader.user, timedelta(days=30)), (researcher, timedelta(hours=12))):
        client = Client()
        client.post(reverse("login"), {"username": user.email, "password": PASSWORD})
        ends = Session.objects.get(pk=client.session.session_key).expire_date
        assert abs(ends - timezone.now() - expected) < timedelta(minutes=5)


def test_logging_out_everywhere_ends_every_session_of_the_user_alone(reader):
    here, there, other = Client(), Client(), Client()
    for client in (here, there):
        client.force_login(reader.user)
    other.force_login(make_reader("other@test.example").user)
    assert here.get(reverse("logout-everywhere")).status_code == 405
    here.post(reverse("logout-everywhere"))
    assert [get_user(client).is_authenticated for client in (here, there, other)] == [False, False, True]
    here.post(reverse("login"), {"username": reader.user.email, "password": PASSWORD})
    assert get_user(here) == reader.user


def test_who_was_logged_in_before_the_upgrade_stays_so(client, reader):
    client.force_login(reader.user)
    session = client.session
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session.save()
    import_module("turing.migrations.0012_accounts").keep_sessions(apps, None)
    assert client.get(reverse("profile")).status_code == 200
