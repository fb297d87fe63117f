"""Pairs are read side by side: by keyboard, by touch on a phone, and without JavaScript."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.pages import begin, log_in, press, unfold
from tests.browser.test_accessibility import RULES
from tests.browser.test_main_job import PHONE, WIDE, wait_until_stored
from tests.turing.test_forced_choice import make_pairs
from turing.models import Response, Study

SHOWN = "images => Promise.all(images.map(image => image.decode()))"
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


@pytest.fixture
def pairs(run) -> Study:
    return make_pairs(run, practice_images=1)


def see(page: Page, position: int) -> list[dict]:
    """Wait for the pair, and return the positions of its images."""
    page.wait_for_url(re.compile(f"/trials/{position}/$"))
    images = page.locator("img.stimulus")
    images.evaluate_all(SHOWN)
    page.evaluate(PAINTED)  # what is pressed before the images are painted has no response time
    return [one.bounding_box() for one in images.all()]


def is_in_sight(page: Page, name: str) -> bool:
    box = page.get_by_role("button", name=name).bounding_box()
    return box["y"] + box["height"] <= page.viewport_size["height"]


def test_pairs_are_read_by_keyboard_and_by_touch(pairs, site, chromium, reader, screenshot):
    page = chromium.new_context(viewport=WIDE).new_page()
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    begin(page, site, pairs, reader)
    see(page, 1)
    press(page, "ArrowLeft", "2", "Enter")
    expect(page.locator(".told")).to_contain_text("image is the generated one")
    screenshot(page, "pair-told")
    press(page, "Enter")
    for position in range(2, 7):
        left, right = see(page, position)
        assert left["width"] == right["width"] == left["height"] >= 384
        assert left["y"] == right["y"]
        assert right["x"] >= left["x"] + left["width"]
        assert is_in_sight(page, "Next")
        if position == 2:
            screenshot(page, "pair-judging")
            assert Axe().run(page, options=RULES).response["violations"] == []
        page.get_by_label("3", exact=True).focus()  # arrows still move among the levels there
        press(page, "ArrowLeft")
        expect(page.get_by_label("2", exact=True)).to_be_checked()
        page.locator(".trial").focus()
        press(page, "ArrowLeft" if position % 2 else "ArrowRight", "4", "Enter")
    see(page, 7)
    wait_until_stored(page, 6)
    assert failures == []
    stored = Response.objects.order_by("trial__position")[1:]
    assert [one.answer for one in stored] == ["real", "generated", "real", "generated", "real"]
    assert all(one.confidence == 4 and one.response_time_ms for one in stored)

    page = chromium.new_context(viewport=PHONE, device_scale_factor=3, has_touch=True, is_mobile=True).new_page()
    log_in(page, site, reader.user.email)
    page.goto(f"{site}{pairs.get_absolute_url()}")
    expect(page.get_by_text("You have judged 6 of 11 pairs")).to_be_visible()
    page.get_by_role("link", name="Continue").tap()
    for position in range(7, 12):
        left, right = see(page, position)
        assert left["y"] == right["y"]
        assert left["width"] >= 160
        assert is_in_sight(page, "Next")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if position == 7:
            screenshot(page, "pair-judging-phone")
            assert Axe().run(page, options=RULES).response["violations"] == []
        page.locator("label", has_text="Right").tap()
        page.locator(".levels label", has_text="1").tap()
        page.get_by_role("button", name="Next").tap()
    expect(page.get_by_text("You have judged all 11 pairs")).to_be_visible()
    assert (
        list(Response.objects.filter(trial__position__gte=7).values_list("answer", "confidence")) == [("real", 1)] * 5
    )


def test_digits_choose_a_side_where_no_confidence_is_asked(run, site, chromium, reader):
    study = make_pairs(run, confidence_levels=0)
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, study, reader)
    for position, key in ((1, "1"), (2, "2")):
        see(page, position)
        press(page, key, "Enter")
    wait_until_stored(page, 2)
    assert list(Response.objects.order_by("trial__position").values_list("answer", flat=True)) == ["generated", "real"]


def test_pairs_are_read_without_javascript(pairs, site, chromium, reader, screenshot):
    page = chromium.new_context(viewport=WIDE, java_script_enabled=False).new_page()
    begin(page, site, pairs, reader)
    for position in (1, 2, 3):
        page.get_by_label("Left", exact=False).check(force=True)
        page.get_by_label("4", exact=True).check(force=True)
        page.get_by_role("button", name="Next").click()
        if position == 1:
            page.get_by_role("link", name="Continue").click()
    screenshot(page, "pair-without-script")
    assert Response.objects.filter(answer="generated", confidence=4, response_time_ms=None).count() == 3


def test_results_and_the_public_page_of_pairs_hold_for_everybody(run, site, chromium, researcher, screenshot):
    study = make_pairs(run, owner=researcher.email)
    call_command("simulate_readers", study.slug, readers=6, dprime=1.5, seed=4)
    call_command("close_study", study.slug)
    Study.objects.update(published_at=timezone.now())
    page = chromium.new_context(viewport=WIDE).new_page()
    log_in(page, site, researcher.email)
    for name in ("results", "published", "research-study"):
        for screen in (WIDE, PHONE):
            page.set_viewport_size(screen)
            page.goto(f"{site}{reverse(name, args=[study.slug])}", wait_until="networkidle")
            assert Axe().run(page, options=RULES).response["violations"] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            unfold(page)
            for image in page.locator(".figure img").all():
                image.scroll_into_view_if_needed()  # they load when they come into view
                assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
            screenshot(page, f"pairs-{name}-{screen['width']}")
