"""A clinician whose phone speaks Turkish judges in Turkish."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.pages import press
from tests.browser.test_accessibility import RULES
from tests.browser.test_connection import wait_until_shown
from tests.browser.test_main_job import PHONE, log_in, wait_until_stored
from tests.conftest import PASSWORD
from turing.models import Response


def test_a_turkish_phone(study, site, chromium, reader, screenshot):
    page = chromium.new_context(viewport=PHONE, locale="tr-TR", bypass_csp=True).new_page()
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("E-posta").fill(reader.user.email)
    page.get_by_label("Parola").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Giriş yap").click()
    page.wait_for_url(f"{site}/")
    screenshot(page, "home-turkish")
    page.goto(f"{site}{study.get_absolute_url()}")
    expect(page.locator("html")).to_have_attribute("lang", "tr")
    screenshot(page, "consent-turkish")
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.get_by_label("Bunu okudum").check()
    page.get_by_role("button", name="Başla").click()
    page.wait_for_url(re.compile("/trials/1/$"))
    expect(page.get_by_text("Ne kadar eminsiniz?")).to_be_visible()
    screenshot(page, "judging-turkish")
    for count, key in enumerate("gy", start=1):  # gerçek, yapay
        wait_until_shown(page)
        press(page, key, "2", "Enter")
        wait_until_stored(page, count)
        expect(page.locator("#count")).to_have_text(f"{count} / 20")
    answers = Response.objects.order_by("trial__position").values_list("answer", flat=True)
    assert list(answers) == ["real", "generated"]


def test_the_language_is_chosen_on_the_page(study, site, chromium, reader):
    page = chromium.new_context(viewport=PHONE).new_page()
    log_in(page, site, reader.user.email)
    page.goto(f"{site}{study.get_absolute_url()}")
    page.get_by_role("button", name="Türkçe").click()
    expect(page.get_by_role("heading", name="Onam")).to_be_visible()
    assert page.url == f"{site}{study.get_absolute_url()}"
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Consent")).to_be_visible()
