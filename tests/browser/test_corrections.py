"""Readers go back to the last image by key, by thumb, without JavaScript, and after the connection was lost."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import begin, press
from tests.browser.test_accessibility import problems_of
from tests.browser.test_connection import answer, wait_until_loaded_ahead
from tests.browser.test_main_job import WIDE
from tests.turing.test_corrections import make_study, stored
from turing.models import ReplacedAnswer, Response

PHONE = {"width": 390, "height": 844}
CORRECTS = re.compile(r"/trials/1/\?correct=1$")
SECOND = re.compile(r"/trials/2/$")


@pytest.fixture
def begun(run, tmp_path, site, chromium, reader):
    """Open a browser at the first image of a study that allows corrections."""
    study = make_study(run, tmp_path, break_every=0)

    def open_page(**options) -> Page:
        page = chromium.new_context(**options).new_page()
        begin(page, site, study, reader)
        return page

    return open_page


def chosen(page: Page) -> list[str]:
    return page.locator("input[type=radio]:checked").evaluate_all("all => all.map(one => one.value)")


def test_a_slip_is_corrected_by_keys_and_the_reader_goes_on_where_they_were(begun, screenshot):
    page = begun(viewport=WIDE, bypass_csp=True, reduced_motion="reduce")
    expect(page.get_by_role("link", name="Back to the last image")).to_be_hidden()
    wait_until_loaded_ahead(page)
    answer(page, "g")
    page.wait_for_url(SECOND)
    expect(page.get_by_role("link", name="Back to the last image")).to_be_visible()
    screenshot(page, "back-1280")
    press(page, "Backspace")
    page.wait_for_url(CORRECTS)
    assert chosen(page) == ["generated", "2"]
    screenshot(page, "correct-1280")
    assert problems_of(page, "a correction") == []
    answer(page, "r")
    page.wait_for_url(SECOND)
    assert chosen(page) == []
    assert stored(1) == [(1, "real"), (0, "generated")]
    assert Response.objects.get().response_time_ms is not None
    answer(page, "r")
    page.wait_for_url(re.compile("/trials/3/$"))
    press(page, "Backspace")
    page.wait_for_url(re.compile(r"/trials/2/\?correct=2$"))
    page.get_by_role("link", name="Keep my earlier answer").click()
    page.wait_for_url(re.compile("/trials/3/$"))
    assert stored(2) == [(0, "real")]


def test_a_choice_made_before_the_image_came_leaves_the_earlier_answer_as_it_was(begun):
    page = begun(viewport=WIDE)
    wait_until_loaded_ahead(page)
    answer(page, "g")
    page.wait_for_url(SECOND)
    page.route("**/stimuli/**", lambda route: route.abort())
    press(page, "Backspace")
    page.wait_for_url(CORRECTS)
    page.locator("input[value=real]").click(force=True)
    press(page, "r")
    assert page.url.endswith("?correct=1")
    assert chosen(page) == ["generated", "2"]


def test_no_answer_is_lost_or_doubled_where_the_connection_goes_before_and_after_going_back(begun):
    page = begun(viewport=WIDE)
    wait_until_loaded_ahead(page)
    page.context.set_offline(True)
    answer(page, "g")
    press(page, "Backspace")
    expect(page.get_by_text("No connection. The earlier image opens")).to_be_visible()
    assert page.url.endswith("/trials/2/")
    assert not Response.objects.exists()
    page.context.set_offline(False)
    page.wait_for_url(CORRECTS)
    assert stored(1) == [(0, "generated")]
    page.context.set_offline(True)
    answer(page, "r")
    expect(page.locator("#connection")).to_contain_text("1 answer waits here")
    assert stored(1) == [(0, "generated")]
    page.context.set_offline(False)
    page.wait_for_url(SECOND)
    assert stored(1) == [(1, "real"), (0, "generated")]
    page.context.set_offline(True)
    press(page, "Backspace")
    expect(page.get_by_text("No connection. The earlier image opens")).to_be_visible()
    answer(page, "g")  # the reader goes on instead
    page.wait_for_url(re.compile("/trials/3/$"))
    expect(page.get_by_text("No connection. The earlier image opens")).to_be_hidden()
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_be_hidden()
    assert (Response.objects.count(), ReplacedAnswer.objects.count()) == (2, 1)


def test_an_acknowledgement_that_is_lost_makes_no_second_correction(begun):
    page = begun(viewport=WIDE)
    wait_until_loaded_ahead(page)
    answer(page, "g")
    press(page, "Backspace")
    page.wait_for_url(CORRECTS)
    lost = []

    def lose(route) -> None:
        if route.request.method != "POST" or lost:
            route.continue_()
            return
        lost.append(route.fetch())
        route.abort()

    page.route("**/trials/**", lose)
    answer(page, "r")
    expect(page.locator("#connection")).to_contain_text("1 answer waits here")
    assert stored(1) == [(1, "real"), (0, "generated")]
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_url(SECOND)
    assert stored(1) == [(1, "real"), (0, "generated")]


def test_the_way_back_is_as_large_as_a_thumb_and_works_without_a_script(begun, screenshot):
    page = begun(viewport=PHONE, java_script_enabled=False)
    page.locator("label", has_text="Generated").click()
    page.locator("label", has_text="3").click()
    page.get_by_role("button", name="Next").click()
    link = page.get_by_role("link", name="Back to the last image")
    box = link.bounding_box()
    assert box["height"] >= 44
    assert box["width"] >= 200
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    screenshot(page, "back-390")
    link.click()
    assert chosen(page) == ["generated", "3"]
    screenshot(page, "correct-390")
    page.locator("label", has_text="Real").click()
    page.get_by_role("button", name="Next").click()
    assert SECOND.search(page.url)
    assert stored(1) == [(1, "real"), (0, "generated")]
