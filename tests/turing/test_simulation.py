"""The seed of simulated readers decides their answers, whatever the random ids and orders of the forms are."""

import numpy as np
import pytest
from django.core.management import call_command

from turing.models import Response, Study
from turing.studies.simulation import Observer, simulate_readers


@pytest.fixture
def triplets(run, researcher):
    """Three open studies that show the same images, under other ids and in other orders."""
    for name in ("First", "Second", "Third"):
        options = {"real": 5, "generated": 5, "stimulus_size": 64, "owner": researcher.email, "seed": 4}
        call_command("create_study", name, run=[str(run.pk)], **options)
        call_command("open_study", name.lower())
    return [Study.objects.get(slug=slug) for slug in ("first", "second", "third")]


def image_of(values):
    return values["trial__stimulus__lesion_image"], values["trial__stimulus__generated_image"]


def answers(study):
    """Every answer of the test, by the reader's number and the image, and the images in the order of the forms."""
    rows = Response.objects.filter(trial__reading__study=study, trial__phase="test")
    rows = rows.order_by("trial__reading", "trial__position").values(
        "trial__reading",
        "trial__stimulus__lesion_image",
        "trial__stimulus__generated_image",
        "answer",
        "confidence",
        "response_time_ms",
    )
    number = {key: index for index, key in enumerate(dict.fromkeys(row["trial__reading"] for row in rows), start=1)}
    given = {
        (number[row["trial__reading"]], *image_of(row)): (row["answer"], row["confidence"], row["response_time_ms"])
        for row in rows
    }
    return given, [image_of(row) for row in rows]


def test_the_same_seed_gives_the_same_answers_and_another_seed_others(triplets):
    for study, seed in zip(triplets, (3, 3, 5), strict=True):
        call_command("simulate_readers", study.slug, readers=3, seed=seed)
    (first, order), (second, other_order), (third, _) = (answers(study) for study in triplets)
    assert len(first) == 60
    assert first == second
    assert order != other_order
    assert third.keys() == first.keys()
    assert sum(third[key] == first[key] for key in first) < 6


def test_readers_in_two_goes_are_the_same_as_at_once(triplets):
    first, second, _ = triplets
    call_command("simulate_readers", first.slug, readers=4, seed=3)
    for _ in range(2):
        call_command("simulate_readers", second.slug, readers=2, seed=3)
    given, _ = answers(first)
    assert given == answers(second)[0]
    assert len(set(given.values())) > len(given) / 2  # no two readers are copies of each other


def test_a_following_study_keeps_the_readers_bias_and_draws_other_noise(triplets):
    """Readers come in the order of the first study, and the same images keep their effects."""
    first, second, _ = triplets
    Study.objects.filter(pk=second.pk).update(follows=first, same_images=True)
    observer = Observer(dprime=0, criterion=0, reader_sd=3, image_sd=0)
    for study in (first, Study.objects.get(pk=second.pk)):
        list(simulate_readers(study, 6, observer, seed=0))
    before, _ = answers(first)
    after, _ = answers(second)

    def generated(given, reader):
        return [said == "generated" for (number, *_), (said, *_) in given.items() if number == reader]

    shares = np.array([[np.mean(generated(given, number)) for number in range(1, 7)] for given in (before, after)])
    assert np.corrcoef(shares)[0, 1] > 0.9
    assert before.keys() == after.keys()
    assert len({key for key in before if before[key] == after[key]}) < len(before) / 10
