"""A researcher uploads a zip and a folder of images in a browser, and watches the site check and import them."""

import csv
import io

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import LesionImage
from tests.browser.test_main_job import WIDE, log_in
from tests.servers import gunicorn
from tests.turing.jobs.test_zips import zipped

PATIENCE = 60_000  # ms for a job's process to start and end


@pytest.fixture
def working_site(transactional_db, data_root):
    """The address of a site with its worker."""
    with gunicorn(data_root, variables={"BACKGROUND_WORKER": "1"}) as server:
        yield server.address


def files(first: int, count: int) -> dict[str, bytes]:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["isic_id", "lesion_id", "diagnosis", "copyright_license", "attribution"])
    found = {}
    for index in range(first, first + count):
        writer.writerow([f"ISIC_{index:07d}", f"L{index}", "melanoma", "CC-0", "A"])
        found[f"export/ISIC_{index:07d}.png"] = png_bytes(draw_phantom("melanoma", index, 64, 64))
    return found | {"export/metadata.csv": table.getvalue().encode()}


def look_and_import(page, count: int) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check an upload")
    expect(page.get_by_text("Nothing is written yet")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Import an upload")
    expect(page.get_by_text(f"{count} imported")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-shows=state]")).to_have_text("finished")


def test_a_zip_and_a_folder_are_uploaded_and_imported(working_site, chromium, researcher, screenshot, tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped(files(0, 20)))
    for name, content in files(20, 4).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    page = chromium.new_context(viewport=WIDE).new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    log_in(page, working_site, researcher.email)
    page.goto(working_site + reverse("collections"))
    page.get_by_role("button", name="Upload").click()  # the browser asks for the name first
    assert page.url.endswith(reverse("collections"))
    page.get_by_label("Name of the collection").fill("Clinic A")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a zip, a folder or files.")
    screenshot(page, "collections")
    page.get_by_label("A zip").set_input_files(tmp_path / "a.zip")
    page.get_by_role("button", name="Upload").click()
    look_and_import(page, 20)
    screenshot(page, "import")
    assert LesionImage.objects.count() == 20

    page.goto(working_site + reverse("collections"))
    page.get_by_label("Name of the collection").fill("Clinic B")
    page.get_by_label("or a folder").set_input_files(tmp_path / "export")
    page.get_by_role("button", name="Upload").click()
    look_and_import(page, 4)
    assert LesionImage.objects.count() == 24
    assert errors == []


def test_without_scripts_the_form_works_as_well(working_site, chromium, researcher, tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped(files(0, 3)))
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    page = chromium.new_context(viewport=WIDE, java_script_enabled=False).new_page()
    log_in(page, working_site, researcher.email)
    page.goto(working_site + reverse("collections"))
    page.get_by_label("Name of the collection").fill("Clinic A")
    page.get_by_label("A zip").set_input_files(tmp_path / "bad.zip")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("not a zip file")
    page.get_by_label("A zip").set_input_files(tmp_path / "a.zip")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check an upload")
    for _ in range(60):
        page.wait_for_load_state()
        if page.get_by_text("Nothing is written yet").count():
            break
        page.reload()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_visible()
