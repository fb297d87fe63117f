"""How long a form takes, as readers are told before they begin."""

from django.core.management import call_command

from tests.conftest import make_reader
from turing.models import Reading
from turing.models.withdrawal import withdraw
from turing.reading.duration import usual_minutes
from turing.reading.passage import record_response, start_reading


def read(study, number: int, seconds: float | None, away_ms: int = 0, answers: int | None = None) -> Reading:
    """A reading of all images, or of the first ones, whose times at the page are `seconds` in all."""
    reading = start_reading(study, make_reader(f"reader{number}@test.example"))
    positions = list(reading.trials.values_list("position", flat=True))
    each = None if seconds is None else round(1000 * seconds / len(positions)) + away_ms
    for position in positions[:answers]:
        record_response(reading, position, "real", 1, each, away_ms=away_ms or None)
    return reading


def test_it_is_the_median_of_complete_forms_without_time_away(study):
    for number, seconds in enumerate((60, 500, 700, 1200)):
        read(study, number, seconds)
    assert usual_minutes(study) is None  # four readers
    read(study, 4, 590, away_ms=20_000)
    assert usual_minutes(study) == 10  # 590 s


def test_forms_that_say_nothing_do_not_count(study):
    for number in range(4):
        read(study, number, 100)
    read(study, 4, None)  # without a script, nothing measures times
    read(study, 5, 100, answers=1)
    withdraw(read(study, 6, 100))
    call_command("simulate_readers", study.slug, readers=2, seed=1)
    assert usual_minutes(study) is None
    read(study, 7, 100)
    assert usual_minutes(study) == 2


def test_who_has_not_begun_is_told(study, client, reader):
    for number in range(5):
        read(study, number, 200)
    client.force_login(reader.user)
    page = client.get(study.get_absolute_url())
    assert "Readers who have finished needed about 4 minutes." in page.content.decode()
    start_reading(study, reader)
    assert "Readers who have finished" not in client.get(study.get_absolute_url()).content.decode()
