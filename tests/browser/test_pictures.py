"""The README's pictures, of the demo on phantoms; taken when SCREENSHOTS names a folder, since it trains a network."""

import io
import os
import re

import pytest
from django.core.management import call_command

from gan.models import LesionImage, TrainingRun
from turing.management.commands.demo import CLINICIAN, RESEARCHER

pytestmark = pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are taken when SCREENSHOTS is set")


SCREENS = {"": {"width": 1280, "height": 800}, "-phone": {"width": 390, "height": 844}}


def test_pictures_of_every_page(site, chromium):
    out = io.StringIO()
    call_command("demo", minutes=1, stdout=out)
    LesionImage.objects.update(verdict="accepted")
    password = re.search(r"every demo: (\S+)", out.getvalue())[1]
    study = "/studies/demo-phantoms/"
    research = f"/research{study}"

    def enter(email, screen):
        page = chromium.new_context(viewport=SCREENS[screen]).new_page()
        page.goto(f"{site}/accounts/login/")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{site}/")
        return page

    def take(page, name, address=None):
        if address:
            page.goto(f"{site}{address}", wait_until="networkidle")
        page.screenshot(path=f"{os.environ['SCREENSHOTS']}/{name}.png")

    page = enter(RESEARCHER, "")
    pages = {
        "results": f"{research}results/", "report": f"{research}results/report/", "study": research,
        "plan": "/research/plan/", "research": "/research/", "invitations": f"{research}invitations/",
        "new-study": "/research/studies/new/", "curation": "/research/curation/?verdict=accepted",
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
