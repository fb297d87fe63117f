"""The sentences about results say only what the figures allow, and the methods paragraph cites what it lists."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import call_command

from turing.reading.passage import record_response, start_reading
from turing.results.counting import PEOPLE, SIMULATED, flow_of
from turing.results.methods import equivalence_sentence, methods_and_references
from turing.results.phrases import one_size
from turing.results.references import REFERENCES, numbered
from turing.results.study_analysis import analyse_study
from turing.statistics.mrmc import mrmc_rate


def analysis_of(equivalent, interval, p_value=0.01, readers=12, warnings=()):
    test = {"margin": 0.1, "p_value": p_value, "equivalent": equivalent}
    accuracy = {"estimate": sum(interval) / 2, "ci95": list(interval)}
    counts = {"readers": readers}
    return {"asks_judgement": True, "equivalence": test, "accuracy": accuracy, "counts": counts, "warnings": warnings}


@pytest.mark.parametrize(
    ("equivalent", "interval", "said", "unsaid"),
    [
        (True, (0.47, 0.52), "Readers could not tell the images apart: accuracy between 40.0% and 60.0%", "better"),
        (True, (0.53, 0.57), "close to guessing", "could not tell"),
        (True, (0.53, 0.57), "Within it they told the images apart better than by guessing", "not shown"),
        (False, (0.45, 0.62), "It is not shown that readers cannot tell", "better"),
        (False, (0.62, 0.70), "They told them apart better than by guessing: accuracy 66.0%", "Readers could not"),
        (False, (0.30, 0.40), "worse than by guessing", "better"),
    ],
)
def test_close_to_chance_and_different_from_it_are_both_said(equivalent, interval, said, unsaid):
    sentence = equivalence_sentence(analysis_of(equivalent, interval))
    assert said in sentence
    assert unsaid not in sentence


# Every reader is right for half of the images, and every image is judged rightly by half of the readers.
READER, IMAGE = (codes.ravel() for codes in np.indices((6, 6)))
(STANDS_IN,) = mrmc_rate(READER, IMAGE, (READER + IMAGE) % 2).warnings


@pytest.mark.parametrize(
    ("equivalent", "interval", "claims"),
    [(True, (0.47, 0.52), True), (True, (0.53, 0.57), True), (False, (0.62, 0.7), True), (False, (0.4, 0.62), False)],
)
def test_a_claim_that_may_be_too_strong_says_so_in_the_same_breath(equivalent, interval, claims):
    few = equivalence_sentence(analysis_of(equivalent, interval, readers=2))
    assert ("This rests on 2 readers: the test was not validated with so few" in few) == claims
    narrow = equivalence_sentence(analysis_of(equivalent, interval, warnings=[f"accuracy: {STANDS_IN}"]))
    assert ("the interval may be too narrow" in narrow) == claims
    other = equivalence_sentence(analysis_of(equivalent, interval, readers=5, warnings=[f"fooling_rate: {STANDS_IN}"]))
    assert other == equivalence_sentence(analysis_of(equivalent, interval))


def test_the_analysis_of_four_readers_is_doubted(study):
    call_command("simulate_readers", study.slug, readers=4, dprime=3, seed=3)
    sentence = equivalence_sentence(analyse_study(study, SIMULATED))
    assert "better than by guessing" in sentence
    assert "This rests on 4 readers: the test was not validated with so few, and may claim too much." in sentence


def test_a_claim_about_pairs_says_what_speaks_against_it_too():
    of_images = analysis_of(True, (0.47, 0.52), readers=2)
    found = {"equivalence": of_images["equivalence"], "proportion_correct": of_images["accuracy"]}
    assert equivalence_sentence(of_images | {"forced_choice": found}) == equivalence_sentence(of_images)
    narrow = of_images | {"forced_choice": found, "warnings": [f"forced_choice, proportion_correct: {STANDS_IN}"]}
    assert "the interval may be too narrow" in equivalence_sentence(narrow)


def test_no_test_and_tiny_p_values_are_put_in_words():
    assert "could not be tested" in equivalence_sentence(
        {"asks_judgement": True, "equivalence": None, "accuracy": {"ci95": None}}
    )
    assert "p < 0.001" in equivalence_sentence(analysis_of(True, (0.47, 0.52), 1e-9))


def test_citations_are_numbered_in_the_order_in_which_they_come():
    text = (
        "Two [@zou2008]. Four, one of them again [@gallas2006,@gallas2007,@zou2008,@hillis2007]. Again [@hillis2007]. "
        "And two apart [@holm1979,@hillis2007]. A researcher's own words stay: [@nobody2020], [@zou2008,@nobody2020]."
    )
    told, references = numbered(text)
    assert told == (
        "Two [1]. Four, one of them again [1-4]. Again [4]. "
        "And two apart [4,5]. A researcher's own words stay: [@nobody2020], [@zou2008,@nobody2020]."
    )
    assert references == [REFERENCES[key] for key in ("zou2008", "gallas2006", "gallas2007", "hillis2007", "holm1979")]


def test_neighbours_are_joined_only_where_there_are_three():
    keys = list(REFERENCES)
    first = "".join(f"[@{key}]" for key in keys[:6])
    told, _ = numbered(f"{first} then [@{keys[0]},@{keys[1]}] and [@{keys[0]},@{keys[2]},@{keys[3]},@{keys[4]}]")
    assert told.endswith("then [1,2] and [1,3-5]")


def test_the_paragraph_lists_what_it_cites_and_counts_one_reader(study, reader):
    start_reading(study, reader)
    record_response(study.readings.get(), 1, "real", 2, 900)
    paragraph, references = methods_and_references(study, analyse_study(study, PEOPLE), flow_of(study, PEOPLE), PEOPLE)
    assert ", 1 reader (0 complete) judged images" in paragraph
    cited = set()
    for group in re.findall(r"\[([\d,-]+)\]", paragraph):
        for part in group.split(","):
            first, _, last = part.partition("-")
            cited |= set(range(int(first), int(last or first) + 1))
    assert cited == set(range(1, len(references) + 1))
    assert "@" not in paragraph


def test_a_size_on_the_way_is_named_only_if_it_is_another():
    assert one_size(SimpleNamespace(stimulus_size=256, drawn_size=64)) == (
        "brought to 256 x 256 pixels by one procedure (by way of 64 x 64 pixels)"
    )
    assert one_size(SimpleNamespace(stimulus_size=64, drawn_size=64)) == "brought to 64 x 64 pixels by one procedure"
