"""The seed of simulated readers decides their answers, whatever the random ids and orders of the forms are."""

import pytest
from django.core.management import call_command

from turing.models import Response, Study


@pytest.fixture
def twins(run, researcher):
    """Two open studies that show the same images, under other ids and in other orders."""
    for name in ("First", "Second"):
        options = {"real": 5, "generated": 5, "stimulus_size": 64, "owner": researcher.email, "seed": 4, "repeats": 2}
        call_command("create_study", name, run=[str(run.pk)], **options)
        call_command("open_study", name.lower())
    return Study.objects.get(slug="first"), Study.objects.get(slug="second")


def answers(study):
    """Every answer of the test, with the image it is about, in the order of the readers."""
    rows = Response.objects.filter(trial__reading__study=study, trial__phase="test").values_list(
        "trial__reading__pk",
        "trial__stimulus__lesion_image",
        "trial__stimulus__generated_image",
        "answer",
        "confidence",
        "response_time_ms",
    )
    assert rows
    reader = {key: number for number, key in enumerate(sorted({row[0] for row in rows}))}
    return {(reader[row[0]], row[1], row[2]): row[3:] for row in rows}


def test_the_same_seed_gives_the_same_answers_and_another_seed_others(twins):
    first, second = twins
    for study in twins:
        call_command("simulate_readers", study.slug, readers=3, seed=3)
    assert answers(first) == answers(second)
    orders = [list(study.readings.values_list("trials__stimulus", flat=True)) for study in twins]
    assert orders[0] != orders[1]
    call_command("simulate_readers", second.slug, readers=3, seed=5)
    of_second = answers(second)
    later = {(reader - 3, *image): given for (reader, *image), given in of_second.items() if reader >= 3}
    assert later.keys() == answers(first).keys()
    assert later != answers(first)


def test_readers_in_two_goes_are_the_same_as_at_once(twins):
    first, second = twins
    call_command("simulate_readers", first.slug, readers=4, seed=3)
    for _ in range(2):
        call_command("simulate_readers", second.slug, readers=2, seed=3)
    assert answers(first) == answers(second)
    given = list(answers(first).values())
    assert len(set(given)) > len(given) / 2  # no two readers are copies of each other
