"""Readers who stop early are compared with those who finish, and every weighting of the headline is right."""

import json

import numpy as np
import pytest

from turing.results.supporting import dropout_sentence
from turing.results.tables import dropout as dropout_rows
from turing.statistics.analysis import analyse
from turing.statistics.dropout import dropout, reader_mean_rate
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses


def study(finished=10, stopped=5, images=40, after=10, rates=(0.6, 0.3), seed=0, given=True):
    """Half of the images are real. Readers who stop have answered `after` of them, in their own order."""
    rng = np.random.default_rng(seed)
    reader, image, judged = [], [], []
    for one in range(finished + stopped):
        seen = rng.permutation(images)[: images if one < finished else after]
        reader += [one] * len(seen)
        image += list(seen)
        judged += list(rng.random(len(seen)) < rates[one >= finished])
    form = [images] * len(reader) if given else None
    return Responses.from_labels(reader, image, np.array(image) % 2 == 0, judged, form=form)


def test_those_who_stop_are_compared_with_those_who_finish():
    rows = study(finished=20, stopped=10, images=80, after=40, rates=(0.8, 0.2))
    found = dropout(rows)
    assert (found["finished"], found["stopped"], found["form"]) == (20, 10, "given")
    assert found["answered_share"] == pytest.approx(0.5)
    generated = rows.where(~rows.is_real)
    early = generated.reader >= 20
    expected = generated.judged_real[early].mean() - generated.judged_real[~early].mean()
    assert found["difference"]["estimate"] == pytest.approx(expected)
    low, high = found["difference"]["ci95"]
    assert low < expected < high < 0
    assert found["difference"]["p_value"] < 0.001
    assert found["sensitivity"]["finished"]["estimate"] == pytest.approx(generated.judged_real[~early].mean())
    json.dumps(found, allow_nan=False)


def test_readers_weighed_alike_is_the_mean_of_readers_means():
    rows = study()
    generated = rows.where(~rows.is_real)
    means = [generated.judged_real[generated.reader == one].mean() for one in range(15)]
    found = dropout(rows)["sensitivity"]["readers_alike"]
    assert found["estimate"] == pytest.approx(np.mean(means))
    assert found["ci95"][0] < np.mean(means) < found["ci95"][1]


def test_of_equal_forms_the_readers_mean_is_the_headline_to_the_last_digit():
    rows = study(stopped=0)
    generated = rows.where(~rows.is_real)
    values = generated.reader, generated.image, generated.judged_real
    alike, headline = reader_mean_rate(*values), mrmc_rate(*values)
    assert alike.estimate == pytest.approx(headline.estimate, rel=1e-12)
    assert alike.variance == pytest.approx(headline.variance, rel=1e-9)
    assert alike.ci95 == pytest.approx(headline.ci95, rel=1e-9)
    assert alike.df == pytest.approx(headline.df, rel=1e-9)


def test_the_variance_of_readers_weighed_alike_equals_the_sum_over_all_pairs():
    rng = np.random.default_rng(7)
    reader, image = np.nonzero(rng.random((9, 12)) < np.linspace(0.3, 1, 9)[:, None])
    score = (rng.random(len(reader)) < 0.4).astype(float)
    weight = 1 / (np.bincount(reader)[reader] * 9)
    off = score - weight @ score
    both = np.outer(weight, weight)
    same_reader, same_image = reader[:, None] == reader, image[:, None] == image

    def mean(kind):
        return (both * np.outer(off, off))[kind].sum() / both[kind].sum()

    m4 = mean(~same_reader & ~same_image)
    spread = reader_mean_rate(reader, image, score).spread
    assert spread.readers == pytest.approx(both[same_reader].sum() * (mean(same_reader & ~same_image) - m4))
    assert spread.images == pytest.approx(both[same_image].sum() * (mean(same_image & ~same_reader) - m4))


def test_lengths_of_forms_are_inferred_only_where_many_answered_as_much():
    found = dropout(study(given=False))
    assert (found["form"], found["stopped"]) == ("inferred", 5)
    rng = np.random.default_rng(1)
    reader, image = np.nonzero(rng.random((12, 60)) < 0.5)
    sparse = Responses.from_labels(reader, image, image % 2 == 0, rng.random(len(reader)) < 0.5)
    found = dropout(sparse)
    assert found["stopped"] is None
    assert "not known" in found["reason"]


@pytest.mark.parametrize(("finished", "stopped"), [(8, 0), (0, 8), (8, 1), (1, 1)])
def test_where_nothing_can_be_compared_it_says_why(finished, stopped):
    found = dropout(study(finished=finished, stopped=stopped))
    assert found["difference"] is None
    assert found["reason"]
    json.dumps(found, allow_nan=False)


def test_the_page_says_it_in_a_sentence_and_a_table():
    analysis = analyse(study())
    sentence = dropout_sentence(analysis)
    assert sentence.startswith("5 of 15 readers had not finished. They had answered 25.0% of their images on average.")
    assert "Without them the fooling rate is" in sentence
    rows = list(dropout_rows(analysis, None))
    assert [row["readers"] for row in rows] == [10, 5, None, 15, 15]
    whole = analyse(study(stopped=0))
    assert dropout_sentence(whole) == ""
    assert list(dropout_rows(whole, None)) == []
