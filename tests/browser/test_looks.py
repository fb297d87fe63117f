"""A researcher takes the planned look in the browser; until then no page shows a result."""

from django.core.management import call_command
from playwright.sync_api import expect

from tests.browser.test_accessibility import problems_of
from tests.browser.test_main_job import PHONE, WIDE, log_in
from turing.studies.lifecycle import open_study


def test_a_look_is_taken_on_the_page_of_results(draft, site, chromium, researcher, screenshot):
    draft.planned_readers, draft.looks = 12, [0.5]
    draft.save()
    study = open_study(draft)
    address = f"{site}/research/studies/{study.slug}/results/"
    call_command("simulate_readers", study.slug, readers=5, seed=3)
    page = chromium.new_context(viewport=WIDE).new_page()
    log_in(page, site, researcher.email)
    page.goto(address)
    expect(page.get_by_text("Results are hidden until 120 answers have come.")).to_be_visible()
    expect(page.get_by_role("button", name="Take the look")).to_have_count(0)
    page.get_by_text("Look before it is due").click()
    expect(page.get_by_role("button", name="Look anyway")).to_be_visible()
    screenshot(page, "test-looks-hidden")
    found = problems_of(page, "hidden results")
    call_command("simulate_readers", study.slug, readers=1, seed=4)
    page.reload()
    page.get_by_role("button", name="Take the look").click()
    expect(page.get_by_text("Look 1 is taken, at 120 answers, and recorded.")).to_be_visible()
    expect(page.locator(".headline")).to_contain_text("Simulated readers took")
    expect(page.locator("#looked")).to_contain_text("repeated 95% confidence intervals, at 50% of the planned answers")
    page.get_by_text("with the numbers seen").click()
    for name, screen in (("", WIDE), ("-phone", PHONE)):
        page.set_viewport_size(screen)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        screenshot(page, f"test-looks{name}")
    found += problems_of(page, "results after a look")
    page.goto(f"{site}/research/studies/{study.slug}/preregistration/")
    expect(page.get_by_text("at 120 answers z = 2.963")).to_be_visible()
    screenshot(page, "test-looks-preregistration")
    page.goto(f"{site}/research/studies/new/")
    screenshot(page, "test-looks-form")
    assert found == []
