"""Quality is measured as the papers define it, and the report names the feature network."""

import json

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command
from scipy.linalg import sqrtm

from gan.quality.extractors import inception, lite2
from gan.quality.metrics import compare, density_coverage, fid, kid, precision_recall


@pytest.fixture
def sets():
    random = np.random.default_rng(0)
    return random.normal(0.2, 1, (40, 6)), random.normal(0, 1.2, (30, 6))


def polynomial_mmd(x, y):
    """The unbiased squared MMD, pair by pair."""

    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    def within(z):
        return np.mean([kernel(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j])

    return within(x) + within(y) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_kid_is_the_unbiased_mmd(sets):
    generated, real = sets
    estimate, deviation = kid(generated, real)
    # The mean over subsets differs from the whole by chance alone.
    assert estimate == pytest.approx(polynomial_mmd(generated, real), abs=3 * deviation / np.sqrt(100) + 0.02)
    assert kid(generated, real) == (estimate, deviation)
    same, spread = kid(real[:15], real[15:])
    assert abs(same) < 3 * spread
    assert kid(generated + 2, real)[0] > 10 * estimate


def test_fid_is_the_distance_of_two_gaussians(sets):
    generated, real = sets
    one, other = np.cov(generated.T), np.cov(real.T)
    shift = generated.mean(0) - real.mean(0)
    expected = shift @ shift + np.trace(one + other - 2 * np.real(sqrtm(one @ other)))
    assert fid(generated, real) == pytest.approx(expected, rel=1e-6)


def test_precision_recall_density_and_coverage_count_balls(sets):
    generated, real = sets

    def radius(points, index, k):
        return sorted(np.linalg.norm(points[index] - other) for other in points)[k]

    def inside(point, points, k):
        return [np.linalg.norm(point - points[i]) <= radius(points, i, k) for i in range(len(points))]

    assert precision_recall(generated, real) == (
        pytest.approx(np.mean([any(inside(point, real, 3)) for point in generated])),
        pytest.approx(np.mean([any(inside(point, generated, 3)) for point in real])),
    )
    balls = np.array([inside(point, real, 5) for point in generated])
    assert density_coverage(generated, real) == (
        pytest.approx(balls.sum() / 5 / len(generated)),
        pytest.approx(balls.any(0).mean()),
    )


def test_too_few_images_are_not_compared(sets):
    with pytest.raises(ValueError, match="at least 8 of each"):
        compare(sets[0][:5], sets[1])


def test_features_do_not_depend_on_the_batch():
    images = np.random.default_rng(0).integers(0, 256, (35, 32, 32, 3), np.uint8)
    features = lite2().features(images)
    assert features.shape == (35, 1280)
    np.testing.assert_allclose(lite2().features(images[33:]), features[33:], rtol=1e-4, atol=1e-5)


class Stub(torch.nn.Module):
    """Takes the place of StyleGAN's Inception-v3, with the same call."""

    def forward(self, images: torch.Tensor, return_features: bool) -> torch.Tensor:
        return images.float().mean((2, 3)).repeat(1, 4)


def test_another_feature_network_comes_from_a_file(tmp_path):
    torch.jit.script(Stub()).save(str(tmp_path / "inception.pt"))
    extractor = inception(tmp_path / "inception.pt")
    assert "inception.pt" in extractor.name
    images = np.full((2, 64, 64, 3), 77, np.uint8)
    np.testing.assert_allclose(extractor.features(images), np.full((2, 12), 77.0))
    (tmp_path / "other.pt").write_bytes(b"not a network")
    for name in ("other.pt", "missing.pt"):
        with pytest.raises(Exception, match="not a TorchScript Inception-v3"):
            inception(tmp_path / name)


def test_the_report_names_its_network_and_holds_real_against_real(run, capsys):
    call_command("evaluate_gan", "tiny", count=20, json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["feature_extractor"].startswith("EfficientNet-Lite2")
    # A network after two steps: everything is as bad as it can be, and the floor is not.
    assert report["kid"] > 0.05
    for figures in report["by_diagnosis"].values():
        assert figures["kid"] > 3 * abs(figures["floor"]["kid"])
        assert figures["floor"]["coverage"] > figures["coverage"]
        assert figures["warnings"]
    memory = report["memorisation"]
    assert memory["conclusion"].startswith("No copying detected at these limits")
    assert {"null", "power", "limits", "membership", "authenticity", "data_copying_z"} <= memory.keys()
    assert len(memory["closest"]) == 20
    assert run.evaluations.count() == 2
    run.refresh_from_db()
    assert run.memorisation == memory
    call_command("evaluate_gan", "tiny", count=20)
    assert "real against real" in capsys.readouterr().out


def test_bad_arguments_end_with_one_line(run, tmp_path):
    with pytest.raises(CommandError, match="no generator"):
        call_command("evaluate_gan", "nothing")
    with pytest.raises(CommandError, match="--count"):
        call_command("evaluate_gan", "tiny", count=1)
    with pytest.raises(CommandError, match="no such file"):
        call_command("evaluate_gan", "tiny", inception=tmp_path / "none.pt")
