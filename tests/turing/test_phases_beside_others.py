"""Studies in two parts beside other studies.

Nothing reveals the purpose early, and only comparable studies are compared.
"""

import json
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.conftest import make_reader
from tests.turing.test_phases import answer_after, make, make_second, read_all
from turing.errors import StudyError
from turing.models import AuditLine, Response, Study
from turing.reading.debriefing import next_studies
from turing.reading.parts import knows_purpose, why_not_yet
from turing.reading.passage import start_reading
from turing.results.counting import SIMULATED
from turing.results.sittings import with_sittings
from turing.studies.invitations import invite
from turing.studies.lifecycle import move_study
from turing.studies.telling import telling_words


@pytest.fixture
def blinded(run, tmp_path) -> Study:
    study = make(run, tmp_path)
    call_command("open_study", study.slug)
    return Study.objects.get(pk=study.pk)


def page_of(client, study: Study) -> str:
    return client.get(study.get_absolute_url()).content.decode()


def test_a_reader_of_a_blinded_study_neither_sees_nor_joins_an_informed_one(client, blinded, study, reader):
    start_reading(blinded, reader)
    client.force_login(reader.user)
    assert telling_words(page_of(client, study).partition("<main")[2]) == []
    with pytest.raises(StudyError, match="Please finish the study How clear"):
        start_reading(study, reader)
    read_all(client, blinded, reader)
    assert "Please finish" in page_of(client, study)
    answer_after(client, blinded)
    assert "Please finish" not in page_of(client, study)
    assert start_reading(study, reader)


def test_nobody_is_invited_to_a_second_part_that_would_tell_the_first(run, blinded):
    second = make_second(run, blinded, by_invitation=True)
    with pytest.raises(StudyError, match="would reveal what How clear"):
        invite(second, [], 1, str)
    move_study(blinded, "close")
    assert invite(Study.objects.get(pk=second.pk), [], 1, str) == 1


def test_who_stopped_early_knows_the_purpose_once_the_study_is_over(run, tmp_path, blinded, reader):
    start_reading(blinded, reader)
    assert not knows_purpose(reader)
    move_study(blinded, "close")
    assert knows_purpose(reader)
    another = make(run, tmp_path, title="How clear are those?")
    assert why_not_yet(another, reader)


def test_the_site_stays_discreet_towards_who_has_yet_to_say_what_they_noticed(client, blinded, reader):
    read_all(client, blinded, reader)
    move_study(blinded, "close")
    assert telling_words(client.get("/").content.decode().partition("<main")[2]) == []
    answer_after(client, blinded)
    assert telling_words(client.get("/").content.decode().partition("<main")[2])


def test_the_debriefing_offers_no_part_that_was_begun(client, run, blinded, reader):
    second = make_second(run, blinded)
    reading = read_all(client, blinded, reader)
    answer_after(client, blinded)
    assert [one.study for one in next_studies(reading)] == [second]
    start_reading(second, reader)
    assert list(next_studies(reading)) == []


def test_single_images_and_pairs_are_not_compared(run, study):
    call_command("simulate_readers", study.slug, readers=4, seed=1)
    second = make_second(run, study, title="Pairs later", real=2, generated=2, forced_choice=True)
    call_command("simulate_readers", second.slug, readers=4, seed=2)
    assert with_sittings(second, SIMULATED, {})["sittings"] is None


def test_two_sittings_of_pairs_count_every_answer_of_both(run):
    call_command("create_study", "Pairs", run=[str(run.pk)], real=3, generated=3, stimulus_size=64, forced_choice=True)
    call_command("open_study", "pairs")
    first = Study.objects.get(slug="pairs")
    call_command("simulate_readers", first.slug, readers=5, seed=1, dprime=0.5)
    values = {"same_images": True, "real": 3, "generated": 3, "forced_choice": True}
    second = make_second(run, first, title="Pairs again", **values)
    call_command("simulate_readers", second.slug, readers=5, seed=2, dprime=2.5)
    found = with_sittings(second, SIMULATED, {})["sittings"]["accuracy"]
    for name, study in (("earlier", first), ("later", second)):
        rows = Response.objects.filter(trial__reading__study=study).select_related("trial__stimulus")
        right = [row.answer == row.trial.stimulus.truth for row in rows]
        assert found[name] == pytest.approx(sum(right) / len(right))


@pytest.mark.parametrize(
    ("of_first", "of_second", "said"),
    [
        ({"feedback_after": True}, {"same_images": True}, "are told what each of them is"),
        ({}, {"same_images": True, "forced_choice": True}, "pairs: which of two is generated"),
        ({}, {"feedback_after": True, "forced_choice": True}, "shows single images"),
    ],
)
def test_parts_that_would_tell_or_differ_are_refused(run, of_first, of_second, said):
    values = {"run": [str(run.pk)], "real": 2, "generated": 2, "stimulus_size": 64}
    call_command("create_study", "First", **values | of_first)
    call_command("open_study", "first")
    with pytest.raises((CommandError, StudyError), match=said):
        call_command("create_study", "Second", follows="first", **values | of_second)


def test_an_earlier_study_that_not_all_may_see_is_not_told_of_and_a_look_at_it_is_recorded(
    client, run, study, researcher
):
    call_command("simulate_readers", study.slug, readers=4, seed=1)
    second = make_second(run, study, title="Second sitting", same_images=True, real=5, generated=5)
    call_command("simulate_readers", second.slug, readers=4, seed=2)
    Study.objects.filter(pk=second.pk).update(owner=researcher)
    client.force_login(researcher)
    page = client.get(reverse("results", args=[second.slug])).content.decode()
    assert "readers also read small-study" in page
    assert study.audit_lines.filter(what=AuditLine.What.VIEWED).count() == 1
    Study.objects.filter(pk=study.pk).update(visible_to_researchers=False)
    Study.objects.filter(pk=second.pk).update(visible_to_researchers=True)
    assert with_sittings(Study.objects.get(pk=second.pk), SIMULATED, {})["sittings"] is None


def test_the_archive_for_everybody_names_no_reader_who_suspected(client, blinded, tmp_path):
    for number in range(3):
        client.logout()
        read_all(client, blinded, make_reader(f"reader{number}@test.example"))
        answer_after(client, blinded)
    move_study(blinded, "close")
    file = tmp_path / "archive.zip"
    call_command("archive_study", blinded.slug, output=file)
    with zipfile.ZipFile(file) as archive:
        [name] = [one for one in archive.namelist() if one.endswith("noticing.json")]
        noticing = json.loads(archive.read(name))
    assert noticing["readers"] == []
    assert noticing["share"] is None
