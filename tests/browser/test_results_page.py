"""The long page of results: contents that stay, folds that open on paper, figures that can be read on a phone."""

import io

import pytest
from django.core.management import call_command
from django.urls import reverse
from PIL import Image, ImageStat

from tests.browser.pages import consent
from tests.browser.test_main_job import PHONE, WIDE, log_in
from turing.results.figures import figures_of
from turing.results.published.publishing import publish

IN_FRONT = """one => {
  const box = one.getBoundingClientRect();
  return one.contains(document.elementFromPoint(box.left + 5, box.top + box.height / 2));
}"""
SMALLEST = 12  # pixels of the smallest text in a figure
# What of the figure that is open is too small, and which two texts stand on each other.
UNREADABLE = """smallest => {
  const texts = [...document.querySelectorAll("text")].filter((one) => one.textContent.trim()).map((one) => {
    const matrix = one.getScreenCTM(), scale = Math.hypot(matrix.a, matrix.b);
    const size = parseFloat(getComputedStyle(one).fontSize) * scale;
    return { says: one.textContent, box: one.getBoundingClientRect(), size };
  });
  const found = texts.filter((one) => one.size < smallest).map((one) => `${one.says}: ${one.size} pixels`);
  texts.forEach((one, index) => texts.slice(index + 1).forEach((other) => {
    const width = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
    const height = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
    if (width > 1 && height > 3) found.push(`${one.says} on ${other.says}`);
  }));
  return found;
}"""


@pytest.fixture
def simulated(study):
    call_command("simulate_readers", study.slug, readers=6, seed=3)
    return study


def addresses(study) -> list[str]:
    return [reverse("results", args=[study.slug]), reverse("published", args=[study.slug])]


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_contents_stay_in_sight_and_lead_to_headings_that_nothing_covers(simulated, site, chromium, researcher, screen):
    call_command("close_study", simulated.slug)
    simulated.refresh_from_db()
    publish(simulated)
    page = chromium.new_context(viewport=screen).new_page()
    page.route("**/figures/**", lambda route: route.abort())  # to draw them takes long and changes nothing here
    log_in(page, site, researcher.email)
    for address in addresses(simulated):
        page.goto(f"{site}{address}", wait_until="networkidle")
        links = page.locator(".contents a")
        assert links.count() > 6
        for link in links.all():
            link.click()
            heading = page.locator(link.get_attribute("href"))
            place = heading.bounding_box()
            assert 0 <= place["y"] <= screen["height"] - place["height"], link.inner_text()
            # What is in front where the heading stands is the heading.
            assert heading.evaluate(IN_FRONT), link.inner_text()
            contents = page.locator(".contents").bounding_box()
            assert contents["y"] >= 0
            assert contents["y"] + contents["height"] <= screen["height"]
        assert page.locator(".contents a[aria-current]").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_folded_is_on_paper_and_the_navigation_is_not(simulated, site, chromium, researcher):
    page = chromium.new_context(viewport=WIDE, java_script_enabled=False).new_page()
    page.route("**/figures/**", lambda route: route.abort())
    log_in(page, site, researcher.email)
    page.goto(site + addresses(simulated)[0])
    folded = page.locator(".sections details:not([open]) table")
    assert folded.count() > 3
    assert not any(one.is_visible() for one in folded.all())
    page.emulate_media(media="print", color_scheme="dark")
    assert all(one.bounding_box()["height"] > 20 for one in folded.all())
    for selector in (".bar", ".contents", "footer", "form"):
        assert not any(one.is_visible() for one in page.locator(selector).all()), selector
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 39, 51)"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_labels_of_every_figure_can_be_read_on_a_desk_and_on_a_phone(simulated, site, chromium, researcher):
    page = chromium.new_context(viewport=WIDE).new_page()
    log_in(page, site, researcher.email)
    found = []
    for name in figures_of(simulated):
        for width in ("", "&narrow"):
            page.goto(f"{site}{reverse('figure', args=[simulated.slug, name, 'svg'])}?readers=simulated{width}")
            found += [f"{name}{width}: {problem}" for problem in page.evaluate(UNREADABLE, SMALLEST)]
    assert found == []
    # On the page they are as large as they were drawn.
    page.set_viewport_size(PHONE)
    page.goto(site + addresses(simulated)[0])
    for image in page.locator(".figure img").all():
        if image.is_visible():
            image.scroll_into_view_if_needed()
            image.evaluate("image => image.decode()")
            assert image.evaluate("image => image.width / image.naturalWidth") > 0.97


def test_figures_follow_the_readers_scheme_and_files_to_keep_do_not(simulated, site, chromium, researcher):
    brightness = {}
    for scheme in ("light", "dark"):
        page = chromium.new_context(viewport=WIDE, color_scheme=scheme).new_page()
        log_in(page, site, researcher.email)
        page.goto(site + addresses(simulated)[0])
        image = page.locator("#rates ~ .figure img").first
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
        brightness[scheme] = ImageStat.Stat(Image.open(io.BytesIO(image.screenshot())).convert("L")).median[0]
    assert brightness["light"] > 240
    assert brightness["dark"] < 60
    address = site + reverse("figure", args=[simulated.slug, "rates", "svg"])
    assert "prefers-color-scheme" in page.request.get(address).text()
    saved = page.request.get(f"{address}?download").text()
    assert "var(" not in saved
    assert "prefers-color-scheme" not in saved


def test_every_reader_judges_on_the_same_page_whatever_the_scheme_of_the_device(study, site, chromium, reader):
    seen = []
    for scheme in ("light", "dark"):
        page = chromium.new_context(viewport=WIDE, color_scheme=scheme).new_page()
        log_in(page, site, reader.user.email)
        if scheme == "light":
            consent(page, site, study)
        page.goto(f"{site}{reverse('trial', args=[study.slug, 1])}", wait_until="networkidle")
        page.locator("img.stimulus").evaluate("image => image.decode()")
        seen.append(page.screenshot())
        assert "only" in page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert seen[0] == seen[1]
