"""axe finds nothing on any page, on a wide screen and on a phone; WCAG 2.2 AA."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.urls import reverse

from tests.browser.test_main_job import PHONE, WIDE, log_in
from turing.models import Study
from turing.reading.passage import record_response, start_reading

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def addresses_of(study) -> dict[str, list[str]]:
    """Pages by who sees them."""
    slug, run = [study.slug], [study.runs.get().pk]
    of_study = ["research-study", "study-invitations", "preregistration", "results", "report"]
    return {
        "nobody": [reverse(name) for name in ("home", "login", "register", "attributions")]
        + [study.get_absolute_url(), "/nowhere/"],
        "reader": [
            study.get_absolute_url(),
            reverse("profile"),
            *(reverse("trial", args=[*slug, position]) for position in (1, 2)),
            reverse("study-break", args=slug),
            reverse("withdraw", args=slug),
        ],
        "researcher": [
            *(reverse(name) for name in ("research", "study-create", "plan", "runs", "curation")),
            *(reverse(name, args=slug) for name in of_study),
            reverse("run", args=run),
        ],
    }


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(study, site, chromium, reader, researcher, screen):
    call_command("simulate_readers", study.slug, readers=3)
    Study.objects.filter(pk=study.pk).update(instructions="Take your time.")
    record_response(start_reading(study, reader), 1, "real", 2, 900)
    found = []
    for who, addresses in addresses_of(study).items():
        context = chromium.new_context(viewport=screen, bypass_csp=True, reduced_motion="reduce")
        page = context.new_page()
        if who != "nobody":
            log_in(page, site, {"reader": reader.user.email, "researcher": researcher.email}[who])
        for address in addresses:
            page.goto(f"{site}{address}")
            violations = Axe().run(page, options=RULES).response["violations"]
            found += [
                f"{who} {address}: {one['id']}: {node['target']} {node['failureSummary']}"
                for one in violations
                for node in one["nodes"]
            ]
        context.close()
    assert found == [], "\n".join(found)
