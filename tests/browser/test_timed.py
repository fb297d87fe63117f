"""Images shown for a moment appear once, for as many frames as the staircase says, and are then masked."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from playwright.sync_api import Page, expect

from tests.browser.pages import begin, consent, press
from tests.browser.test_accessibility import RULES
from tests.browser.test_main_job import WIDE, log_in, wait_until_stored
from turing.models import Response, Study
from turing.statistics.staircase import next_exposure

# Every change of the canvas, by the time of the frame in which it was drawn.
WATCH = """() => {
  window.drawn = [];
  const seen = (what) => (...rest) => window.drawn.push([what, document.timeline.currentTime, ...rest]);
  const note = seen('draw');
  const original = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (source, ...rest) {
    if (this.canvas.isConnected) note(source instanceof HTMLImageElement ? 'image' : 'mask');
    return original.call(this, source, ...rest);
  };
}"""


@pytest.fixture
def timed(run) -> Study:
    call_command("create_study", "A moment", run=[str(run.pk)], real=4, generated=4, stimulus_size=64, timed=True)
    call_command("open_study", "a-moment")
    return Study.objects.get(slug="a-moment")


@pytest.fixture
def page(timed, site, chromium, reader) -> Page:
    context = chromium.new_context(viewport=WIDE, bypass_csp=True)
    context.add_init_script(f"({WATCH})()")
    page = context.new_page()
    begin(page, site, timed, reader)
    return page


def wait_until_masked(page: Page) -> None:
    expect(page.get_by_role("radio", name="Real")).to_be_enabled(timeout=15000)


def answer(page: Page, key: str) -> None:
    wait_until_masked(page)
    press(page, key, "2", "Enter")


def test_images_are_shown_as_long_as_the_staircase_says_and_frames_are_counted(page, screenshot):
    assert page.locator("img.stimulus").count() == 0
    expect(page.get_by_role("radio", name="Real")).to_be_disabled()
    screenshot(page, "timed-before")
    page.get_by_role("button", name="Show the image").click()
    for count in range(1, 5):
        answer(page, "r")
        wait_until_stored(page, count)
    wait_until_masked(page)
    screenshot(page, "timed-after")
    drawn = [(what, time) for _, time, what in page.evaluate("window.drawn")]
    responses = list(Response.objects.select_related("trial__stimulus").order_by("trial__position"))
    correct = [response.answer == response.trial.stimulus.truth for response in responses]
    assert [response.exposure_ms for response in responses] == [next_exposure(correct[:count]) for count in range(4)]
    assert [what for what, _ in drawn][:8] == ["image", "mask"] * 4
    for response, (_, onset), (_, end) in zip(responses, drawn[::2], drawn[1::2], strict=False):
        assert response.shown_ms == pytest.approx(end - onset, abs=1)
        # To the nearest frame of 60 Hz, unless the machine was busy; then the frames it lost are told.
        late = response.shown_ms - response.exposure_ms
        assert late >= -17
        assert late <= 17 * (1 + response.dropped_frames)
        assert response.response_time_ms >= response.shown_ms


def test_axe_finds_nothing_before_and_after_the_image(page):
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.get_by_role("button", name="Show the image").click()
    wait_until_masked(page)
    assert Axe().run(page, options=RULES).response["violations"] == []


def test_a_reload_shows_no_image_a_second_time(page):
    page.get_by_role("button", name="Show the image").click()
    wait_until_masked(page)
    page.reload()
    wait_until_masked(page)
    assert [what for _, _, what in page.evaluate("window.drawn")] == ["mask"]
    expect(page.get_by_role("button", name="Show the image")).to_be_hidden()
    answer(page, "g")
    wait_until_stored(page, 1)
    assert Response.objects.get().shown_ms >= 400


def test_without_javascript_the_page_says_so_and_takes_no_answer(timed, site, chromium, reader):
    page = chromium.new_context(viewport=WIDE, java_script_enabled=False).new_page()
    log_in(page, site, reader.user.email)
    page.goto(f"{site}{timed.get_absolute_url()}")
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("which needs JavaScript")).to_be_visible()
    expect(page.get_by_role("radio", name="Real")).to_be_disabled()
    assert Response.objects.count() == 0


def test_an_image_seen_in_one_study_is_still_shown_in_another(page, site, run):
    page.get_by_role("button", name="Show the image").click()
    wait_until_masked(page)
    call_command("create_study", "Another", run=[str(run.pk)], real=4, generated=4, stimulus_size=64, timed=True)
    call_command("open_study", "another")
    consent(page, site, Study.objects.get(slug="another"))
    expect(page.get_by_role("button", name="Show the image")).to_be_visible()


def test_a_late_image_is_told_of_and_nothing_is_judged_before_it_came(page):
    page.route("**/stimuli/**", lambda route: route.abort())
    page.reload()
    page.get_by_role("button", name="Show the image").click()
    expect(page.locator("#image-waits")).to_be_visible()
    expect(page.get_by_role("radio", name="Real")).to_be_disabled()
    page.unroute("**/stimuli/**")
    wait_until_masked(page)
    expect(page.locator("#image-waits")).to_be_hidden()
