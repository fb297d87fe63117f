"""The page of a run in a browser: a slider through its grids, and figures that follow while it trains."""

from django.urls import reverse
from playwright.sync_api import expect

from gan.models import TrainingRun, TrainingStep
from tests.browser.pages import press
from tests.browser.test_main_job import WIDE, log_in


def test_the_slider_shows_the_grids_and_the_page_follows_a_run(run, site, chromium, researcher, screenshot):
    for diagnosis in run.diagnoses:
        newest = run.grids_folder(diagnosis) / "step-0000002.png"
        (newest.parent / "step-0000001.png").write_bytes(newest.read_bytes())
    TrainingRun.objects.filter(pk=run.pk).update(status=TrainingRun.Status.RUNNING)
    page = chromium.new_context(viewport=WIDE).new_page()
    log_in(page, site, researcher.email)
    page.goto(f"{site}{run.get_absolute_url()}")
    slider = page.get_by_role("slider").first
    picture = page.locator(".grid img").first
    expect(slider).to_have_value("1")
    assert picture.get_attribute("src").endswith("/2.png")
    slider.focus()
    press(page, "ArrowLeft")
    expect(picture).to_have_attribute("src", reverse("run-grid", args=[run.pk, run.diagnoses[0], 1]))
    expect(page.locator("output").first).to_have_text("1")
    screenshot(page, "run-slider")

    expect(page.locator("[data-shows=status]")).to_have_text("running, step 2")
    TrainingStep.objects.create(run=run, diagnosis=run.diagnoses[0], step=3, generator_loss=1, discriminator_loss=1)
    TrainingRun.objects.filter(pk=run.pk).update(status=TrainingRun.Status.FINISHED)
    expect(page.locator("[data-shows=status]")).to_have_text("finished", timeout=20000)
    assert page.locator("img[data-figure]").first.get_attribute("src").endswith("?step=3")
