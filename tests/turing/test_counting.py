"""One place decides which trials count, and every exclusion is listed with its count."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.conftest import make_reader
from turing.models import Reading, Trial
from turing.reading.passage import record_response, start_reading
from turing.results.counting import PEOPLE, SIMULATED, flow_of, load_responses, version_of
from turing.results.study_analysis import analyse_study


@pytest.fixture
def read(study):
    """Simulated readers who finished, a person with three answers and one without any."""
    call_command("simulate_readers", study.slug, readers=4, seed=1)
    reading = start_reading(study, make_reader("three@test.example"))
    for position in (1, 2, 3):
        record_response(reading, position, "real", 2, 900 + position)
    start_reading(study, make_reader("none@test.example"))
    return study


def test_the_flow_of_people_and_of_simulated_readers_is_kept_apart(read):
    people, simulated = flow_of(read, PEOPLE), flow_of(read, SIMULATED)
    assert (people.consented, people.without_answers, people.incomplete, people.completed) == (2, 1, 1, 0)
    assert people.test_responses == 3
    assert people.excluded["Test trials not answered"] == 37
    assert people.excluded["Answers of simulated readers (analysed apart)"] == 80
    assert (simulated.completed, simulated.analysed, simulated.test_responses) == (4, 4, 80)


def test_a_reader_who_withdrew_leaves_the_analysis_and_is_counted_as_such(read):
    before = version_of(read, SIMULATED), analyse_study(read, SIMULATED)["counts"]["readers"]
    gone = Reading.objects.filter(study=read, reader__is_simulated=True).first()
    gone.withdrawn_at = timezone.now()
    gone.save()
    assert version_of(read, SIMULATED) != before[0]
    assert (before[1], analyse_study(read, SIMULATED)["counts"]["readers"]) == (4, 3)
    flow = flow_of(read, SIMULATED)
    assert (flow.withdrawn, flow.analysed) == (1, 3)
    assert flow.excluded["Answers of readers who withdrew"] == 20
    assert gone.reader.pseudonym not in load_responses(read, SIMULATED).reader_names


def test_practice_and_repeats_are_listed_and_repeats_give_intra_reader_agreement(read):
    reading = Reading.objects.filter(study=read, reader__is_simulated=True).first()
    first, second, third = Trial.objects.filter(reading=reading).order_by("position")[:3]
    Trial.objects.filter(pk=first.pk).update(phase="practice")
    Trial.objects.filter(pk=second.pk).update(phase="repeat", stimulus=third.stimulus)
    flow = flow_of(read, SIMULATED)
    assert flow.excluded["Practice answers"] == 1
    assert flow.excluded["Repeat answers (for intra-reader agreement only)"] == 1
    assert flow.test_responses == 78
    analysis = analyse_study(read, SIMULATED)
    assert analysis["counts"]["responses"] == 78
    assert analysis["intra_reader"]["pairs"] == 1


def test_arrays_hold_what_the_database_holds(read):
    rows = load_responses(read, PEOPLE)
    assert rows.response_time.tolist() == [901, 902, 903]
    assert rows.confidence.tolist() == [2, 2, 2]
    assert rows.judged_real.all()
    assert rows.factors["experience"].tolist() == ["5-9"] * 3
    stimuli = {str(stimulus.pk): stimulus for stimulus in read.stimuli.all()}
    for image, is_real, run in zip(rows.image, rows.is_real, rows.factors["run"], strict=True):
        stimulus = stimuli[rows.image_names[image]]
        assert is_real == (stimulus.truth == "real")
        assert run == ("" if is_real else str(stimulus.generated_image.generator_id))
