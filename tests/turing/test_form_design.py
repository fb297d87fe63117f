"""The parts of a reader's form: practice, repeats, breaks and blocks."""

from collections import Counter
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.conftest import make_reader
from turing.models import Response, Study, Trial
from turing.reading.passage import record_response, start_reading
from turing.reading.progress import progress_of
from turing.reading.randomisation import REPEAT_GAP, balanced_subset, form_order, in_blocks, with_repeats
from turing.results.counting import PEOPLE, flow_of
from turing.studies.design import design_hash


@pytest.fixture
def rich(run):
    """Four practice images, twenty test images of which three are repeated, a break after every eight, in blocks."""
    call_command(
        "create_study", "Rich", run=[str(run.pk)], real=5, generated=5, stimulus_size=64, practice_images=4, repeats=3,
        break_every=8, block_by_diagnosis=True, tell_share=True,
    )  # fmt: skip
    call_command("open_study", "rich")
    return Study.objects.get(slug="rich")


@pytest.fixture
def reading(rich, reader, client):
    client.force_login(reader.user)
    client.post(rich.get_absolute_url(), {"consent": "on"})
    return reader.readings.get()


def post(client, study, position, **values):
    data = {"position": position, "answer": "real", "confidence": 2, "response_time_ms": "812"} | values
    return client.post(reverse("trial", args=[study.slug, position]), data)


def test_practice_images_are_their_own_and_come_first(rich, reading):
    practice = rich.stimuli.filter(is_practice=True)
    assert Counter(practice.values_list("truth", "diagnosis")) == dict.fromkeys(
        [(truth, diagnosis) for truth in ("real", "generated") for diagnosis in rich.diagnoses], 1
    )
    sources = list(rich.stimuli.values_list("lesion_image", "generated_image"))
    assert len(set(sources)) == len(sources) == 24
    phases = list(reading.trials.values_list("phase", flat=True))
    assert phases[:4] == ["practice"] * 4
    assert Counter(phases) == {"practice": 4, "test": 20, "repeat": 3}


def test_practice_tells_the_answer_and_the_test_does_not(client, rich, reading):
    assert "real or generated" not in client.get(reverse("trial", args=["rich", 1])).content.decode()
    for position in range(1, 5):
        assert post(client, rich, position).url == reverse("trial", args=["rich", position])
        page = client.get(reverse("trial", args=["rich", position])).content.decode()
        truth = reading.trials.get(position=position).stimulus.truth
        assert f"This image is {truth}." in page
        assert ("right." if truth == "real" else "wrong.") in page
        assert ("last practice image" in page) == (position == 4)
    assert post(client, rich, 5).url == reverse("trial", args=["rich", 6])
    assert "This image is" not in client.get(reverse("trial", args=["rich", 5])).content.decode().replace(
        "<legend>This image is</legend>", ""
    )
    assert flow_of(rich, PEOPLE).test_responses == 1


def test_a_break_is_offered_where_the_design_says_and_leads_on(client, rich, reading):
    for position in range(1, 12):
        record_response(reading, position, "real", 1, None)
    assert post(client, rich, 12).url == reverse("study-break", args=["rich"])
    page = client.get(reverse("study-break", args=["rich"])).content.decode()
    assert "12 of 27 images" in page
    assert client.get(reverse("study-continue", args=["rich"])).url == reverse("trial", args=["rich", 13])
    assert post(client, rich, 13).url == reverse("trial", args=["rich", 14])


def test_no_image_ahead_passes_practice_or_a_break(rich, reading):
    progress = progress_of(reading)

    def ahead(position):
        return list(progress.images_ahead(position))

    assert ahead(1) == ahead(4) == []
    assert ahead(5) == list(range(6, 13))
    assert ahead(12) == []
    assert ahead(13) == list(range(14, 21))
    assert ahead(21) == list(range(22, 28))
    assert ahead(27) == []
    stimulus = reading.trials.get(position=7).stimulus
    assert progress.images_ahead(5)[7] == stimulus.get_absolute_url()


def test_a_script_is_answered_in_json_and_counts_once(client, rich, reading):
    for position in range(1, 5):
        record_response(reading, position, "real", 1, None)
    for _ in range(2):
        reply = client.post(
            reverse("trial", args=["rich", 5]),
            {"position": 5, "answer": "generated", "confidence": 3},
            headers={"Accept": "application/json"},
        )
        assert reply.status_code == 200
        assert reply.json()["location"] == reverse("trial", args=["rich", 6])
        assert list(reply.json()["ahead"]) == [str(position) for position in range(6, 13)]
    assert Response.objects.filter(trial__position=5).count() == 1
    bad = client.post(reverse("trial", args=["rich", 6]), {"position": 6}, headers={"Accept": "application/json"})
    assert (bad.status_code, set(bad.json()["errors"])) == (422, {"answer", "confidence"})
    early = {"position": 9, "answer": "real", "confidence": 1}
    refused = client.post(reverse("trial", args=["rich", 9]), early, headers={"Accept": "application/json"})
    assert refused.status_code == 409
    assert refused.json()["location"] == reverse("study-continue", args=["rich"])


def test_repeats_come_later_in_the_same_block_and_follow_from_the_seed():
    ids = list(range(100))
    block_of = {one: "ab"[one % 2] for one in ids}
    for seed in range(50):
        order = in_blocks(form_order(ids, seed), block_of, seed)
        assert [block_of[one] for one in order] in (list("a" * 50 + "b" * 50), list("b" * 50 + "a" * 50))
        form = with_repeats(order, 20, seed, block_of)
        assert form == with_repeats(order, 20, seed, block_of)
        assert [one for one, repeat in form if not repeat] == order
        blocks = [block_of[one] for one, _ in form]
        assert blocks == sorted(blocks, reverse=blocks[0] == "b")
        places = {one: index for index, (one, repeat) in enumerate(form) if not repeat}
        repeats = [(one, index) for index, (one, repeat) in enumerate(form) if repeat]
        assert len({one for one, _ in repeats}) == 20
        assert all(index - places[one] > REPEAT_GAP for one, index in repeats)
    firsts = Counter(block_of[in_blocks(form_order(ids, seed), block_of, seed)[0]] for seed in range(400))
    assert 150 < firsts["a"] < 250
    with pytest.raises(ValueError, match="can be repeated"):
        with_repeats(list(range(8)), 8, 0, dict.fromkeys(range(8), ""))


def test_no_break_is_offered_just_before_the_end(rich, reading):
    progress = progress_of(reading)
    assert [position for position in range(1, 28) if progress.is_break_due(position)] == [12, 20]
    shorter = replace(progress, trials=progress.trials[:22])
    assert [position for position in range(1, 23) if shorter.is_break_due(position)] == [12]


def test_no_number_that_readers_are_told_gives_the_repeats_away(client, rich):
    page = client.get(rich.get_absolute_url()).content.decode()
    assert "23 images: " in page
    assert "20 images" not in page


def test_the_share_is_told_only_where_the_design_says_so(client, rich, study):
    assert "Half of them are real" in client.get(rich.get_absolute_url()).content.decode()
    assert "Some are real" in client.get(study.get_absolute_url()).content.decode()


def test_readers_who_see_a_part_see_every_image_about_equally_often(run):
    call_command("create_study", "Part", run=[str(run.pk)], real=5, generated=5, images_per_reader=7, repeats=2)
    call_command("open_study", "part")
    study = Study.objects.get(slug="part")
    shown = Counter(dict.fromkeys(study.stimuli.all(), 0))
    for number in range(9):
        reading = start_reading(study, make_reader(f"p{number}@test.example"))
        own = [trial.stimulus for trial in reading.trials.filter(phase="test")]
        assert len(set(own)) == len(own) == 7
        assert reading.trials.filter(phase="repeat").count() == 2
        assert max(Counter((one.truth, one.diagnosis) for one in own).values()) <= 2
        shown.update(own)
        for truth in ("real", "generated"):
            for diagnosis in study.diagnoses:
                counts = [n for one, n in shown.items() if (one.truth, one.diagnosis) == (truth, diagnosis)]
                assert max(counts) - min(counts) <= 1
    call_command("create_study", "More", run=[str(run.pk)], real=5, generated=5, images_per_reader=21)
    with pytest.raises(CommandError, match="21 are wanted, but the study shows only 20"):
        call_command("open_study", "more")


def test_a_subset_follows_from_the_seed_and_gives_each_stratum_its_share():
    stimuli = {number: "a" if number < 30 else "b" for number in range(40)}
    chosen = balanced_subset(stimuli, {}, 8, seed=5)
    assert chosen == balanced_subset(dict(reversed(stimuli.items())), {}, 8, seed=5)
    assert Counter(stimuli[one] for one in chosen) == {"a": 6, "b": 2}
    assert set(chosen) != set(balanced_subset(stimuli, {}, 8, seed=6))
    often = dict.fromkeys(range(5, 40), 1)
    assert set(range(5)) < set(balanced_subset(stimuli, often, 8, seed=5))


def test_new_fields_belong_to_the_design_hash_and_old_hashes_stand(rich, study):
    for name, value in (("practice_images", 3), ("repeats", 1), ("break_every", 9), ("tell_share", False)):
        before = design_hash(rich, rich.stimuli.all())
        setattr(rich, name, value)
        assert design_hash(rich, rich.stimuli.all()) != before
    # As it was computed before these fields existed.
    import hashlib
    import json

    from turing.studies.design import FROZEN_FIELDS

    study.break_every = 0
    design = {name: getattr(study, name) for name in FROZEN_FIELDS}
    design["runs"] = sorted(run.pk for run in study.generators.all())
    design["stimuli"] = sorted([str(i.pk), i.sha256, i.truth, i.diagnosis] for i in study.stimuli.all())
    text = json.dumps(design, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert design_hash(study, study.stimuli.all()) == hashlib.sha256(text.encode()).hexdigest()


def test_the_methods_say_what_the_form_held(rich, study, client, researcher):
    client.force_login(researcher)
    methods = client.get(reverse("results", args=["rich"])).context["methods"]
    assert "4 other images came first for practice" in methods
    assert "3 images came a second time" in methods
    assert "in blocks" in methods
    plain = client.get(reverse("results", args=[study.slug])).context["methods"]
    assert "practice" not in plain
    assert "second time" not in plain


def test_too_many_repeats_or_practice_images_are_named(run):
    options = {"run": [str(run.pk)], "real": 5, "generated": 5}
    call_command("create_study", "Repeats", repeats=11, **options)
    with pytest.raises(CommandError, match="at most half"):
        call_command("open_study", "repeats")
    call_command("create_study", "Practice", practice_images=20, **options)
    with pytest.raises(CommandError, match="10 generated images are wanted, but only 8 are there"):
        call_command("open_study", "practice")


def test_simulated_readers_and_other_orders_take_the_whole_form(rich, reading):
    call_command("simulate_readers", "rich", readers=2)
    assert Trial.objects.answered().count() == 2 * 27
    other = start_reading(rich, make_reader("second@test.example"))
    test = [list(one.trials.values_list("stimulus", flat=True)) for one in (reading, other)]
    assert test[0] != test[1]
