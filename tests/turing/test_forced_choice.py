"""Pairs of a real and a generated image: design, pairing at opening, balanced sides, answers, feedback."""

from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.conftest import make_reader
from turing.models import Response, Side, Stimulus, Study, Trial, Truth
from turing.models.withdrawal import withdraw
from turing.reading.ending import score_of
from turing.reading.pairs import balanced_sides
from turing.reading.passage import form_trials, start_reading
from turing.studies.design import design_hash
from turing.studies.letters import invitation_letter
from turing.studies.lifecycle import clone_study, move_study
from turing.studies.pairs import NOT_WITH_PAIRS, pair_up

JSON = {"Accept": "application/json"}


def make_pairs(run, **options) -> Study:
    values = {"real": 5, "generated": 5, "stimulus_size": 64, "forced_choice": True} | options
    call_command("create_study", "Pairs", run=[str(run.pk)], **values)
    call_command("open_study", "pairs")
    return Study.objects.get(slug="pairs")


@pytest.fixture
def pairs(run) -> Study:
    return make_pairs(run)


@pytest.fixture
def reading(pairs, reader, client):
    client.force_login(reader.user)
    client.post(pairs.get_absolute_url(), {"consent": "on"})
    return reader.readings.get()


def send(client, position, answer="left", **values):
    data = {"position": position, "answer": answer, "confidence": 2} | values
    return client.post(reverse("trial", args=["pairs", position]), data, headers=JSON)


def test_opening_pairs_every_real_image_with_a_generated_one_of_its_diagnosis(pairs):
    assert pairs.case_count == pairs.form_length == 10
    for number in range(1, 11):
        two = pairs.stimuli.filter(pair=number)
        assert {one.truth for one in two} == set(Truth.values)
        assert len({one.diagnosis for one in two}) == 1
    before = design_hash(pairs, pairs.stimuli.all())
    assert before == pairs.design_hash
    first, second = pairs.stimuli.filter(truth=Truth.REAL, diagnosis="melanoma").order_by("pk")[:2]
    first.pair, second.pair = second.pair, first.pair
    assert design_hash(pairs, [first, second, *pairs.stimuli.exclude(pk__in=[first.pk, second.pk])]) != before


def test_the_same_seed_makes_the_same_pairs(pairs):
    def stimuli():
        rows = pairs.stimuli.order_by("diagnosis", "lesion_image", "generated_image")
        return list(rows)

    one, other = stimuli(), stimuli()
    pair_up(pairs, one)
    pair_up(pairs, other)
    assert [row.pair for row in one] == [row.pair for row in other]
    pairs.seed += 1
    pair_up(pairs, other)
    assert [row.pair for row in one] != [row.pair for row in other]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("generated_per_diagnosis", {"generated": 4}),
        ("control_per_diagnosis", {"control_per_diagnosis": 1, "control_degradation": "jpeg-10"}),
        ("repeats", {"repeats": 2}),
        ("timed", {"timed": True}),
        ("zoom", {"zoom": "free"}),
        ("images_per_page", {"images_per_page": 2}),
        ("one_row", {"one_row": True}),
        ("looks", {"looks": "50%", "planned_readers": 4}),
        ("tell_share", {"tell_share": True}),
    ],
)
def test_what_does_not_go_with_pairs_is_refused_with_its_name(run, name, options):
    with pytest.raises(CommandError, match=f"^{name}: .*[Pp]airs"):
        make_pairs(run, **options)


def test_a_draft_that_came_to_hold_such_a_combination_does_not_open(pairs):
    draft = clone_study(pairs)
    assert draft.forced_choice
    Study.objects.filter(pk=draft.pk).update(repeats=2, questions=[{"kind": "yes_no", "name": "odd"}])
    with pytest.raises(
        CommandError,
        match=r"Repeated images: Pairs .* do not allow this.*Questions: Pairs .* do not allow this",
    ):
        call_command("open_study", draft.slug)
    assert set(NOT_WITH_PAIRS) >= {"repeats", "questions"}


def test_images_per_reader_counts_pairs(run, reader):
    study = make_pairs(run, images_per_reader=6)
    draft = clone_study(study)
    Study.objects.filter(pk=draft.pk).update(images_per_reader=11)
    with pytest.raises(CommandError, match="11 pairs are wanted, but the study shows only 10"):
        call_command("open_study", draft.slug)
    trials = start_reading(study, reader).trials.select_related("stimulus")
    assert len(trials) == 6
    assert Counter(one.stimulus.diagnosis for one in trials) == {"melanoma": 3, "basal cell carcinoma": 3}
    other = start_reading(study, make_reader("other@test.example")).trials.select_related("stimulus")
    both = Counter(one.stimulus.pair for one in [*trials, *other])
    assert len(both) == 10
    assert max(both.values()) == 2


def test_sides_are_balanced_within_each_reader_and_over_readers_for_each_pair(pairs):
    left: Counter[int] = Counter()
    orders = []
    for number in range(6):
        trials = list(start_reading(pairs, make_reader(f"{number}@test.example")).trials.select_related("stimulus"))
        on_left = [one for one in trials if one.stimulus.truth == Truth.GENERATED]
        of_diagnosis = Counter(one.stimulus.diagnosis for one in on_left)
        assert all(2 <= of_diagnosis[name] <= 3 for name in pairs.diagnoses)
        left.update(one.stimulus.pair for one in on_left)
        orders.append([one.stimulus.pair for one in trials])
        for one in trials:
            assert one.partner.pair == one.stimulus.pair
            assert one.partner.truth != one.stimulus.truth
    assert len({tuple(order) for order in orders}) == 6
    assert set(left) == set(range(1, 11))
    assert max(left.values()) - min(left.values()) <= 2


def test_which_of_an_odd_number_of_pairs_stands_where_is_left_to_the_seed():
    counts = Counter()
    for seed in range(400):
        sides = balanced_sides({1: "a", 2: "a", 3: "a"}, {}, seed)
        counts.update(pair for pair, side in sides.items() if side == Side.LEFT)
    assert all(150 < counts[pair] < 250 for pair in (1, 2, 3))


def test_the_form_follows_from_the_seed(pairs, reading):
    stored = list(reading.trials.values_list("stimulus", "partner"))
    Trial.objects.all().delete()
    assert [(one.stimulus_id, one.partner_id) for one in form_trials(pairs, reading)] == stored


def test_a_choice_is_stored_as_what_it_says_of_the_image_on_the_left(client, pairs, reading):
    assert send(client, 1, "left").json()["stored"]["answer"] == "left"
    reply = send(client, 2, "right").json()
    assert reply["stored"]["answer"] == "right"
    trials = list(reading.trials.order_by("position"))
    assert reply["ahead"]["4"] == [f"/stimuli/{one}.png" for one in (trials[3].stimulus_id, trials[3].partner_id)]
    assert send(client, 3, "generated").status_code == 422  # the stored word is no side
    again = send(client, 1, "right")
    assert again.status_code == 409
    assert "already answered image 1: left" in again.json()["message"]
    assert [one.answer for one in Response.objects.order_by("trial__position")] == [
        Side.LEFT.as_answer, Side.RIGHT.as_answer,
    ]  # fmt: skip


def test_both_images_are_the_readers_to_see_and_nobody_elses(client, pairs, reading):
    trial = reading.trials.first()
    for one in (trial.stimulus, trial.partner):
        assert client.get(one.get_absolute_url()).status_code == 200
    client.force_login(make_reader("other@test.example").user)
    for one in (trial.stimulus, trial.partner):
        assert client.get(one.get_absolute_url()).status_code == 404


def test_practice_pairs_are_of_images_of_their_own_and_their_truth_is_told(run, reader, client):
    study = make_pairs(run, real=3, generated=3, practice_images=2)
    assert study.stimuli.filter(is_practice=True).count() == 4
    client.force_login(reader.user)
    assert "You begin with 2 practice pairs" in " ".join(client.get(study.get_absolute_url()).content.decode().split())
    client.post(study.get_absolute_url(), {"consent": "on"})
    first = reader.readings.get().trials.select_related("stimulus").first()
    assert first.phase == Trial.Phase.PRACTICE
    assert first.stimulus.is_practice
    side = "left" if first.stimulus.truth == Truth.GENERATED else "right"
    assert send(client, 1, side).json()["location"] == reverse("trial", args=["pairs", 1])
    page = client.get(reverse("trial", args=["pairs", 1])).content.decode()
    assert f"The {side} image is the generated one." in page
    assert "right." in page


def test_readers_are_told_of_pairs_and_their_own_score(run, reader, client):
    study = make_pairs(run, show_score=True)
    page = client.get(study.get_absolute_url()).content.decode()
    assert "10 pairs of images" in page
    assert "In each pair, one image is real" in page
    assert "which image is the generated one" in page  # the consent
    assert "10 pairs of images" in invitation_letter(study, "https://example.org/", "en").text
    reading = start_reading(study, reader)
    for trial in reading.trials.select_related("stimulus"):
        Response.objects.create(trial=trial, answer=trial.stimulus.truth, answered_at=reading.consented_at)
    move_study(study, "close")
    reading.refresh_from_db()
    assert score_of(reading).accuracy == 1
    client.force_login(reader.user)
    assert "in 10 of 10 pairs (100.0%)" in client.get(study.get_absolute_url()).content.decode()


def test_a_reader_who_withdrew_no_longer_counts_for_the_sides(pairs):
    first = start_reading(pairs, make_reader("first@test.example"))
    sides = dict(first.trials.values_list("stimulus__pair", "stimulus__truth"))
    withdraw(first)
    seed = first.seed
    second = start_reading(pairs, make_reader("second@test.example"))
    second.trials.all().delete()
    second.seed = seed
    trials = form_trials(pairs, second)
    assert {Stimulus.objects.get(pk=one.stimulus_id).pair: Stimulus.objects.get(pk=one.stimulus_id).truth
            for one in trials} == sides  # fmt: skip
