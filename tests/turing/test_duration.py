"""How long a form takes, as readers are told before they begin."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from tests.conftest import make_reader
from turing.models import Reading, Response
from turing.models.withdrawal import withdraw
from turing.reading.duration import usual_minutes
from turing.reading.passage import record_response, start_reading


@pytest.fixture(autouse=True)
def nothing_kept():
    cache.clear()


def read(study, number: int, seconds: float, answers: int | None = None, pause: float = 0) -> Reading:
    """A reading of the 20 images, or of the first ones, with an answer every `seconds` and one pause."""
    reading = start_reading(study, make_reader(f"reader{number}@test.example"))
    for position in list(reading.trials.values_list("position", flat=True))[:answers]:
        record_response(reading, position, "real", 1, 700)
        after = timedelta(seconds=position * seconds + (pause if position > 10 else 0))
        Response.objects.filter(trial__reading=reading, trial__position=position).update(
            answered_at=timezone.now() + after
        )
    return reading


def test_it_is_the_median_of_complete_forms(study):
    for number, seconds in enumerate((3, 28, 40, 60)):
        read(study, number, seconds)
    assert usual_minutes(study) is None  # four readers
    read(study, 4, 29)
    assert usual_minutes(study) == 10  # 20 images of 29 s


def test_a_break_counts_as_two_minutes(study):
    for number in range(5):
        read(study, number, 10, pause=5000)
    # 18 times 10 s and two minutes for 19 times between answers; the first answer takes as long as the others.
    assert usual_minutes(study) == 6  # 316 s


def test_forms_that_say_nothing_do_not_count(study):
    for number in range(4):
        read(study, number, 5)
    read(study, 5, 5, answers=1)
    withdraw(read(study, 6, 5))
    call_command("simulate_readers", study.slug, readers=2, seed=1)
    assert usual_minutes(study) is None
    read(study, 7, 5)
    assert usual_minutes(study) == 2


def test_the_answers_are_read_once_for_the_same_readers(study, django_assert_num_queries):
    for number in range(5):
        read(study, number, 10)
    with django_assert_num_queries(3):
        assert usual_minutes(study) == 4
    with django_assert_num_queries(1):
        assert usual_minutes(study) == 4
    read(study, 5, 10)
    with django_assert_num_queries(3):
        assert usual_minutes(study) == 4


def test_who_has_not_begun_is_told(study, client, reader):
    for number in range(5):
        read(study, number, 10)
    client.force_login(reader.user)
    page = client.get(study.get_absolute_url())
    assert "Readers who have finished needed about 4 minutes." in page.content.decode()
    start_reading(study, reader)
    assert "Readers who have finished" not in client.get(study.get_absolute_url()).content.decode()
