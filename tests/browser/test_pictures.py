"""The README's pictures, of the demo on phantoms; taken when SCREENSHOTS names a folder, since it trains a network."""

import io
import os
import re

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from gan.models import LesionImage, TrainingRun
from turing.management.commands.demo import CLINICIAN, RESEARCHER
from turing.models import Reading
from turing.reading.passage import record_response

pytestmark = pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are taken when SCREENSHOTS is set")


SCREENS = {"": {"width": 1280, "height": 800}, "-phone": {"width": 390, "height": 844}}


def test_pictures_of_every_page(site, chromium):
    out = io.StringIO()
    call_command("demo", minutes=1, stdout=out)
    LesionImage.objects.update(verdict="accepted")
    password = re.search(r"every demo: (\S+)", out.getvalue())[1]
    study = "/studies/demo-phantoms/"
    research = f"/research{study}"

    def enter(email, screen, language="en"):
        page = chromium.new_context(viewport=SCREENS[screen], locale=language).new_page()
        page.goto(f"{site}/accounts/login/")
        page.locator("#id_username").fill(email)
        page.locator("#id_password").fill(password)
        page.locator("main button").click()
        page.wait_for_url(lambda url: "/accounts/login/" not in url)
        return page

    def begin(page, address):
        page.goto(f"{site}{address}")
        page.locator("#id_consent").check()
        page.locator("main form button").click()
        page.wait_for_url(re.compile("/trials/1/$"), wait_until="networkidle")

    def take(page, name, address=None):
        if address:
            page.goto(f"{site}{address}", wait_until="networkidle")
        page.screenshot(path=f"{os.environ['SCREENSHOTS']}/{name}.png")

    page = enter(RESEARCHER, "")
    pages = {
        "results": f"{research}results/", "report": f"{research}results/report/", "study": research,
        "plan": "/research/plan/", "research": "/research/", "invitations": f"{research}invitations/",
        "new-study": "/research/studies/new/", "runs": "/research/runs/",
        "curation": "/research/curation/?verdict=accepted",
    }  # fmt: skip
    for name, address in pages.items():
        take(page, name, address)
    run = TrainingRun.objects.get(name="demo-phantoms")
    call_command("evaluate_gan", "demo-phantoms", count=64)
    page.goto(f"{site}{run.get_absolute_url()}", wait_until="networkidle")
    page.screenshot(path=f"{os.environ['SCREENSHOTS']}/run.png", full_page=True)
    for screen in SCREENS:
        visitor = chromium.new_context(viewport=SCREENS[screen]).new_page()
        take(visitor, f"home{screen}", "/")
        take(visitor, f"consent{screen}", study)
        take(visitor, f"register{screen}", f"/accounts/register/?next={study}")
        take(visitor, f"login{screen}", "/accounts/login/")
        take(visitor, f"credits{screen}", "/attributions/")
        take(visitor, f"not-found{screen}", "/nowhere/")
        page = enter(CLINICIAN, screen)
        page.goto(f"{site}{study}")
        if page.get_by_label("I have read this").count():
            page.get_by_label("I have read this").check()
            page.get_by_role("button", name="Begin").click()
        else:
            page.get_by_role("link", name="Continue").click()
        page.wait_for_url(re.compile("/trials/1/$"), wait_until="networkidle")
        take(page, f"judging{screen}")
        take(page, f"break{screen}", f"{study}break/")
        take(page, f"withdraw{screen}", f"{study}withdraw/")
        take(page, f"profile{screen}", "/accounts/profile/")

    reading = Reading.objects.get(study__slug="demo-phantoms", reader__user__email=CLINICIAN)
    for trial in reading.trials.unanswered():
        record_response(reading, trial.position, "real", 2, 1500)
    call_command("create_study", "A moment", run=["demo-phantoms"], real=4, generated=4, timed=True)
    call_command("create_study", "Form", run=["demo-phantoms"], real=4, generated=4, images_per_page=4)
    call_command("create_study", "Pairs", run=["demo-phantoms"], real=4, generated=4, forced_choice=True)
    for slug in ("a-moment", "form", "pairs"):
        call_command("open_study", slug)
    for screen in SCREENS:
        page = enter(CLINICIAN, screen)
        take(page, f"thanks{screen}", study)
        take(page, f"certificate{screen}", f"{study}certificate/")
    begin(page := enter(CLINICIAN, ""), "/studies/a-moment/")
    take(page, "timed")
    page.get_by_role("button", name="Show the image").click()
    expect(page.get_by_role("radio", name="Real")).to_be_enabled(timeout=15000)
    take(page, "timed-masked")
    begin(page := enter(CLINICIAN, ""), "/studies/pairs/")
    take(page, "pair")
    take(enter(CLINICIAN, "-phone"), "pair-phone", "/studies/pairs/trials/1/")
    begin(page := enter(CLINICIAN, "-phone", "tr"), "/studies/form/")
    page.screenshot(path=f"{os.environ['SCREENSHOTS']}/form-turkish-phone.png", full_page=True)
    take(page, "home-turkish-phone", "/")
    call_command("simulate_readers", "a-moment", readers=12)
    page = enter(RESEARCHER, "")
    page.goto(f"{site}/research/studies/a-moment/results/#exposure", wait_until="networkidle")
    take(page, "exposure")
