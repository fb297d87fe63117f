"""A study of several questions, read by keyboard, by thumb, and without JavaScript."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.pages import begin, press
from tests.browser.test_accessibility import RULES
from tests.browser.test_main_job import PHONE, WIDE, log_in, wait_until_stored
from tests.turing.test_questions import QUESTIONS, make_study
from turing.models import FurtherAnswer, Response, Study

PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


@pytest.fixture
def asked(run, tmp_path) -> Study:
    return make_study(run, tmp_path, QUESTIONS)


def at(page: Page, position: int) -> None:
    page.wait_for_url(re.compile(rf"/trials/{position}/$"))
    page.locator("img.stimulus").evaluate("image => image.decode()")
    page.evaluate(PAINTED)


def stored(position: int) -> dict[str, str]:
    rows = FurtherAnswer.objects.filter(response__trial__position=position)
    return dict(rows.values_list("question", "value"))


def test_every_question_is_answered_from_the_keyboard(asked, site, chromium, reader, screenshot):
    page = chromium.new_context(viewport=WIDE).new_page()
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    begin(page, site, asked, reader)
    at(page, 1)
    assert Axe().run(page, options=RULES).response["violations"] == []
    screenshot(page, "questions")
    expect(page.get_by_text("What made you think so?")).to_be_hidden()
    # Numbers go to the questions in their order: diagnosis, how sure, judgement's letter, confidence, realism, biopsy.
    press(page, "2", "4", "g", "3", "6", "1")
    expect(page.get_by_text("What made you think so?")).to_be_visible()
    press(page, "6", "9", "9", "3")  # cues are chosen and taken back
    page.locator("img.stimulus").click(position={"x": 128, "y": 384})
    mark = page.get_by_role("button", name="The mark;")
    expect(mark).to_be_visible()
    mark.focus()
    press(page, "ArrowRight", "ArrowUp")
    page.get_by_role("textbox").click()
    press(page, "r", "1", " ", "g")  # letters and numbers of a text answer nothing else
    screenshot(page, "questions-answered")
    assert Axe().run(page, options=RULES).response["violations"] == []
    press(page, "Enter")
    at(page, 2)
    wait_until_stored(page, 1)
    response = Response.objects.get()
    assert (response.answer, response.confidence) == ("generated", 3)
    assert response.response_time_ms is not None
    wanted = {"tumour": "BCC", "realism": "6", "biopsy": "yes", "notes": "r1 g", "cues": '["colour", "hair"]'}
    found = stored(1)
    assert [float(one) for one in found.pop("region").split()] == pytest.approx([0.27, 0.73], abs=0.01)
    assert found == wanted
    expect(mark).to_be_hidden()
    assert page.locator("input:checked").count() == 0
    press(page, "1", "Enter")  # one answer is not all: nothing is sent
    expect(page).to_have_url(re.compile("/trials/2/$"))
    press(page, "5", "r", "1", "7", "2", "Enter")
    at(page, 3)
    wait_until_stored(page, 2)
    assert stored(2) == {"tumour": "melanoma", "realism": "7", "biopsy": "no"}
    assert failures == []


def test_an_answer_without_connection_waits_whole_and_arrives_whole(asked, site, chromium, reader):
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, asked, reader)
    at(page, 1)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    press(page, "3", "2", "g", "4", "1", "2", "1", "Enter")
    at(page, 2)
    expect(page.get_by_text("1 answer waits here")).to_be_visible()
    assert not Response.objects.exists()
    page.context.set_offline(False)
    wait_until_stored(page, 1)
    assert stored(1) == {"tumour": "naevus", "realism": "1", "biopsy": "no", "cues": '["border"]'}
    expect(page.get_by_text("1 answer waits here")).to_be_hidden()


def test_a_proxy_that_leaves_out_a_further_answer_does_not_end_the_waiting(asked, site, chromium, reader):
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, asked, reader)
    at(page, 1)

    def forget_one(route):
        reply = route.fetch()
        body = reply.json()
        body["stored"]["further"].pop("q-realism")
        route.fulfill(response=reply, body=json.dumps(body))

    page.route(
        re.compile("/trials/1/$"),
        lambda route: forget_one(route) if route.request.method == "POST" else route.continue_(),
    )
    press(page, "1", "1", "r", "4", "5", "2", "Enter")
    at(page, 2)
    wait_until_stored(page, 1)
    expect(page.get_by_text("1 answer waits here")).to_be_visible()
    page.unroute_all()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.get_by_text("1 answer waits here")).to_be_hidden()
    assert Response.objects.count() == 1


def test_a_phone_shows_the_image_beside_every_question(asked, site, chromium, reader, screenshot):
    page = chromium.new_context(viewport=PHONE, device_scale_factor=3, has_touch=True).new_page()
    begin(page, site, asked, reader)
    for position in (1, 2):
        at(page, position)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator(".trial").bounding_box()["y"] >= -1  # the next image begins at its first question
        for name, value in (
            ("q-tumour", "melanoma"), ("q-tumour-sure", "3"), ("answer", "generated"), ("confidence", "2"),
            ("q-realism", "2"), ("q-biopsy", "yes"), ("q-cues", "network"),
        ):  # fmt: skip
            page.locator(f'label:has(input[name="{name}"][value="{value}"])').tap()
            box = page.locator("img.stimulus").bounding_box()
            assert box["y"] >= -1
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
        if position == 1:
            page.evaluate("scrollTo(0, 0)")
            screenshot(page, "questions-phone")
        boxes = [one.bounding_box() for one in page.locator(".choices label").all() if one.is_visible()]
        assert min(box["height"] for box in boxes) >= 44
        page.get_by_role("button", name="Next").tap()
    wait_until_stored(page, 2)
    assert stored(2) == stored(1)
    wanted = {"tumour": "melanoma", "realism": "2", "biopsy": "yes", "cues": '["network"]'}
    found = stored(1)
    assert [float(one) for one in found.pop("region").split()] == pytest.approx([0.5, 0.25], abs=0.01)
    assert found == wanted


def test_without_javascript_the_form_asks_and_stores_the_same(asked, site, chromium, reader):
    page = chromium.new_context(viewport=WIDE, java_script_enabled=False).new_page()
    begin(page, site, asked, reader)
    for name, value in (("q-tumour", "BCC"), ("q-tumour-sure", "5"), ("answer", "generated"), ("confidence", "1"),
                        ("q-realism", "3"), ("q-cues", "other")):  # fmt: skip
        page.locator(f'input[name="{name}"][value="{value}"]').check(force=True)
    page.get_by_role("textbox").fill("Like paint")
    page.get_by_role("button", name="Next").click()
    page.wait_for_url(re.compile("/trials/2/$"))
    assert stored(1) == {"tumour": "BCC", "realism": "3", "notes": "Like paint", "cues": '["other"]'}


def test_one_row_takes_one_press_for_judgement_and_confidence(run, tmp_path, site, chromium, reader, screenshot):
    study = make_study(run, tmp_path, [], one_row=True)
    page = chromium.new_context(viewport=PHONE, has_touch=True).new_page()
    begin(page, site, study, reader)
    at(page, 1)
    assert Axe().run(page, options=RULES).response["violations"] == []
    screenshot(page, "one-row-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator('label:has(input[value="generated-4"])').tap()
    page.get_by_role("button", name="Next").tap()
    at(page, 2)
    press(page, "1", "Enter")
    wait_until_stored(page, 2)
    found = Response.objects.order_by("trial__position").values_list("answer", "confidence")
    assert list(found) == [("generated", 4), ("real", 4)]


def test_the_researcher_s_pages_show_the_questions(asked, site, chromium, researcher, screenshot):
    call_command("simulate_readers", "asked", readers=6, seed=3)
    Study.objects.update(owner=researcher)
    for viewport, name in ((WIDE, ""), (PHONE, "-phone")):
        page = chromium.new_context(viewport=viewport).new_page()
        log_in(page, site, researcher.email)
        page.goto(site + reverse("study-create"))
        page.get_by_text("More options: what readers are asked and told").click()
        page.get_by_text("Ask more than real or generated").click()
        page.get_by_text("Its words and answers").nth(1).click()
        page.get_by_text("Its analysis").nth(1).click()
        assert Axe().run(page, options=RULES).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        screenshot(page, f"questions-form{name}")
        for address in ("research-study", "results", "preregistration"):
            page.goto(site + reverse(address, args=["asked"]))
            assert Axe().run(page, options=RULES).response["violations"] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            screenshot(page, f"questions-{address}{name}")


def test_a_confidence_without_its_answer_keeps_nothing_waiting(run, tmp_path, site, chromium, reader):
    asked = {"type": "yes_no", "name": "biopsy", "question": "Biopsy?", "required": False, "confidence": True}
    study = make_study(run, tmp_path, [asked])
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, study, reader)
    at(page, 1)
    press(page, "r", "2")
    page.locator("fieldset.sure label").nth(2).click()
    press(page, "Enter")
    at(page, 2)
    press(page, "r", "2", "Enter")
    wait_until_stored(page, 2)
    assert not FurtherAnswer.objects.exists()
