"""A clinician judges a whole form; a researcher reads the results. Nothing is faked."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import log_in, press, unfold
from tests.conftest import PASSWORD
from turing.models import Reader, Response, Trial

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def register(page: Page, site: str, study) -> None:
    page.goto(f"{site}{study.get_absolute_url()}")
    page.get_by_role("link", name="Register and begin").click()
    page.get_by_label("Name").fill("Dr Ayse Example")
    page.get_by_label("E-mail").fill("Ayse@Clinic.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Profession").select_option("dermatologist")
    page.get_by_label("Specialty").select_option("dermatology")
    page.get_by_label("Years of experience").fill("12")
    page.get_by_label("Country").select_option("TR")
    page.get_by_role("button", name="Register").click()


def wait_until_stored(page: Page, count: int) -> None:
    """Let the page's timers run until this many answers are stored."""
    for _ in range(100):
        if Response.objects.count() >= count:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{Response.objects.count()} of {count} answers arrived")


def shown_position(page: Page) -> int:
    return int(page.locator('input[name="position"]').input_value())


def test_a_clinician_judges_and_a_researcher_reads_the_results(study, site, chromium, researcher, screenshot):
    page = chromium.new_context(viewport=WIDE).new_page()
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)

    register(page, site, study)
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()

    # Half of the form by keyboard.
    for position in range(1, 11):
        page.wait_for_url(re.compile(rf"/trials/{position}/$"))
        image = page.locator("img.stimulus")
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
        box = image.bounding_box()
        assert box["width"] == box["height"] == 512  # a whole number of screen pixels for each of the image's
        # A person needs longer than two frames; what is pressed before the image is painted has no response time.
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")
        if position == 1:
            screenshot(page, "test-judging")
        press(page, "r" if position % 2 else "g", str(1 + position % 4), "Enter")
        page.wait_for_url(re.compile(rf"/trials/{position + 1}/$"))

    # The clinician leaves half-way; another device, a phone, goes on where they stopped.
    wait_until_stored(page, 10)
    page.goto("about:blank")
    page = chromium.new_context(viewport=PHONE, device_scale_factor=3, has_touch=True).new_page()
    log_in(page, site, "ayse@clinic.example")
    page.goto(f"{site}{study.get_absolute_url()}")
    expect(page.get_by_text("10 of 20 images")).to_be_visible()
    page.get_by_role("link", name="Continue").click()
    for position in range(11, 21):
        page.wait_for_url(re.compile(rf"/trials/{position}/$"))
        page.locator("img.stimulus").evaluate("image => image.decode()")  # nothing is judged before it is shown
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if position == 11:
            screenshot(page, "test-judging-phone")
        page.get_by_label("Generated" if position % 3 else "Real", exact=False).check(force=True)
        page.get_by_label("2", exact=True).check(force=True)
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    assert failures == []

    # What was pressed is what was stored.
    reader = Reader.objects.get(user__email="ayse@clinic.example")
    stored = list(Trial.objects.filter(reading__reader=reader).order_by("position").values_list("response__answer"))
    keyboard = [("real",) if position % 2 else ("generated",) for position in range(1, 11)]
    mouse = [("generated",) if position % 3 else ("real",) for position in range(11, 21)]
    assert stored == keyboard + mouse
    measured = Response.objects.filter(trial__position__lte=10, response_time_ms__isnull=False).count()
    assert measured == 10
    assert reader.readings.get().completed_at is not None

    # The dashboard's numbers, against a few lines of our own.
    answers = Response.objects.filter(trial__stimulus__truth="generated")
    rate = answers.filter(answer="real").count() / answers.count()
    page = chromium.new_context(viewport=WIDE).new_page()
    log_in(page, site, researcher.email)
    page.goto(f"{site}/research/studies/{study.slug}/results/")
    expect(page.locator(".headline")).to_contain_text(f"Readers took {rate:.0%} of generated images for real")
    expect(page.get_by_text("1 reader, 20 images, 20 responses")).to_be_visible()
    expect(page.get_by_text("Simulated readers.")).to_have_count(0)
    expect(page.get_by_text("drawings (phantoms), not photographs")).to_be_visible()
    unfold(page)
    for image in page.locator(".figure img").all():
        image.scroll_into_view_if_needed()  # they load when they come into view
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


def test_back_and_a_second_tab_never_change_an_answer(study, site, chromium, reader):
    page = chromium.new_context(viewport=WIDE).new_page()
    log_in(page, site, reader.user.email)
    page.goto(f"{site}{study.get_absolute_url()}")
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile("/trials/1/$"))
    second = page.context.new_page()
    second.goto(f"{site}/studies/{study.slug}/trials/1/")
    for answer_page, key in ((page, "r"), (second, "g")):
        answer_page.locator("img.stimulus").evaluate("image => image.decode()")
        with answer_page.expect_response(lambda response: response.request.method == "POST"):
            press(answer_page, key, "3", "Enter")
        answer_page.wait_for_url(re.compile("/trials/2/$"))
    assert list(Response.objects.values_list("answer", "confidence")) == [("real", 3)]
    page.go_back()
    page.wait_for_url(re.compile("/trials/1/$"))
    expect(page.get_by_text("An answer cannot be changed")).to_be_visible()
    assert page.locator("form.answer").count() == 0


def test_judging_works_without_javascript(study, site, chromium, reader):
    page = chromium.new_context(viewport=WIDE, java_script_enabled=False).new_page()
    log_in(page, site, reader.user.email)
    page.goto(f"{site}{study.get_absolute_url()}")
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()
    for expected in (1, 2, 3):
        assert shown_position(page) == expected
        page.get_by_label("Real", exact=False).check(force=True)
        page.get_by_label("4", exact=True).check(force=True)
        page.get_by_role("button", name="Next").click()
    assert Response.objects.filter(answer="real", confidence=4, response_time_ms=None).count() == 3
