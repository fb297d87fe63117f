"""axe finds nothing on any page, light or dark, wide or narrow, by WCAG 2.2 AA, and no page scrolls sideways."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page

from gan.models import UtilityEvaluation
from tests.browser.pages import unfold
from tests.browser.test_main_job import PHONE, WIDE, log_in
from tests.turing.test_utility import utility_figures
from turing.jobs.queue import claim, end, keep, start
from turing.models import Job, Study
from turing.people.confirmation import confirmation_path
from turing.reading.passage import record_response, start_reading
from turing.results.published.publishing import publish
from turing.studies.sharing import share

SCREENS = {"wide-light": (WIDE, "light"), "phone-light": (PHONE, "light"), "phone-dark": (PHONE, "dark")}
ON_SCREENS = pytest.mark.parametrize(("screen", "scheme"), SCREENS.values(), ids=SCREENS)

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def open_page(chromium, screen: dict, scheme: str) -> Page:
    options = {"viewport": screen, "color_scheme": scheme, "reduced_motion": "reduce"}
    return chromium.new_context(**options, bypass_csp=True).new_page()


def jobs_of(researcher) -> list[Job]:
    """One running job, one failed job, and one check of an upload."""
    running, failed, checked = (start(kind, {}, researcher) for kind in ("curate", "curate", "check"))
    row = {"original": "MM", "diagnosis": "melanoma", "images": 3}
    report = {"dry_run": True, "recognised": "an export", "mapping": [row], "imported": 3, "rejected_count": 1}
    report["rejected"] = [{"file": "a.png", "reason": "not a readable image"}]
    keep(claim(running.pk, 1, "w"), label="Curating", done=3, total=9, log="one line")
    end(claim(failed.pk, 1, "w"), "failed", error="no images", log="one line")
    end(claim(checked.pk, 1, "w"), "finished", report=report, result="3 images")
    return [running, failed, checked]


def addresses_of(study, reader, researcher) -> dict[str, list[str]]:
    """Pages by the role that sees them."""
    slug, run = [study.slug], [study.generators.get().pk]
    of_study = [
        "research-study",
        "study-invitations",
        "study-sharing",
        "study-trail",
        "study-publication",
        "preregistration",
        "results",
        "report",
    ]
    return {
        "nobody": [reverse(name) for name in ("home", "login", "register", "attributions", "password_reset")]
        + [reverse(f"password_reset_{name}") for name in ("done", "complete")]
        + [reverse("password_reset_confirm", args=["x", "y"]), study.get_absolute_url(), "/nowhere/"],
        "reader": [
            study.get_absolute_url(),
            reverse("profile"),
            reverse("password_change"),
            confirmation_path(reader.user),
            *(reverse("trial", args=[*slug, position]) for position in (1, 2)),
            reverse("study-break", args=slug),
            reverse("withdraw", args=slug),
        ],
        "researcher": [
            *(
                reverse(name)
                for name in (
                    "research",
                    "study-create",
                    "plan",
                    "generators",
                    "curation",
                    "trail",
                    "two-factor",
                    "jobs",
                    "collections",
                )
            ),
            *(reverse(name, args=slug) for name in of_study),
            reverse("run", args=run),
            reverse("job-start", args=["train"]),
            *(job.get_absolute_url() for job in jobs_of(researcher)),
        ],
    }


@ON_SCREENS
def test_axe_finds_nothing(study, site, chromium, reader, researcher, screen, scheme):
    call_command("simulate_readers", study.slug, readers=3)
    Study.objects.filter(pk=study.pk).update(instructions="Take your time.")
    record_response(start_reading(study, reader), 1, "real", 2, 900)
    share(study, "somebody.with.a.long.name@department-of-dermatology.university-hospital.example", "edit")
    UtilityEvaluation.objects.create(generator=study.generators.get(), step=2, figures=utility_figures())
    found = []
    for who, addresses in addresses_of(study, reader, researcher).items():
        page = open_page(chromium, screen, scheme)
        if who != "nobody":
            log_in(page, site, {"reader": reader.user.email, "researcher": researcher.email}[who])
        for address in addresses:
            page.goto(f"{site}{address}")
            found += problems_of(page, who)
    assert found == [], "\n".join(found)


def test_axe_finds_nothing_on_published_results(study, site, chromium, researcher, tmp_path, screenshot):
    call_command("simulate_readers", study.slug, readers=6)
    scores = [f"{one.pk},{index / 20}" for index, one in enumerate(study.stimuli.order_by("-truth"))]
    (tmp_path / "scores.csv").write_text("\n".join(["image,score", *scores]))
    call_command("add_machine_reader", study.slug, predictions=tmp_path / "scores.csv", name="Somebody's model")
    call_command("close_study", study.slug)
    publish(study, authors="Ada Byron", archive=True)
    found = []
    for screen, scheme in SCREENS.values():
        page = open_page(chromium, screen, scheme)
        page.goto(f"{site}{reverse('published', args=[study.slug])}")
        unfold(page)
        found += problems_of(page, "nobody")
    screenshot(page, "test-machines-phone")
    log_in(page, site, researcher.email)
    for name in ("study-publication", "results"):
        page.goto(f"{site}{reverse(name, args=[study.slug])}")
        found += problems_of(page, "researcher")
    page.set_viewport_size(WIDE)
    page.locator("#machines").scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    screenshot(page, "test-machines")
    assert found == [], "\n".join(found)


@ON_SCREENS
def test_axe_finds_nothing_at_the_doors(site, chromium, reader, researcher, screen, scheme):
    page = open_page(chromium, screen, scheme)
    log_in(page, site, researcher.email)
    device = TOTPDevice.objects.create(user=researcher, name="app", confirmed=False)
    page.goto(f"{site}{reverse('two-factor')}")
    found = problems_of(page, "second factor, not confirmed")
    page.get_by_label("Code").fill(f"{totp(device.bin_key):06}")
    page.get_by_role("button", name="Switch it on").click()
    page.get_by_text("They are not shown again").wait_for()
    found += problems_of(page, "codes")
    page.goto(f"{site}{reverse('two-factor')}")
    found += problems_of(page, "second factor, confirmed")
    page.get_by_role("banner").get_by_role("button", name="Log out").click()
    log_in(page, site, researcher.email)
    page.goto(f"{site}{reverse('research')}")
    page.get_by_role("button", name="Go on").click()
    found += problems_of(page, "check")
    page.context.clear_cookies()
    page.goto(f"{site}{reverse('login')}")
    for _ in range(10):
        page.get_by_label("E-mail").fill(reader.user.email)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Too many attempts").wait_for()
    found += problems_of(page, "refused")
    assert found == [], "\n".join(found)


def problems_of(page, who: str) -> list[str]:
    room, width = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    sideways = [f"{who} {page.url}: {width} pixels wide, so that the page scrolls sideways"] if width > room else []
    violations = Axe().run(page, options=RULES).response["violations"]
    return sideways + [
        f"{who} {page.url}: {one['id']}: {node['target']} {node['failureSummary']}"
        for one in violations
        for node in one["nodes"]
    ]
