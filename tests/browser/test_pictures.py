"""The README's pictures, of the demo on phantoms; taken when SCREENSHOTS names a folder, since it trains a network."""

import io
import json
import os
import re

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from gan.models import LesionImage, TrainingRun
from tests.browser.pages import press
from tests.conftest import PASSWORD, make_reader
from turing.management.commands.demo import CLINICIAN, RESEARCHER
from turing.models import Reading, Study
from turing.reading.passage import record_response
from turing.reading.questions import Further

pytestmark = pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are taken when SCREENSHOTS is set")


QUESTIONS = [
    {"type": "diagnosis", "name": "tumour", "options": ["melanoma", "basal cell carcinoma"], "primary": True},
    {"type": "judgement"},
    {"type": "quality"},
    {"type": "cues"},
]
SCREENS = {"": {"width": 1280, "height": 800}, "-phone": {"width": 390, "height": 844}}


def test_pictures_of_every_page(site, chromium, tmp_path):
    out = io.StringIO()
    call_command("demo", minutes=1, stdout=out)
    LesionImage.objects.update(verdict="accepted")
    password = re.search(r"every demo: (\S+)", out.getvalue())[1]
    study = "/studies/demo-phantoms/"
    research = f"/research{study}"

    def enter(email, screen, language="en", password=password):
        page = chromium.new_context(viewport=SCREENS[screen], locale=language).new_page()
        page.goto(f"{site}/accounts/login/")
        page.locator("#id_username").fill(email)
        page.locator("#id_password").fill(password)
        page.locator("main button.primary").click()
        page.wait_for_url(lambda url: "/accounts/login/" not in url)
        return page

    def begin(page, address):
        page.goto(f"{site}{address}")
        page.locator("#id_consent").check()
        page.locator("main form button.primary").click()
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

    # Further questions, a correction, and a study that does not say what it is about.
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(QUESTIONS))
    values = {"run": ["demo-phantoms"], "real": 4, "generated": 4}
    call_command("create_study", "Useful", questions=file, **values)
    call_command("create_study", "Slips", corrections=True, **values)
    file.write_text(json.dumps([one for one in QUESTIONS if one["type"] in ("diagnosis", "quality")]))
    call_command("create_study", "How clear are these lesions?", questions=file, purpose_blinded=True, **values)
    for slug in ("useful", "slips", "how-clear-are-these-lesions"):
        call_command("open_study", slug)
    begin(page := enter(CLINICIAN, ""), "/studies/useful/")
    take(page, "questions")
    page = enter(CLINICIAN, "-phone")
    page.goto(f"{site}/studies/useful/trials/1/", wait_until="networkidle")
    page.screenshot(path=f"{os.environ['SCREENSHOTS']}/questions-phone.png", full_page=True)
    begin(page := enter(CLINICIAN, ""), "/studies/slips/")
    press(page, "g", "3", "Enter")
    expect(page.get_by_role("link", name="Back to the last image")).to_be_visible()
    press(page, "Backspace")
    page.wait_for_url(re.compile("correct=1"), wait_until="networkidle")
    take(page, "correction")
    reader = make_reader("newcomer@demo.example")
    blinded = Study.objects.get(slug="how-clear-are-these-lesions")
    begin(page := enter(reader.user.email, "-phone", password=PASSWORD), blinded.get_absolute_url())
    page.screenshot(path=f"{os.environ['SCREENSHOTS']}/blinded-phone.png", full_page=True)
    reading = Reading.objects.get(study=blinded)
    for trial in reading.trials.all():
        further = (Further("tumour", "melanoma", None), Further("quality", "4", None))
        record_response(reading, trial.position, "", None, 1500, further=further)
    take(page, "noticed-phone", f"{blinded.get_absolute_url()}after/")
    page.get_by_role("button", name="Next").click()
    page.locator("fieldset label").first.click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="What this study was about")).to_be_visible()
    take(page, "debriefing-phone")
