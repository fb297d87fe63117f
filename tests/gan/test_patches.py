"""The judge without a network: sliced Wasserstein distance of patches."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from gan.evaluation import patches
from gan.evaluation.patches import sliced_wasserstein
from gan.phantom import draw_phantom


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.stack([draw_phantom("melanoma", index, 64, 64) for index in range(48)])


def test_along_one_direction_it_is_scipys_distance(monkeypatch):
    monkeypatch.setattr(patches, "PROJECTIONS", 1)
    a, b = torch.randn(500, 12), 1 + 2 * torch.randn(500, 12)
    direction = torch.nn.functional.normalize(torch.randn((12, 1), generator=torch.Generator().manual_seed(3)), dim=0)
    expected = wasserstein_distance((a @ direction)[:, 0].numpy(), (b @ direction)[:, 0].numpy())
    assert patches._distance(a, b, torch.Generator().manual_seed(3)) == pytest.approx(expected, rel=1e-5)


def test_the_levels_of_the_pyramid_add_up_to_the_images(images):
    levels = patches._pyramid(images[:4])
    assert [level.shape[-1] for level in levels] == [64, 32, 16]
    whole = levels[-1]
    for level in reversed(levels[:-1]):
        whole = level + patches._enlarged(whole)
    np.testing.assert_allclose(whole.permute(0, 2, 3, 1).numpy(), images[:4], atol=1e-3)


def test_a_flat_image_stays_flat_when_it_is_enlarged():
    flat = patches._enlarged(torch.full((1, 3, 16, 16), 7.0))
    np.testing.assert_allclose(flat[..., 4:-4, 4:-4].numpy(), 7.0, rtol=1e-6)


def test_each_kind_of_fault_shows_at_its_own_level(images):
    real, others = images[:24], images[24:]
    floor = sliced_wasserstein(others, real)
    noise = np.random.default_rng(0).normal(0, 20, others.shape)
    grainy = sliced_wasserstein(np.clip(others + noise, 0, 255).astype(np.uint8), real)
    darker = sliced_wasserstein((0.8 * others).astype(np.uint8), real)
    assert grainy["64"] > 3 * floor["64"]
    assert grainy["16"] < 1.5 * floor["16"]
    assert darker["16"] > 3 * floor["16"]


def test_the_number_of_generated_images_does_not_matter(images):
    real = images[:12]
    few, many = (sliced_wasserstein(images[12 : 12 + count], real) for count in (12, 36))
    assert few["64"] == pytest.approx(many["64"], rel=0.3)
    assert sliced_wasserstein(images[12:], real) == many, "the same images give the same figures"
