"""The study in two parts: purpose-blinded first, then informed; by keyboard on a wide screen, by thumb on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.pages import begin, consent, press
from tests.browser.test_accessibility import RULES
from tests.browser.test_main_job import PHONE, WIDE, wait_until_stored
from tests.browser.test_questions import at
from tests.turing.test_phases import make, make_second
from turing.models import Debriefing, FurtherAnswer, Response
from turing.studies.telling import telling_words

IMAGES = 4


def say(page: Page, keys: list[str], choices: list[tuple[str, str]]) -> None:
    """Give one answer: by keys, or on a phone by taps on the choices (name and value)."""
    if page.viewport_size["width"] > PHONE["width"]:
        press(page, *keys, "Enter")
        return
    for name, value in choices:
        page.locator(f'label:has(input[name="{name}"][value="{value}"])').tap()
    page.get_by_role("button", name="Next").tap()


def look_at(page: Page, screenshot, name: str) -> None:
    assert Axe().run(page, options=RULES).response["violations"] == []
    screenshot(page, f"phases-{name}-{page.viewport_size['width']}")


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["keyboard", "touch"])
def test_both_parts_are_read_and_the_first_says_nothing(run, tmp_path, site, chromium, reader, screenshot, screen):
    first = make(run, tmp_path, real=1, generated=1)
    call_command("open_study", first.slug)
    second = make_second(run, first, real=1, generated=1)
    page = chromium.new_context(viewport=screen, has_touch=screen == PHONE).new_page()
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(site)
    look_at(page, screenshot, "home")
    page.goto(f"{site}{first.get_absolute_url()}")
    begin(page, site, first, reader)
    for position in range(1, IMAGES + 1):
        at(page, position)
        assert telling_words(page.locator("body").inner_text()) == []
        if position == 1:
            look_at(page, screenshot, "judging")
        say(page, ["1", "3", "4"], [("q-tumour", "melanoma"), ("q-tumour-sure", "3"), ("q-quality", "4")])
        wait_until_stored(page, position)
    page.wait_for_url(re.compile("/after/$"))
    assert set(Response.objects.values_list("answer", flat=True)) == {""}
    assert None not in Response.objects.values_list("response_time_ms", flat=True)
    assert set(FurtherAnswer.objects.values_list("question", "value", "confidence")) == {
        ("tumour", "melanoma", 3), ("quality", "4", None),
    }  # fmt: skip
    assert telling_words(page.locator("body").inner_text()) == []
    look_at(page, screenshot, "noticed")
    page.get_by_label("Did you notice").fill("The hairs look odd.")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Did you suspect")).to_be_visible()
    look_at(page, screenshot, "suspected")
    page.locator("fieldset label").first.click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="What this study was about")).to_be_visible()
    look_at(page, screenshot, "debriefing")
    found = Debriefing.objects.get()
    assert (found.noticed, found.suspected) == ("The hairs look odd.", True)
    page.get_by_role("link", name="Go on to the second part").click()
    page.wait_for_url(f"{site}{second.get_absolute_url()}")
    look_at(page, screenshot, "second")
    consent(page, site, second)
    for position in range(1, IMAGES + 1):
        at(page, position)
        say(page, ["g", "2"], [("answer", "generated"), ("confidence", "2")])
        wait_until_stored(page, IMAGES + position)
    expect(page.get_by_text("You have judged all 4 images.")).to_be_visible()
    assert Response.objects.filter(trial__reading__study=second, answer="generated").count() == IMAGES
    assert failures == []


def test_a_reader_sees_what_each_image_was_after_the_first_sitting(run, site, chromium, reader, screenshot):
    values = {"real": 1, "generated": 1, "stimulus_size": 64, "feedback_after": True, "confidence_levels": 0}
    call_command("create_study", "First sitting", run=[str(run.pk)], **values)
    call_command("open_study", "first-sitting")
    study = run.studies.get(slug="first-sitting")
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, study, reader)
    for position in range(1, IMAGES + 1):
        at(page, position)
        press(page, "g", "Enter")
        wait_until_stored(page, position)
    page.get_by_role("link", name="What each image was").click()
    page.wait_for_url(f"{site}{reverse('study-feedback', args=[study.slug])}")
    expect(page.get_by_text("You judged 2 of 4 images right")).to_be_visible()
    assert page.locator("ul.strip li").count() == IMAGES
    look_at(page, screenshot, "feedback")
