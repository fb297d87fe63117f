"""An owner publishes results in the browser; somebody without an account reads them, on a desk and on a phone."""

from django.core.management import call_command
from playwright.sync_api import expect

from tests.browser.pages import unfold
from tests.browser.test_main_job import PHONE, WIDE, log_in
from turing.models import Study


def test_results_are_published_and_read_without_an_account(study, site, chromium, researcher, screenshot):
    call_command("simulate_readers", study.slug, readers=8, seed=3)
    call_command("close_study", study.slug)
    owner = chromium.new_context(viewport=WIDE).new_page()
    log_in(owner, site, researcher.email)
    owner.goto(f"{site}/research/studies/{study.slug}/")
    owner.get_by_role("link", name="Publish", exact=True).click()
    owner.get_by_label("Authors").fill("Ada Byron; Dr B. Kaya")
    owner.get_by_label("Everybody may download the archive").check()
    screenshot(owner, "test-publication")
    owner.get_by_role("button", name="Publish the results").click()
    expect(owner.get_by_text("Everybody can see the results.")).to_be_visible()
    address = f"{site}/published/{study.slug}/"
    expect(owner.get_by_role("link", name=address)).to_be_visible()

    for name, screen in (("", WIDE), ("-phone", PHONE)):
        visitor = chromium.new_context(viewport=screen)
        page = visitor.new_page()
        failures = []
        page.on("console", lambda message, seen=failures: seen.append(message.text) if message.type == "error" else 0)
        page.goto(address)
        expect(page.locator(".headline")).to_contain_text("Simulated readers took")
        expect(page.get_by_text("drawings (phantoms), not photographs")).to_be_visible()
        unfold(page)
        for image in page.locator("main img").all():
            image.scroll_into_view_if_needed()
            assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") >= 64
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate("scrollTo(0, 0)")
        screenshot(page, f"test-published{name}")
        assert visitor.cookies() == []
        assert failures == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the archive").click()
    assert download.value.suggested_filename == f"{study.slug}-simulated-archive.zip"

    owner.get_by_role("button", name="Close the public page").click()
    expect(owner.get_by_text("The public page is closed.")).to_be_visible()
    assert not Study.objects.get(pk=study.pk).is_published
    assert chromium.new_context().new_page().goto(address).status == 404
