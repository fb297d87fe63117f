"""From two zips of images to a reader's answers, only in a browser: no command is run."""

import re

from django.urls import reverse
from playwright.sync_api import expect

from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import GeneratedImage, LesionImage
from tests.browser.pages import press
from tests.browser.test_collections import PATIENCE, working_site
from tests.browser.test_main_job import WIDE, log_in, wait_until_stored
from tests.turing.jobs.test_zips import zipped
from turing.models import Study

__all__ = ["working_site"]
REAL, GENERATED, EACH = 48, 12, 5
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


def drawn(folder: str, first: int, count: int) -> bytes:
    """A zip with one folder, named by the diagnosis, of drawn images."""
    names = {f"{folder}/melanoma/{index}.png": png_bytes(draw_phantom("melanoma", first + index, 96, 80))
             for index in range(count)}  # fmt: skip
    return zipped(names)


def upload(page, site: str, path, name: str, *, generated: bool) -> None:
    page.goto(site + reverse("collections"))
    if generated:
        page.get_by_label("images of a generator").check()
    page.get_by_label("Name of the collection").fill(name)
    page.get_by_label("Licence").fill("CC-BY-4.0")
    page.get_by_label("A zip").set_input_files(path)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check an upload")


def bring_in(page, count: int) -> None:
    expect(page.get_by_text("Nothing is written yet")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text(f"{count} imported")).to_be_visible(timeout=PATIENCE)


def test_a_researcher_runs_a_study_of_uploaded_images(working_site, chromium, researcher, reader, screenshot, tmp_path):
    site = working_site
    (tmp_path / "clinic.zip").write_bytes(drawn("clinic", 0, REAL))
    (tmp_path / "theirs.zip").write_bytes(drawn("theirs", 700, GENERATED))
    page = chromium.new_context(viewport=WIDE).new_page()
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    log_in(page, site, researcher.email)

    upload(page, site, tmp_path / "clinic.zip", "Clinic", generated=False)
    # A folder tells the diagnosis, not how its images were taken: the site asks.
    expect(page.locator("[data-shows=state]")).to_have_text("failed", timeout=PATIENCE)
    screenshot(page, "upload-asks")
    page.get_by_label("How the images were taken").fill("dermoscopic")
    page.get_by_role("button", name="Look again").click()
    bring_in(page, REAL)
    assert LesionImage.objects.filter(collection="Clinic", image_type="dermoscopic").count() == REAL

    upload(page, site, tmp_path / "theirs.zip", "StyleGAN", generated=True)
    bring_in(page, GENERATED)
    page.get_by_role("link", name="The generator").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("StyleGAN")
    expect(page.get_by_text("images were not compared yet")).to_be_visible()
    screenshot(page, "generator")
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_role("main").get_by_role("button").click()
    expect(page.locator("[data-shows=state]")).to_have_text("finished", timeout=2 * PATIENCE)
    assert not GeneratedImage.objects.unaudited().exists()

    page.goto(site + reverse("study-create"))
    page.get_by_label("Title").fill("Our own study")
    page.get_by_label("StyleGAN:").check()
    page.get_by_label("melanoma", exact=True).check()
    page.get_by_label("Real per diagnosis:", exact=True).fill(str(EACH))
    page.get_by_label("Generated per diagnosis:", exact=True).fill(str(EACH))
    screenshot(page, "study-form")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("may have been trained on")).to_be_visible()
    page.get_by_role("button", name="Open the study").click()
    study = Study.objects.get()
    assert study.is_open
    assert study.stimuli.count() == 2 * EACH

    judging = chromium.new_context(viewport=WIDE).new_page()
    log_in(judging, site, reader.user.email)
    judging.goto(site + study.get_absolute_url())
    judging.get_by_label("I have read this").check()
    judging.get_by_role("button", name="Begin").click()
    for position in range(1, 2 * EACH + 1):
        judging.wait_for_url(re.compile(rf"/trials/{position}/$"))
        judging.locator("img.stimulus").evaluate("image => image.decode()")
        judging.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
        )
        press(judging, "r" if position % 2 else "g", "3", "Enter")
    wait_until_stored(judging, 2 * EACH)
    page.goto(site + reverse("results", args=[study.slug]))
    expect(page.get_by_text("of generated images for real")).to_be_visible()
    screenshot(page, "own-results")
    assert failures == []
