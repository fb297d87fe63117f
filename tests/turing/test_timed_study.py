"""A study that shows images for a moment: what is recorded, refused, exported and reported."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from turing.models import Response, Study, Trial
from turing.reading.passage import record_response, start_reading
from turing.reading.progress import progress_of
from turing.statistics.staircase import START_MS, next_exposure
from turing.studies.design import problems


@pytest.fixture
def timed(run) -> Study:
    options = {"real": 3, "generated": 3, "practice_images": 2, "stimulus_size": 64, "timed": True}
    call_command("create_study", "A moment", run=[str(run.pk)], **options)
    call_command("open_study", "a-moment")
    return Study.objects.get(slug="a-moment")


def test_exposures_follow_the_test_answers_and_not_the_practice(timed, reader):
    reading = start_reading(timed, reader)
    trials = list(reading.trials.select_related("stimulus").order_by("position"))
    correct = []
    for trial in trials:
        wanted = progress_of(reading).exposure_ms
        assert wanted == next_exposure(correct)
        answer = trial.stimulus.truth if trial.position % 5 else "real"
        record_response(reading, trial.position, answer, 2, 900, wanted + 7, 1)
        if trial.phase == Trial.Phase.TEST:
            correct.append(answer == trial.stimulus.truth)
    rows = Response.objects.order_by("trial__position").values_list("exposure_ms", "shown_ms", "dropped_frames")
    assert [one for one, _, _ in rows[:3]] == [START_MS] * 3
    assert len({one for one, _, _ in rows}) > 1
    assert all(shown == exposure + 7 and dropped == 1 for exposure, shown, dropped in rows)


def test_an_answer_to_an_image_that_was_not_shown_is_not_taken(client, timed, reader):
    start_reading(timed, reader)
    client.force_login(reader.user)
    address = reverse("trial", args=[timed.slug, 1])
    data = {"position": 1, "answer": "real", "confidence": 1, "response_time_ms": "800"}
    page = client.post(address, data)
    assert page.status_code == 422
    assert "needs a browser with JavaScript" in page.content.decode()
    assert client.post(address, data, headers={"Accept": "application/json"}).status_code == 422
    assert not Response.objects.exists()
    reply = client.post(address, data | {"shown_ms": "501"}, headers={"Accept": "application/json"})
    assert reply.json()["exposure_ms"] == START_MS


def test_an_image_that_was_answered_is_not_shown_again(client, timed, reader):
    reading = start_reading(timed, reader)
    for position in range(1, 4):
        record_response(reading, position, "real", 1, 900, 500, 0)
    client.force_login(reader.user)
    practice, test = (client.get(reverse("trial", args=[timed.slug, page])).content.decode() for page in (2, 3))
    assert "<img" in practice
    assert "<img" not in test


@pytest.mark.parametrize(
    ("field", "value"), [("images_per_page", 4), ("repeats", 2), ("corrections", True), ("zoom", "free")]
)
def test_what_does_not_go_with_a_moment_is_named(draft, run, field, value):
    draft.timed = True
    assert problems(draft) == []
    setattr(draft, field, value)
    (found,) = problems(draft)
    assert "for a moment" in found
    draft.save()
    with pytest.raises(CommandError):
        call_command("open_study", draft.slug)
    with pytest.raises(CommandError, match=f"{field}: .* for a moment only"):
        call_command("create_study", "A moment", run=[str(run.pk)], timed=True, **{field: value})
    assert not Study.objects.filter(slug="a-moment").exists()


def test_results_exports_and_an_analysis_of_the_export_agree(client, timed, researcher, tmp_path):
    call_command("simulate_readers", timed.slug, readers=4, dprime=2.0)
    path = tmp_path / "responses.csv"
    call_command("export_results", timed.slug, format="csv", output=path)
    rows = list(csv.DictReader(path.open()))
    assert {row["dropped_frames"] for row in rows} == {"0"}
    assert {row["exposure_ms"] for row in rows} > {"500"}
    out = io.StringIO()
    call_command("analyze_responses", str(path), json=True, stdout=out)
    found = json.loads(out.getvalue())["exposure_threshold"]
    out = io.StringIO()
    call_command("export_results", timed.slug, format="json", stdout=out)
    assert json.loads(out.getvalue())["analysis"]["exposure_threshold"] == found
    client.force_login(researcher)
    page = client.get(reverse("results", args=[timed.slug])).content.decode()
    assert 'id="exposure"' in page
    assert "The median reader tells 63% of the images right" in page
    assert "for 500 ms at first" in page  # the methods
    figure = client.get(reverse("figure", args=[timed.slug, "exposures", "svg"])).content.decode()
    assert "threshold, 63% right" in figure
    table = client.get(reverse("table", args=[timed.slug, "exposures"])).content.decode().splitlines()
    assert table[0] == "reader,threshold_ms,low,high,trials"
    assert len(table) == 6


def test_studies_without_a_set_time_say_nothing_of_it(client, study, researcher):
    call_command("simulate_readers", study.slug, readers=2)
    client.force_login(researcher)
    assert 'id="exposure"' not in client.get(reverse("results", args=[study.slug])).content.decode()
    assert not Response.objects.exclude(exposure_ms=None).exists()
