"""Once set up, the second factor protects every page for researchers."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.conftest import PASSWORD
from turing.models import Reader, User
from turing.reading.passage import start_reading

SET_UP, CHECK = "/accounts/two-factor/", "/accounts/two-factor/check/"


def code_of(device, steps: int = 0) -> str:
    """The code that the app shows now, or some half minutes later."""
    return f"{totp(device.bin_key, t0=-30 * steps):06}"


@pytest.fixture
def secured(client, researcher):
    """A researcher with a second factor, logged in with the password alone."""
    client.force_login(researcher)
    client.post(SET_UP, {"begin": "on"})
    client.post(SET_UP, {"code": code_of(TOTPDevice.objects.get())})
    assert TOTPDevice.objects.get().confirmed
    client.logout()
    client.post(reverse("login"), {"username": researcher.email, "password": PASSWORD})
    return researcher


def test_setting_up_shows_the_secret_and_then_ten_codes_once(client, researcher):
    client.force_login(researcher)
    for _ in range(2):
        client.post(SET_UP, {"begin": "on"})
    device = TOTPDevice.objects.get()
    picture = client.get(reverse("two-factor-picture"))
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/svg+xml")
    wrong = client.post(SET_UP, {"code": "000000" if code_of(device) != "000000" else "111111"})
    assert wrong.status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    page = client.post(SET_UP, {"code": code_of(device)}).content.decode()
    codes = list(StaticToken.objects.values_list("token", flat=True))
    assert len(codes) == 10
    assert all(code in page for code in codes)
    assert client.get(reverse("research")).status_code == 200
    assert client.get(reverse("two-factor-picture")).status_code == 404
    assert not any(code in client.get(SET_UP).content.decode() for code in codes)


def test_a_password_alone_opens_no_page_of_researchers(client, secured):
    for address in (reverse("research"), SET_UP, reverse("study-create")):
        assert client.get(address).url.startswith(CHECK)
    assert client.post(SET_UP, {"remove": "on"}).url.startswith(CHECK)
    assert TOTPDevice.objects.filter(confirmed=True).exists()
    assert client.get("/").status_code == 200


def test_a_code_of_the_app_opens_them_and_works_once(client, secured):
    device = TOTPDevice.objects.get()
    used = code_of(device, steps=1)
    assert client.post(CHECK, {"code": f"{used[:3]} {used[3:]}", "next": "/research/plan/"}).url == "/research/plan/"
    assert client.get("/research/plan/").status_code == 200
    client.logout()
    client.post(reverse("login"), {"username": secured.email, "password": PASSWORD})
    assert client.post(CHECK, {"code": used}).status_code == 422
    assert client.get("/research/plan/").status_code == 302


def test_a_code_for_emergencies_opens_them_once(client, secured):
    token = StaticToken.objects.first().token
    assert client.post(CHECK, {"code": token.upper()}).status_code == 302
    assert client.get(reverse("research")).status_code == 200
    assert StaticToken.objects.count() == 9
    assert not StaticToken.objects.filter(token=token).exists()


@pytest.mark.parametrize("code", ["", "0" * 21, "\0", "\u0663\u0663\u0663\u0663\u0663\u0663", "-1", "999999999999"])
def test_strange_codes_open_nothing(client, secured, code):
    assert client.post(CHECK, {"code": code}).status_code == 422
    assert client.get(reverse("research")).status_code == 302


def test_after_a_wrong_code_a_right_one_has_to_wait(client, secured):
    device = TOTPDevice.objects.get()
    client.post(CHECK, {"code": "999999999"})
    TOTPDevice.objects.update(throttling_failure_count=10)
    page = client.post(CHECK, {"code": code_of(device, steps=1)})
    assert page.status_code == 422
    assert "Wait a moment" in page.content.decode()


def test_switching_it_off_needs_it_and_leaves_nothing(client, secured):
    client.post(CHECK, {"code": StaticToken.objects.first().token})
    client.post(SET_UP, {"remove": "on"})
    assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (0, 0)
    client.logout()
    client.post(reverse("login"), {"username": secured.email, "password": PASSWORD})
    assert client.get(reverse("research")).status_code == 200


def test_readers_have_no_second_factor_and_nobody_else_sees_a_secret(client, reader):
    assert client.get(SET_UP).url.startswith(reverse("login"))
    client.force_login(reader.user)
    for address in (SET_UP, CHECK, reverse("two-factor-picture")):
        assert client.get(address).status_code == 403


def test_a_lost_phone_is_helped_by_a_command(client, secured):
    call_command("reset_two_factor", "Researcher@test.example")
    assert client.get("/accounts/profile/").status_code == 302  # logged out everywhere
    client.post(reverse("login"), {"username": secured.email, "password": PASSWORD})
    assert client.get(reverse("research")).status_code == 200
    for email in (secured.email, "nobody@test.example"):
        with pytest.raises(CommandError):
            call_command("reset_two_factor", email)
    assert User.objects.get(pk=secured.pk).times_logged_out == 1


@pytest.mark.parametrize("address", ["/accounts/password/", "/accounts/logout/everywhere/"])
def test_what_changes_the_account_asks_for_the_second_factor_first(client, researcher, address):
    TOTPDevice.objects.create(user=researcher, confirmed=True)
    client.force_login(researcher)
    answer = client.post(address, {"old_password": PASSWORD, "new_password1": "x" * 20, "new_password2": "x" * 20})
    assert answer.url.startswith("/accounts/two-factor/check/")
    researcher.refresh_from_db()
    assert researcher.check_password(PASSWORD)


def test_erasing_asks_for_the_second_factor_first(client, study, researcher):
    reader = Reader.objects.create(
        user=researcher, profession="other", specialty="other", years_experience=1, country="TR"
    )
    start_reading(study, reader)
    TOTPDevice.objects.create(user=researcher, confirmed=True)
    client.force_login(researcher)
    answer = client.post(f"{study.get_absolute_url()}withdraw/", {"erase": "on"})
    assert answer.url.startswith("/accounts/two-factor/check/")
    researcher.refresh_from_db()
    assert researcher.is_active
