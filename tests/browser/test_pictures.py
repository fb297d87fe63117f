"""The README's pictures, of the demo on phantoms; taken when SCREENSHOTS names a folder, since it trains a network."""

import io
import os
import re

import pytest
from django.core.management import call_command

from turing.management.commands.demo import CLINICIAN, RESEARCHER

pytestmark = pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are taken when SCREENSHOTS is set")


def test_pictures_of_judging_and_results(site, chromium):
    out = io.StringIO()
    call_command("demo", minutes=1, stdout=out)
    password = re.search(r"every demo: (\S+)", out.getvalue())[1]

    def visit(email, address):
        page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(f"{site}/accounts/login/?next={address}")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{site}{address}", wait_until="networkidle")
        return page

    page = visit(RESEARCHER, "/research/studies/demo-phantoms/results/")
    page.screenshot(path=f"{os.environ['SCREENSHOTS']}/results.png")
    page = visit(CLINICIAN, "/studies/demo-phantoms/")
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile("/trials/1/$"), wait_until="networkidle")
    page.screenshot(path=f"{os.environ['SCREENSHOTS']}/judging.png")
