"""The research start page says what comes next."""

import re

import pytest
from django.utils import timezone

from gan.models import GeneratedImage, LesionImage
from turing.models import Study
from turing.reading.passage import record_response, start_reading
from turing.studies.lifecycle import move_study, open_study

TITLES = [
    "Upload real images",
    "Curate them",
    "Bring generated images",
    "Audit them for copies",
    "Make a study",
    "Open the study",
]


@pytest.fixture
def start(client, researcher):
    """Returns the text of the research start page, without its markup."""
    client.force_login(researcher)

    def page() -> str:
        response = client.get("/research/")
        assert response.status_code == 200
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))

    return page


def next_step(text: str) -> str:
    """The step of the page that is marked as the next one."""
    [found] = re.findall(rf"({'|'.join(TITLES)}) next ", text)
    return found


def test_an_empty_site_asks_for_real_images_first(start):
    text = start()
    assert next_step(text) == "Upload real images"
    assert [title for title in TITLES if title in text] == TITLES
    assert "done" not in text


def test_each_step_comes_once_the_one_before_is_done(start, run):
    GeneratedImage.objects.all().delete()
    LesionImage.objects.update(verdict="")
    assert next_step(start()) == "Curate them"
    LesionImage.objects.update(verdict="accepted")
    assert next_step(start()) == "Bring generated images"


def test_a_draft_is_opened_next_and_then_the_steps_are_gone(start, draft):
    LesionImage.objects.update(verdict="accepted")
    GeneratedImage.objects.update(audited_at=None)
    assert next_step(start()) == "Audit them for copies"
    GeneratedImage.objects.update(audited_at=timezone.now())
    text = start()
    assert next_step(text) == "Open the study"
    assert "Look at it, then open it" in text
    open_study(draft)
    text = start()
    assert "Your first study" not in text
    assert "Send its address to readers" in text


def test_a_study_says_what_comes_next_until_it_is_published(start, study, reader):
    reading = start_reading(study, reader)
    assert "Wait for the first answers" in start()
    record_response(reading, 1, "real", 2, 900)
    assert "Collect more answers" in start()
    move_study(study, "pause")
    assert "Resume or close it" in start()
    move_study(study, "close")
    assert "Publish it or download its archive" in start()
    Study.objects.filter(pk=study.pk).update(published_at=timezone.now())
    assert "Publish it or download" not in start()
