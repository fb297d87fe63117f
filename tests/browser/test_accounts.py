"""Accounts in a real browser: register, confirm, forget the password, set up and use a second factor."""

import re

from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import PHONE, WIDE, log_in, register
from tests.conftest import PASSWORD
from turing.models import User

NEW_PASSWORD = "another-lens-12"


def letter_link(data_root, part: str, page: Page) -> str:
    """The last link that contains `part` among the e-mails that gunicorn has printed."""
    for _ in range(100):
        printed = "".join(log.read_text() for log in data_root.glob("gunicorn-*.log"))
        found = re.findall(rf"http://127\.0\.0\.1:\d+\S*{part}\S*", printed)
        if found:
            return found[-1]
        page.wait_for_timeout(100)
    raise AssertionError(f"no e-mail with a link to {part}")


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name).click()


def test_a_reader_registers_confirms_and_sets_a_forgotten_password(study, site, chromium, data_root, screenshot):
    page = chromium.new_context(viewport=PHONE).new_page()
    failures = []
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    register(page, site, study)
    expect(page.get_by_text("please confirm your address")).to_be_visible()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()  # no wall before the study

    page.goto(letter_link(data_root, "/accounts/confirm/", page))
    screenshot(page, "confirm-phone")
    press(page, "Yes, confirm it")
    expect(page.get_by_text("Your e-mail address is confirmed.")).to_be_visible()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()  # back at the study
    page.goto(f"{site}/accounts/profile/")
    expect(page.get_by_text("This e-mail address is confirmed.")).to_be_visible()
    screenshot(page, "profile-phone")
    press(page, "Log out on every device")
    expect(page.get_by_text("logged out on every device")).to_be_visible()

    page.get_by_role("link", name="Password forgotten?").click()
    page.get_by_label("E-mail").fill("ayse@clinic.example")
    screenshot(page, "password-forgotten-phone")
    press(page, "Send the link")
    expect(page.get_by_role("heading", name="Please check your e-mail")).to_be_visible()
    screenshot(page, "password-sent-phone")
    page.goto(letter_link(data_root, "/accounts/password/new/", page))
    page.get_by_label("New password:").fill(NEW_PASSWORD)
    page.get_by_label("New password, once more").fill(NEW_PASSWORD)
    screenshot(page, "password-new-phone")
    press(page, "Save")
    expect(page.get_by_role("heading", name="Your new password is set")).to_be_visible()
    assert User.objects.get(email="ayse@clinic.example").check_password(NEW_PASSWORD)
    assert failures == []


def test_a_researcher_sets_up_a_second_factor_and_needs_it(site, chromium, researcher, screenshot):
    page = chromium.new_context(viewport=WIDE).new_page()
    failures = []
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    log_in(page, site, researcher.email)
    page.get_by_role("link", name="Dr Research").click()
    screenshot(page, "profile-researcher")
    page.get_by_role("link", name="Second factor").click()
    press(page, "Set it up")
    picture = page.get_by_alt_text("The secret as a QR code")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    screenshot(page, "two-factor-set-up")
    device = TOTPDevice.objects.get()
    page.get_by_label("Code").fill(f"{totp(device.bin_key):06}")
    press(page, "Switch it on")
    code = page.locator("ul.hash li").first.inner_text()
    screenshot(page, "two-factor-codes")

    page.get_by_role("banner").get_by_role("button", name="Log out").click()
    log_in(page, site, researcher.email)
    page.get_by_role("link", name="Research", exact=True).click()
    expect(page.get_by_role("heading", name="Your second factor")).to_be_visible()
    screenshot(page, "two-factor-check")
    page.get_by_label("Code").fill(code)
    press(page, "Go on")
    page.wait_for_url(f"{site}/research/")
    assert failures == []


def test_who_tries_too_often_is_told_when_to_come_back(site, chromium, reader, screenshot):
    page = chromium.new_context(viewport=WIDE, locale="tr").new_page()
    page.goto(f"{site}/accounts/login/")
    for _ in range(10):
        page.get_by_label("E-posta").fill(reader.user.email)
        page.get_by_label("Parola").fill("wrong")
        press(page, "Giriş yap")
    expect(page.get_by_text("15 dakika sonra")).to_be_visible()
    screenshot(page, "too-many-attempts")
    assert PASSWORD not in page.content()
