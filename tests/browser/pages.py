"""Actions on pages that browser tests share."""

import re

from playwright.sync_api import Page

from tests.conftest import PASSWORD
from turing.models import Reader, Study


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other, as a person does on the page in front.

    Chromium draws no frames for a page behind another one, and a key pressed there may never be acknowledged. The test
    would then wait forever.
    """
    page.bring_to_front()
    for key in keys:
        page.keyboard.press(key)


def log_in(page: Page, site: str, email: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)  # researchers and readers go on elsewhere


def unfold(page: Page) -> None:
    """Open everything that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def consent(page: Page, site: str, study: Study) -> None:
    """Go from the study's page, as a logged-in reader, to the first image."""
    page.goto(f"{site}{study.get_absolute_url()}")
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile(f"/{study.slug}/trials/1/$"))


def begin(page: Page, site: str, study: Study, reader: Reader) -> None:
    """Log in and consent, up to the first image."""
    log_in(page, site, reader.user.email)
    consent(page, site, study)
