"""The sentences about results say only what the figures allow."""

import pytest

from turing.results.methods import equivalence_sentence


def analysis_of(equivalent, interval, p_value=0.01):
    test = {"margin": 0.1, "p_value": p_value, "equivalent": equivalent}
    accuracy = {"estimate": sum(interval) / 2, "ci95": list(interval)}
    return {"asks_judgement": True, "equivalence": test, "accuracy": accuracy}


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


def test_no_test_and_tiny_p_values_are_put_in_words():
    assert "could not be tested" in equivalence_sentence(
        {"asks_judgement": True, "equivalence": None, "accuracy": {"ci95": None}}
    )
    assert "p < 0.001" in equivalence_sentence(analysis_of(True, (0.47, 0.52), 1e-9))
