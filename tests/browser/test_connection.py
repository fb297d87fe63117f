"""The next image appears at once, and no answer is lost or counted twice on a bad connection."""

import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from tests.browser import pages
from tests.browser.conftest import FLAGS
from tests.browser.pages import begin
from tests.browser.test_main_job import WIDE, log_in, shown_position, wait_until_stored
from tests.conftest import make_reader
from turing.models import Response, Study
from turing.reading.passage import start_reading


@pytest.fixture
def page(study, site, chromium, reader) -> Page:
    """A page at the first image."""
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, study, reader)
    return page


def press(page: Page, key: str) -> None:
    pages.press(page, key, "2", "Enter")


def wait_until_shown(page: Page) -> None:
    for _ in range(100):
        if page.locator("img.stimulus").evaluate("image => image.complete && image.naturalWidth") == 64:
            return
        page.wait_for_timeout(100)
    pytest.fail("the image was not loaded")


def answer(page: Page, key: str = "r") -> None:
    """Answer as a person does, once the image is there."""
    wait_until_shown(page)
    press(page, key)


def send_now(page: Page) -> None:
    """Send waiting answers at once, as when the connection comes back, instead of waiting for the next attempt."""
    page.evaluate("window.dispatchEvent(new Event('online'))")


def stored() -> list[tuple[int, str]]:
    return list(Response.objects.order_by("trial__position").values_list("trial__position", "answer"))


def wait_until_loaded_ahead(page: Page) -> None:
    """Wait until the shown image and four more are loaded."""
    loaded = "performance.getEntriesByType('resource').filter(e => /stimuli/.test(e.name)).length"
    for _ in range(100):
        if page.evaluate(loaded) >= 5:
            return
        page.wait_for_timeout(100)
    pytest.fail("the next images were not loaded")


def test_the_next_image_is_shown_while_the_answer_is_on_its_way(page):
    held = []
    page.route(
        "**/trials/**", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    first = page.locator("img.stimulus").get_attribute("src")
    wait_until_loaded_ahead(page)
    answer(page)
    page.wait_for_url(re.compile("/trials/2/$"))
    image = page.locator("img.stimulus")
    assert image.get_attribute("src") != first
    assert image.evaluate("image => image.complete && image.naturalWidth") == 64
    expect(page.locator("#count")).to_have_text("1 of 20")
    assert page.locator("input[name=answer]:checked").count() == 0
    assert (len(held), stored()) == (1, [])
    held[0].continue_()
    wait_until_stored(page, 1)
    assert stored() == [(1, "real")]
    times = Response.objects.values_list("response_time_ms", flat=True)
    assert all(time is not None for time in times)


def test_answers_given_without_a_connection_wait_and_are_sent_once_in_order(page):
    wait_until_loaded_ahead(page)
    page.context.set_offline(True)
    for key in "rgr":
        answer(page, key)
    expect(page.locator("#connection")).to_contain_text("3 answers wait here")
    assert shown_position(page) == 4
    assert stored() == []
    page.context.set_offline(False)
    wait_until_stored(page, 3)
    expect(page.locator("#connection")).to_be_hidden()
    answer(page, "g")
    wait_until_stored(page, 4)
    assert stored() == [(1, "real"), (2, "generated"), (3, "real"), (4, "generated")]


def test_the_studys_page_counts_answers_that_waited_as_soon_as_they_are_stored(page, site, study):
    page.on("dialog", lambda dialog: dialog.accept())  # the page warns that an answer waits
    page.route("**/trials/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    wait_until_loaded_ahead(page)
    answer(page, "g")
    answer(page, "r")
    expect(page.locator("#connection")).to_contain_text("2 answers wait here")
    page.goto(f"{site}{study.get_absolute_url()}")
    expect(page.get_by_text("You have judged 0 of 20 images.")).to_be_visible()
    page.unroute("**/trials/**")
    send_now(page)
    # Another tab may be judging in the same study, so this page leaves young answers to it for a while.
    expect(page.get_by_text("You have judged 2 of 20 images.")).to_be_visible(timeout=30_000)
    expect(page.locator("#connection")).to_be_hidden()
    assert stored() == [(1, "generated"), (2, "real")]


def test_answers_survive_a_reload(page):
    page.on("dialog", lambda dialog: dialog.accept())  # the page warns that an answer waits
    page.route("**/trials/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    answer(page, "g")
    expect(page.locator("#connection")).to_contain_text("1 answer waits here")
    page.unroute("**/trials/**")
    page.goto(re.sub(r"\d+/$", "1/", page.url))
    wait_until_stored(page, 1)
    page.wait_for_url(re.compile("/trials/2/$"))
    assert stored() == [(1, "generated")]


def test_a_study_closed_meanwhile_ends_the_form(page, study):
    study.state = "closed"
    study.save()
    answer(page)
    page.wait_for_url(re.compile(f"/studies/{study.slug}/$"))
    expect(page.get_by_text("This study is closed")).to_be_visible()
    assert stored() == []


def test_the_last_answer_leads_to_the_end(page, study):
    for position in range(1, 21):
        page.wait_for_url(re.compile(f"/trials/{position}/$"))
        answer(page, "r" if position % 2 else "g")
    expect(page.get_by_text("Thank you")).to_be_visible()
    assert [one for one, _ in stored()] == list(range(1, 21))


def test_an_image_that_did_not_load_is_not_judged_and_comes_with_the_connection(page, screenshot):
    page.route("**/stimuli/**", lambda route: route.abort())
    page.reload()
    press(page, "r")
    assert page.url.endswith("/trials/1/")
    assert stored() == []
    page.locator("input[name=answer]").first.click(force=True)  # before the form is locked
    assert page.locator("input:checked").count() == 0
    expect(page.locator("#image-waits")).to_be_visible()
    expect(page.locator("#announce")).to_contain_text("The image has not arrived yet")
    expect(page.locator("input[name=answer]").first).to_be_disabled()
    screenshot(page, "image-waits")
    page.unroute("**/stimuli/**")
    expect(page.locator("input[name=answer]").first).to_be_enabled()
    expect(page.locator("#image-waits")).to_be_hidden()
    answer(page, "g")
    wait_until_stored(page, 1)
    assert stored() == [(1, "generated")]


def test_an_answer_given_while_logged_out_is_sent_after_logging_in_again(page, site, reader):
    page.on("dialog", lambda dialog: dialog.accept())
    address = page.url
    second = page.context.new_page()
    second.goto(f"{site}/")
    second.get_by_role("button", name="Log out").click()
    answer(page, "g")
    page.wait_for_url(re.compile("/accounts/login/"))
    assert stored() == []
    log_in(page, site, reader.user.email)
    page.goto(address)
    wait_until_stored(page, 1)
    assert stored() == [(1, "generated")]


def test_answers_that_wait_outlive_a_new_log_in_in_another_tab(page, site, reader):
    """Logging in again changes the token against forged requests, so this page's token becomes stale."""
    page.on("dialog", lambda dialog: dialog.accept())
    wait_until_loaded_ahead(page)
    page.route("**/trials/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    for key in "rgrg":
        answer(page, key)
    expect(page.locator("#connection")).to_contain_text("4 answers wait here")
    second = page.context.new_page()
    second.goto(f"{site}/")
    second.get_by_role("button", name="Log out").click()
    log_in(second, site, reader.user.email)
    page.bring_to_front()
    page.unroute("**/trials/**")
    send_now(page)
    wait_until_stored(page, 4)
    assert stored() == [(1, "real"), (2, "generated"), (3, "real"), (4, "generated")]


PORTAL = "<html><body>Welcome to Hotel Wifi</body></html>"


@pytest.mark.parametrize(
    "reply",
    [
        {"status": 200, "content_type": "text/html", "body": PORTAL},
        {"status": 200, "content_type": "application/json", "body": "{}"},
        {
            "status": 200,
            "content_type": "application/json",
            "body": '{"stored": {"reading": 0, "position": 1, "answer": "real"}}',
        },
        {"status": 404, "content_type": "text/html", "body": "no such host"},
        {"status": 409, "content_type": "text/html", "body": "conflict"},
        {"status": 429, "headers": {"Retry-After": "1"}, "body": "slow down"},
        {
            "status": 503,
            "headers": {"Retry-After": "1"},
            "content_type": "application/json",
            "body": '{"later": "busy"}',
        },
    ],
    ids=["portal", "empty JSON", "another trial", "proxy 404", "proxy 409", "429", "busy"],
)
def test_only_our_servers_word_for_this_answer_ends_its_waiting(page, reply):
    page.on("dialog", lambda dialog: dialog.accept())
    page.route(
        "**/trials/**", lambda route: route.fulfill(**reply) if route.request.method == "POST" else route.continue_()
    )
    answer(page, "g")
    expect(page.locator("#connection")).to_contain_text("1 answer waits here")
    assert stored() == []
    page.unroute("**/trials/**")
    send_now(page)
    wait_until_stored(page, 1)
    expect(page.locator("#connection")).to_be_hidden()
    assert stored() == [(1, "generated")]


def test_answers_to_a_paused_study_wait_until_it_goes_on(page, study, screenshot):
    page.on("dialog", lambda dialog: dialog.accept())
    Study.objects.filter(pk=study.pk).update(state="paused")
    answer(page, "g")
    expect(page.locator("#connection")).to_contain_text("The study is paused. 1 answer waits here")
    screenshot(page, "test-waiting")
    page.goto(re.sub("/studies/.*", "/", page.url))
    expect(page.locator("#connection")).to_contain_text("1 answer waits here")  # on every page of the site
    Study.objects.filter(pk=study.pk).update(state="open")
    send_now(page)
    wait_until_stored(page, 1)
    assert stored() == [(1, "generated")]


def test_on_a_page_of_several_images_answers_wait_too(study, site, chromium, reader):
    Study.objects.filter(pk=study.pk).update(images_per_page=10)
    page = chromium.new_context(viewport=WIDE).new_page()
    begin(page, site, study, reader)
    page.context.set_offline(True)
    press(page, "g")
    expect(page.locator("#connection")).to_contain_text("No connection. 1 answer waits here")
    assert stored() == []
    page.context.set_offline(False)
    wait_until_stored(page, 1)
    page.wait_for_url(re.compile("/trials/1/#image-2$"))
    expect(page.locator("#image-1")).to_contain_text("You answered generated.")
    press(page, "r")
    page.wait_for_url(re.compile("/trials/1/#image-3$"))
    assert stored() == [(1, "generated"), (2, "real")]


def test_what_can_never_be_delivered_is_shown_until_it_was_read(page, study, screenshot):
    Study.objects.filter(pk=study.pk).update(state="closed")
    answer(page, "g")
    page.wait_for_url(re.compile(f"/studies/{study.slug}/$"))
    notice = page.locator("#undeliverable")
    expect(notice).to_contain_text("Image 1: The study had closed before this answer arrived.")
    screenshot(page, "test-undeliverable")
    page.reload()
    expect(notice).to_be_visible()
    notice.get_by_role("button", name="I have read this").click()
    expect(notice).to_be_hidden()
    page.reload()
    expect(notice).to_be_hidden()
    assert stored() == []


def test_an_answer_is_never_delivered_as_somebody_elses(page, site, study, reader):
    other = make_reader("other@test.example")
    start_reading(study, other)
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/trials/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    answer(page, "g")
    expect(page.locator("#connection")).to_contain_text("1 answer waits here")
    page.unroute("**/trials/**")
    page.goto(f"{site}/attributions/")
    page.context.clear_cookies()
    log_in(page, site, other.user.email)
    expect(page.locator("#connection")).to_contain_text("given with another account", timeout=15000)
    assert stored() == []
    page.context.clear_cookies()
    log_in(page, site, reader.user.email)
    wait_until_stored(page, 1)
    assert Response.objects.get().trial.reading.reader == reader


def test_answers_outlive_the_browser_and_are_sent_from_any_page(study, site, chromium, reader, tmp_path):
    def browser():
        executable = shutil.which("chromium")
        return chromium.browser_type.launch_persistent_context(tmp_path, executable_path=executable, args=FLAGS)

    first = browser()
    page = first.new_page()
    begin(page, site, study, reader)
    wait_until_loaded_ahead(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/trials/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    for key in "rg":
        answer(page, key)
    expect(page.locator("#connection")).to_contain_text("2 answers wait here")
    first.close()
    assert stored() == []
    second = browser()
    page = second.new_page()
    page.goto(f"{site}/")
    wait_until_stored(page, 2)
    second.close()
    assert stored() == [(1, "real"), (2, "generated")]


def test_answers_kept_by_the_version_before_are_sent_too(page):
    form = page.evaluate("Object.fromEntries(new FormData(document.querySelector('form.answer')))")
    fields = [["position", "1"], ["answer", "generated"], ["confidence", "2"], ["response_time_ms", "500"]]
    former = [{"address": re.sub("https?://[^/]+", "", page.url), "fields": fields}]
    page.evaluate(
        "([key, value]) => localStorage.setItem(key, JSON.stringify(value))",
        [f"answers of reading {form['reading']}", former],
    )
    page.reload()
    wait_until_stored(page, 1)
    page.wait_for_url(re.compile("/trials/2/$"))
    assert stored() == [(1, "generated")]


def test_on_a_slow_line_the_next_image_is_there_at_once(page):
    """With 400 ms of latency and 50 KB/s, the image after next is loading while the reader looks."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    speed = {"latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000, "offline": False}
    line.send("Network.emulateNetworkConditions", speed)
    wait_until_loaded_ahead(page)
    for position in range(1, 4):
        answer(page)
        expect(page.locator("#count")).to_have_text(f"{position} of 20")
        image = page.locator("img.stimulus")
        # One frame later: less than a round trip of the line.
        shown = image.evaluate("image => new Promise(done => requestAnimationFrame(() => done(image.complete)))")
        assert shown
    wait_until_stored(page, 3)


def test_an_answer_ahead_of_the_server_waits_while_the_images_before_it_are_answered(page):
    """This happens if the server was restored from a backup.

    The page must neither reload forever nor remove the images.
    """
    reading = page.locator("input[name=reading]").input_value()
    address = re.sub("https?://[^/]+", "", page.url)
    fields = [["position", "2"], ["answer", "generated"], ["confidence", "2"], ["reading", reading]]
    entry = {"reading": reading, "position": 2, "address": address.replace("/1/", "/2/"), "fields": fields, "at": 1}
    write = "([key, value]) => localStorage.setItem(key, JSON.stringify(value))"
    page.evaluate(write, [f"answer {reading} 2 planted", entry])
    loads = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    page.reload()
    expect(page.locator("#connection")).to_contain_text("You have not answered an earlier image yet")
    assert shown_position(page) == 1
    assert len(loads) == 1
    answer(page, "r")
    wait_until_stored(page, 2)
    page.wait_for_url(re.compile("/trials/3/$"))
    assert stored() == [(1, "real"), (2, "generated")]
