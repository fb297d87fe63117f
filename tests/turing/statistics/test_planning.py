"""Plans hold in simulations, and a pilot's variance components are recovered."""

import numpy as np
import pytest
from scipy import stats

from turing.statistics.planning import Goal, Population, check_by_simulation, expected_width, images_needed, plan


def test_components_are_those_of_the_simulated_responses():
    population = Population(0.6, 0.15, 0.25)
    y = np.stack([population.simulate(40, 40, np.random.default_rng(seed)) for seed in range(300)]).astype(float)
    same_reader = (y[:, :, :20] * y[:, :, 20:]).mean() - 0.36
    same_image = (y[:, :20] * y[:, 20:]).mean() - 0.36
    assert y.mean() == pytest.approx(0.6, abs=0.01)
    assert same_reader == pytest.approx(population.reader, abs=0.006)
    assert same_image == pytest.approx(population.image, abs=0.006)


def test_the_component_is_the_bivariate_normals():
    population = Population(0.7, 0.2, 0.1)
    threshold = stats.norm.ppf(0.7)
    for share, component in ((0.2, population.reader), (0.1, population.image)):
        both = stats.multivariate_normal([0, 0], [[1, share], [share, 1]]).cdf([threshold, threshold])
        assert component == pytest.approx(both - 0.49, abs=1e-5)


def test_a_pilots_components_come_back():
    population = Population(0.4, 0.07, 0.3)
    again = Population.from_components(0.4, population.reader, population.image)
    assert (again.reader_share, again.image_share) == pytest.approx((0.07, 0.3))
    assert Population.from_components(0.4, -0.01, 0.0).reader_share == 0


def test_the_planned_number_is_the_least_that_is_enough():
    population, goal = Population(0.5, 0.06, 0.2), Goal(width=0.15)
    images = images_needed(population, goal, 30)
    assert expected_width(population, 30, images) <= 0.15 < expected_width(population, 30, images - 1)
    assert images_needed(population, goal, 3) is None  # three readers who differ: no number of images helps


def test_simulated_studies_of_the_planned_size_reach_the_goal():
    population = Population(0.5, 0.03, 0.1)
    goal = Goal(margin=0.1, power=0.8)
    (row,) = plan(population, goal, [25])
    found = check_by_simulation(population, goal, 25, row["images"], 300)
    assert found["power"] > 0.73  # 80%, three standard errors
    assert found["coverage"] > 0.91
    assert found["width"] == pytest.approx(row["width"], rel=0.1)


@pytest.mark.parametrize("given", [{}, {"width": 0.1, "margin": 0.1}, {"width": 1.5}, {"margin": 0.1, "power": 1.0}])
def test_a_goal_that_makes_no_sense_is_refused(given):
    with pytest.raises(ValueError, match=r"width|margin|power"):
        Goal(**given)


@pytest.mark.parametrize("given", [(0, 0.1, 0.1), (0.5, -0.1, 0.1), (0.5, 0.5, 0.5)])
def test_a_population_that_cannot_be_is_refused(given):
    with pytest.raises(ValueError, match=r"rate|shares"):
        Population(*given)


@pytest.mark.parametrize("component", [1e-18, 1e-16, 5e-14])
def test_a_variance_that_is_rounding_alone_counts_as_none(component):
    for rate in (0.31, 0.5, 0.63):
        found = Population.from_components(rate, component, 0.02)
        assert found.reader_share == pytest.approx(0, abs=1e-9)
        assert found.image_share > 0
