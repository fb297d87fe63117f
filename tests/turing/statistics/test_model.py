"""The model recovers simulated values, shrinks and ranks, and says why it cannot be fitted."""

import json

import numpy as np
import pytest
from scipy import sparse

from turing.results.supporting import model_sentence
from turing.results.tables import TABLES
from turing.statistics.analysis import analyse
from turing.statistics.laplace import Probit
from turing.statistics.model import MOST_UNKNOWNS, reader_image_model
from turing.statistics.responses import Responses


def study(readers=20, images=60, sensitivity=0.8, criterion=-0.2, sd=(0.5, 0.4, 0.5), seed=0, **more):
    """Every second image is generated. Also returns the images' own evidence."""
    rng = np.random.default_rng(seed)
    reader, image = (axis.ravel() for axis in np.indices((readers, images)))
    side = np.where(image % 2 == 0, 0.5, -0.5)
    own = rng.normal(0, sd[2], images)
    evidence = side * rng.normal(sensitivity, sd[0], readers)[reader] - rng.normal(criterion, sd[1], readers)[reader]
    says_generated = rng.normal(size=len(reader)) < evidence + own[image]
    names = np.char.zfill(image.astype(str), 3)
    return Responses.from_labels(reader, names, image % 2 == 1, ~says_generated, **more), own


def test_it_finds_sensitivity_criterion_and_spreads():
    found = reader_image_model(study(readers=60, images=120)[0])
    assert found["reason"] is None
    assert found["sensitivity"]["ci95"][0] < 0.8 < found["sensitivity"]["ci95"][1]
    assert found["criterion"]["ci95"][0] < -0.2 < found["criterion"]["ci95"][1]
    assert list(found["sd"].values()) == pytest.approx([0.5, 0.4, 0.5], abs=0.12)
    json.dumps(found, allow_nan=False)


def test_the_rate_it_implies_lies_beside_the_headline():
    rows, _ = study()
    implied = reader_image_model(rows)["fooling_rate"]
    assert implied["estimate"] == pytest.approx(rows.judged_real[~rows.is_real].mean(), abs=0.02)
    assert implied["ci95"][0] < implied["estimate"] < implied["ci95"][1]


def test_estimates_are_shrunk_and_images_ranked_with_intervals():
    rows, own = study(readers=12)
    found = reader_image_model(rows)
    made = [row for row in found["by_image"] if row["truth"] == "generated"]
    observed = np.array([rows.judged_real[rows.image == index].mean() for index in range(0, 60, 2)])
    shrunk = np.array([row["judged_real"] for row in made])
    assert np.ptp(shrunk) < np.ptp(observed)
    assert np.corrcoef(shrunk, observed)[0, 1] > 0.95
    assert sorted(row["rank"] for row in made) == list(range(1, 31))
    true_rank = own[::2].argsort().argsort() + 1
    inside = [low <= rank <= high for rank, (low, high) in zip(true_rank, (row["rank95"] for row in made), strict=True)]
    assert np.mean(inside) > 0.8
    assert all(row["rank"] is None for row in found["by_image"] if row["truth"] == "real")
    assert len(found["by_reader"]) == 12


def test_diagnoses_and_generators_have_sensitivities_of_their_own():
    rows, _ = study(images=80)
    number = np.array([int(name) for name in rows.image_names])[rows.image]
    diagnosis = np.where(number < 40, "a", "b")
    easier = (number % 4 == 0) & (np.random.default_rng(1).random(len(rows)) < 0.9)
    labels = (rows.reader, number, rows.is_real, rows.judged_real & ~easier)
    run = np.where(rows.is_real, "", np.where(number % 4 == 0, "1", "2"))
    found = reader_image_model(Responses.from_labels(*labels, diagnosis=diagnosis, factors={"run": run}))
    assert set(found["by_diagnosis"]) == {"a", "b"}
    one, two = (found["by_generator"][name]["sensitivity"] for name in "12")
    assert one["ci95"][0] > two["ci95"][1]
    mean = np.mean([value["sensitivity"]["estimate"] for value in found["by_diagnosis"].values()])
    assert mean == pytest.approx(found["sensitivity"]["estimate"])
    # Each diagnosis with a generator of its own: the two cannot be told apart, and diagnoses come first.
    alone = Responses.from_labels(*labels, diagnosis=diagnosis, factors={"run": np.where(rows.is_real, "", diagnosis)})
    assert reader_image_model(alone)["by_generator"] is None


def test_the_gradient_is_that_of_the_likelihood():
    rows, _ = study(readers=8, images=20)
    n = len(rows)
    side = np.where(rows.is_real, -0.5, 0.5)
    of = [
        sparse.csr_matrix((value, (np.arange(n), code)))
        for value, code in ((side, rows.reader), (np.ones(n), rows.image))
    ]
    whole = sparse.csr_matrix(np.column_stack([np.ones(n), side]))
    model = Probit(sparse.hstack([whole, *of]).tocsr(), ~rows.judged_real, 2, [8, 20])
    at = np.log([0.3, 0.7])
    gradient = model._evaluate(at)[1]
    for index, step in enumerate(1e-5 * np.eye(2)):
        slope = (model._evaluate(at + step)[0] - model._evaluate(at - step)[0]) / 2e-5
        assert gradient[index] == pytest.approx(slope, rel=1e-5)


def test_images_with_the_same_answers_are_ranked_alike_in_any_order_of_the_rows():
    """Their evidence differs by rounding alone, and an archive's script must find the same ranks elsewhere."""
    rows, _ = study(readers=6, images=60)

    def ranks(some):
        return {row["image"]: row["rank"] for row in reader_image_model(some)["by_image"]}

    for seed in range(5):
        assert ranks(rows.where(np.random.default_rng(seed).permutation(len(rows)))) == ranks(rows)


def test_where_it_cannot_be_fitted_it_says_why():
    few, _ = study(readers=3)
    assert "5 readers" in reader_image_model(few)["reason"]
    rows, _ = study(readers=6, images=MOST_UNKNOWNS)
    assert "too large" in reader_image_model(rows)["reason"]
    perfect = Responses.from_labels(rows.reader, rows.image, rows.is_real, rows.is_real).where(rows.image < 40)
    found = reader_image_model(perfect)
    assert found["reason"]
    assert found["sensitivity"] is None
    alike = Responses.from_labels(rows.reader, rows.image, rows.is_real, np.ones(len(rows))).where(rows.image < 40)
    assert reader_image_model(alike)["reason"] == "every answer was the same"


def test_the_page_says_it_in_a_sentence_and_tables():
    analysis = analyse(study()[0])
    assert "beside" in model_sentence(analysis)
    images = list(TABLES["model_images"].rows(analysis, None))
    assert [row["rank"] for row in images[:30]] == list(range(1, 31))
    assert len(list(TABLES["model_readers"].rows(analysis, None))) == 20
    few = analyse(study(readers=3)[0])
    assert model_sentence(few).startswith("Not fitted: 5 readers")
    assert list(TABLES["model"].rows(few, None)) == []
