"""Researchers start, watch, cancel and repeat work on its pages."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from gan.models import LesionImage
from tests.conftest import PASSWORD, make_researcher
from turing.jobs import queue
from turing.models import Job, User


@pytest.fixture
def visitor(client, researcher):
    client.login(username=researcher.email, password=PASSWORD)
    return client


def make_images(*diagnoses):
    for number, diagnosis in enumerate(diagnoses):
        LesionImage.objects.create(
            isic_id=f"I{number}", diagnosis=diagnosis, file="x", sha256="x", licence="CC-0", attribution="x",
            width=64, height=64,
        )  # fmt: skip


def test_a_training_is_started_with_what_the_form_says(visitor, researcher):
    make_images("nevus", "melanoma", "melanoma")
    page = visitor.get(reverse("job-start", args=["train"])).content.decode()
    assert page.index("melanoma") < page.index("nevus"), "the most frequent first"
    given = {"name": "lesions", "diagnoses": ["melanoma"], "model": "projected", "size": "64", "minutes": "5"}
    answer = visitor.post(reverse("job-start", args=["train"]), given)
    job = Job.objects.get()
    assert answer["Location"] == job.get_absolute_url()
    expected = {"name": "lesions", "diagnoses": ["melanoma"], "model": "projected", "size": 64, "minutes": 5}
    assert job.arguments == expected | {"phantoms": False}
    assert (job.started_by, job.state) == (researcher, "waiting")
    again = visitor.post(reverse("job-start", args=["train"]), given)
    assert "Choose a different one" in again.content.decode()
    assert Job.objects.count() == 1


def test_every_model_that_can_be_trained_is_on_the_form(visitor):
    from gan.runs.execution import TRAINERS

    make_images("melanoma")
    page = visitor.get(reverse("job-start", args=["train"])).content.decode()
    assert [name for name in TRAINERS if f'<option value="{name}"' not in page] == []
    assert '<option value="projected" selected' in page
    given = {"name": "control", "diagnoses": ["melanoma"], "model": "r3gan", "size": "64", "minutes": "5"}
    visitor.post(reverse("job-start", args=["train"]), given)
    assert Job.objects.get().arguments["model"] == "r3gan"


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("train", {"name": "x", "diagnoses": ["nevus"], "model": "projected", "size": "64", "minutes": "5"}),
        ("train", {"name": "x", "diagnoses": ["melanoma"], "model": "projected", "size": "64", "minutes": "0"}),
        ("train", {"name": "x", "diagnoses": ["melanoma"], "model": "stylegan", "size": "64", "minutes": "1"}),
        ("train", {"name": "x", "diagnoses": ["melanoma"], "model": "dcgan", "size": "63", "minutes": "1"}),
        ("sample", {"run": "9", "count": "1", "seed": "0"}),
        ("evaluate", {}),
        ("audit", {"run": "--help"}),
    ],
)
def test_what_makes_no_sense_is_refused(visitor, kind, given):
    make_images("melanoma")
    assert visitor.post(reverse("job-start", args=[kind]), given).status_code == 422
    assert not Job.objects.exists()


@pytest.mark.parametrize("kind", ["check", "import", "nothing"])
def test_other_work_has_no_form(visitor, kind):
    assert visitor.get(reverse("job-start", args=[kind])).status_code == 404


def test_a_page_follows_a_job(visitor, researcher):
    job = queue.start("curate", {}, researcher)
    claimed = queue.claim(job.pk, 1, "w")
    queue.keep(claimed, done=3, total=10, label="Curating", log="one\ntwo")
    state = visitor.get(reverse("job-state", args=[job.pk])).json()
    assert state == {
        "state": "running", "shown": "running", "label": "Curating", "done": 3, "total": 10, "log": "one\ntwo"
    }  # fmt: skip
    page = visitor.get(job.get_absolute_url()).content.decode()
    assert 'max="10" value="3"' in page
    assert "Curating: 3 of 10" in page
    assert "1 at work" in page
    assert job.get_absolute_url() in visitor.get(reverse("jobs")).content.decode()
    visitor.post(reverse("job-cancel", args=[job.pk]))
    assert visitor.get(reverse("job-state", args=[job.pk])).json()["shown"] == "being cancelled"
    queue.end(claimed, "cancelled")
    assert "at work" not in visitor.get(reverse("jobs")).content.decode()
    visitor.post(reverse("job-again", args=[job.pk]))
    job.refresh_from_db()
    assert (job.state, job.attempt, job.done) == ("waiting", 2, 0)


def test_what_cannot_be_done_any_more_is_told(visitor, researcher):
    job = queue.start("curate", {}, researcher)
    again = visitor.post(reverse("job-again", args=[job.pk]), follow=True)
    assert "only a failed or cancelled job" in again.content.decode()
    queue.end(queue.claim(job.pk, 1, "w"), "finished")
    cancelled = visitor.post(reverse("job-cancel", args=[job.pk]), follow=True)
    assert "nothing to cancel" in cancelled.content.decode()


def test_an_error_is_shown_as_text(visitor, researcher):
    job = queue.start("curate", {}, researcher)
    queue.end(queue.claim(job.pk, 1, "w"), "failed", error="<b>no images</b>")
    page = visitor.get(job.get_absolute_url()).content.decode()
    assert "&lt;b&gt;no images&lt;/b&gt;" in page
    assert "Start again" in page


def test_a_job_belongs_to_who_started_it(client, researcher):
    job = queue.start("curate", {}, researcher)
    other = make_researcher("other@test.example")
    client.force_login(other)
    assert client.get(job.get_absolute_url()).status_code == 404
    assert job.get_absolute_url() not in client.get(reverse("jobs")).content.decode()
    client.force_login(User.objects.create_user("root@test.example", is_superuser=True))
    assert client.get(job.get_absolute_url()).status_code == 200
    assert "Dr Research" in client.get(reverse("jobs")).content.decode()


def test_pages_of_runs_and_of_curation_lead_to_the_work(run, visitor):
    page = visitor.get(run.get_absolute_url()).content.decode()
    for kind in ("sample", "audit", "evaluate"):
        address = f"{reverse('job-start', args=[kind])}?run={run.pk}"
        assert address in page
        assert f'<option value="{run.pk}" selected>' in visitor.get(address).content.decode()
    assert reverse("job-start", args=["train"]) in visitor.get(reverse("generators"), follow=True).content.decode()
    assert reverse("job-start", args=["curate"]) in visitor.get(reverse("curation")).content.decode()


def test_finished_work_leads_to_the_page_that_shows_what_it_brought(visitor, researcher, study, run):
    def link_of(kind, arguments, state="finished"):
        job = queue.start(kind, arguments, researcher)
        Job.objects.filter(pk=job.pk).update(state=state)
        page = visitor.get(job.get_absolute_url()).content.decode()
        found = re.search(r'href="([^"]+)">See what it has brought', page)
        return found and found[1]

    generator = run.get_absolute_url()
    assert link_of("evaluate", {"run": run.pk, "count": 10}) == generator
    assert link_of("evaluate", {"run": run.pk, "count": 10}, "failed") is None
    assert link_of("evaluate", {"run": 10**6, "count": 10}) is None  # deleted since
    assert link_of("curate", {}) == reverse("curation")
    assert link_of("detector", {"study": study.pk}) == reverse("results", args=[study.slug])
    training = {"name": run.name, "diagnoses": ["melanoma"], "model": "dcgan", "size": 64, "minutes": 1}
    assert link_of("train", training) is None  # the run is older than this work
    type(run).objects.filter(pk=run.pk).update(started_at=timezone.now() + timedelta(days=1))
    assert link_of("train", training) == generator
