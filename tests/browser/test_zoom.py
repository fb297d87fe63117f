"""If the study allows it, readers enlarge a part of an image with keys, wheel and touch."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from playwright.sync_api import expect

from tests.browser.pages import begin, press
from tests.browser.test_accessibility import RULES
from tests.browser.test_main_job import WIDE, wait_until_stored
from tests.turing.test_questions import make_study
from turing.models import Response, Study

FACTOR = "() => new DOMMatrix(getComputedStyle(document.querySelector('.stimulus')).transform).a"


@pytest.fixture(params=["free", "steps"])
def zoomed(request, run) -> Study:
    call_command("create_study", "Close", run=[str(run.pk)], real=2, generated=2, stimulus_size=64, zoom=request.param)
    call_command("open_study", "close")
    return Study.objects.get(slug="close")


def test_a_reader_zooms_by_keys_and_the_next_image_is_whole_again(zoomed, site, chromium, reader, screenshot):
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, zoomed, reader)
    expect(page.get_by_role("button", name="Larger")).to_be_visible()
    press(page, "+", "+")
    largest = 4 if zoomed.zoom == "steps" else 1.25**4
    assert page.evaluate(FACTOR) == pytest.approx(largest, rel=1e-4)
    page.locator(".frame").focus()
    press(page, "ArrowLeft")
    screenshot(page, f"zoom-{zoomed.zoom}")
    assert Axe().run(page, options=RULES).response["violations"] == []
    press(page, "r", "2", "Enter")
    page.wait_for_url(re.compile("/trials/2/$"))
    wait_until_stored(page, 1)
    assert page.evaluate(FACTOR) == 1
    assert Response.objects.get().zoom_percent == round(100 * largest)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Larger").click()
    assert page.evaluate(FACTOR) > 1
    page.get_by_role("button", name="Whole image").click()
    assert page.evaluate(FACTOR) == 1
    screenshot(page, f"zoom-{zoomed.zoom}-phone")


def test_a_place_is_marked_in_an_enlarged_image_and_a_drag_marks_none(run, site, chromium, reader, tmp_path):
    study = make_study(run, tmp_path, [{"type": "region"}], zoom="steps")
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, study, reader)
    press(page, "g", "2", "+")
    box = page.locator(".frame").bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    page.mouse.click(*middle)
    region = page.locator("fieldset.region input[type=hidden]")
    assert [float(one) for one in region.input_value().split()] == pytest.approx([0.5, 0.5], abs=0.01)
    page.mouse.move(middle[0], middle[1] + 100)  # beside the mark
    page.mouse.down()
    page.mouse.move(middle[0] - box["width"] / 4, middle[1] + 100, steps=4)
    page.mouse.up()
    assert [float(one) for one in region.input_value().split()] == pytest.approx([0.5, 0.5], abs=0.01)
    mark = page.locator(".mark").bounding_box()
    assert mark["x"] + mark["width"] / 2 == pytest.approx(middle[0] - box["width"] / 4, abs=2)
    page.mouse.click(*middle)
    assert [float(one) for one in region.input_value().split()] == pytest.approx([0.625, 0.5], abs=0.01)


def test_what_is_enlarged_after_the_judgement_does_not_count(run, site, chromium, reader, tmp_path):
    study = make_study(run, tmp_path, [{"type": "region"}], zoom="steps")
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, study, reader)
    expect(page.get_by_role("button", name="Larger")).to_be_visible()
    press(page, "g", "2", "+", "Enter")
    wait_until_stored(page, 1)
    assert Response.objects.get().zoom_percent == 100
