"""Generated images are compared with real ones as groups: by features of whole images, and once more enlarged."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from gan.networks.augmentation import translate, turn_each
from gan.networks.features import LiteFeatures
from gan.networks.matching import energy_distance, layout, mean_distance, pooled_statistics
from gan.networks.projected import (
    STRETCH,
    ProjectedFeatures,
    every_second_stretch,
)
from gan.training.projected import MATCHING_WEIGHT, ProjectedTrainer
from gan.training.settings import Settings


def test_the_energy_distance_is_that_of_the_definition_and_zero_between_alike():
    rng = torch.Generator().manual_seed(1)
    real = [torch.randn(40, 5, generator=rng) + 3 * kind for kind in range(2)]
    scale = torch.stack([mean_distance(one) for one in real])
    kind = torch.arange(12) % 2
    generated = torch.randn(12, 5, generator=rng, requires_grad=True)
    together, real_kind = torch.cat(real), torch.arange(2).repeat_interleave(40)
    found = energy_distance(generated, kind, together, real_kind, kind, scale)
    expected = []
    for index in range(2):
        own = generated.detach()[index::2]
        across = torch.stack([(a - b).norm() for a in own for b in real[index]]).mean()
        within = torch.stack([(a - b).norm() for i, a in enumerate(own) for j, b in enumerate(own) if i != j]).mean()
        expected.append((2 * across - within) / scale[index])
    assert found.item() == pytest.approx(torch.stack(expected).mean().item() - 1, abs=1e-5)
    (gradient,) = torch.autograd.grad(found, generated)
    assert gradient.isfinite().all()
    # One lesion over and over is farther than many, wherever it lies among the real ones.
    many = [
        energy_distance(real[0][torch.randperm(40, generator=rng)[:12]], kind * 0, together, real_kind, kind * 0, scale)
        for _ in range(50)
    ]
    assert torch.stack(many).mean().item() == pytest.approx(0, abs=0.05)
    alike = real[0][:1].repeat(12, 1)
    assert energy_distance(alike, kind * 0, together, real_kind, kind * 0, scale) > 0.3


def test_repulsion_spreads_generated_images_by_the_factor_that_normal_distributions_have():
    rng = torch.Generator().manual_seed(1)
    real, base = (torch.randn(1500, 3, generator=rng) for _ in range(2))
    kind, scale = torch.zeros(1500, dtype=torch.long), mean_distance(real)[None]

    def slope(factor: float, repulsion: float) -> float:
        spread = torch.tensor(factor, requires_grad=True)
        found = energy_distance(spread * base, kind, real, kind, kind, scale, repulsion)
        return torch.autograd.grad(found, spread)[0].item()

    for repulsion in (1.0, 1.06, 1.2):
        best = repulsion / (2 - repulsion**2) ** 0.5
        assert slope(best, repulsion) == pytest.approx(0, abs=0.02)
        assert slope(0.8 * best, repulsion) < -0.04
        assert slope(1.2 * best, repulsion) > 0.03


def test_the_energy_distance_keeps_its_digits_far_from_the_origin():
    """Products in float32 of features far from the origin would lose most digits. The reference is in float64."""
    rng = torch.Generator().manual_seed(1)
    real = [100 + torch.randn(40 + 10 * kind, 6, generator=rng) + kind for kind in range(2)]
    scale = torch.stack([mean_distance(one) for one in real])
    kind, group = torch.arange(12) % 2, torch.arange(12) % 2 + 2 * (torch.arange(12) // 6)
    generated = (100 + torch.randn(12, 6, generator=rng)).requires_grad_()
    exact = torch.zeros((), dtype=torch.float64)
    for image in range(12):
        own = generated[image].double()
        fellows = [j for j in range(12) if group[j] == group[image] and j != image]
        across = (own - real[kind[image]].double()).norm(dim=1).mean()
        within = (own - generated[fellows].double()).norm(dim=1).mean()
        exact = exact + (2 * across - within) / scale[kind[image]].double() / 12
    found = energy_distance(generated, group, torch.cat(real), torch.tensor([0] * 40 + [1] * 50), kind, scale)
    torch.testing.assert_close(found.double(), exact - 1, rtol=1e-4, atol=1e-4)
    gradients = [torch.autograd.grad(one, generated)[0] for one in (found, exact)]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)


def test_pooled_statistics_are_mean_and_deviation_of_each_channel():
    x = torch.randn(2, 3, 4, 5)
    expected = torch.cat([x.mean((2, 3)), (x.var((2, 3), correction=0) + 1e-6).sqrt()], 1)
    torch.testing.assert_close(pooled_statistics(x), expected)


def test_pooled_statistics_of_a_flat_map_have_a_gradient():
    x = torch.ones(2, 3, 4, 4, requires_grad=True)
    pooled_statistics(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_the_layout_is_the_mean_of_each_channel_in_each_of_16_fields():
    x = torch.arange(2 * 3 * 8 * 8.0).view(2, 3, 8, 8)
    fields = layout(x).view(2, 3, 4, 4)
    torch.testing.assert_close(fields[1, 2, 0, 3], x[1, 2, :2, 6:].mean())
    torch.testing.assert_close(fields.mean((2, 3)), x.mean((2, 3)))


@pytest.mark.parametrize("size", [64, 128, 256])
def test_images_are_compared_by_four_statistics_and_two_layouts(size):
    with torch.no_grad():
        pooled = ProjectedFeatures(0)(torch.rand(2, 3, size, size)).pooled
    # Mean and deviation at strides 4, 8 and 16, the last layer, 16 fields at strides 8 and 16.
    lengths = [2 * 24, 2 * 40, 2 * 112, 1280, 16 * 40, 16 * 112]
    assert [one.shape[1] for one in pooled] == lengths
    images = [torch.randint(0, 256, (3, 3, size, size), dtype=torch.uint8)]
    for with_layout, count in ((True, 6), (False, 4)):
        settings = Settings(model="projected", size=size, batch_size=4, precision="float32", layout=with_layout)
        compared = ProjectedTrainer(images, settings, torch.device("cpu"))._real_features
        assert [one.features.shape[1] for one in compared] == lengths[:count]


def test_the_generators_loss_contains_the_repulsion_of_the_settings(settings_and_images):
    settings, images = settings_and_images
    losses = []
    for repulsion in (1.0, 1.06, 1.12):
        trainer = ProjectedTrainer(images, replace(settings, repulsion=repulsion), torch.device("cpu"))
        losses.append(trainer.gradients(trainer.draw(0)).generator_loss.item())
    # The loss is a straight line in it, and falls, because distances count as negative.
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=0.01)
    assert losses[1] < losses[0] - 0.01


@pytest.mark.parametrize(("processes", "each"), [(2, 2), (4, 1), (2, 1), (3, 1), (1, 3), (3, 3)])
def test_the_same_images_are_compared_twice_however_many_processes_share_the_batch(processes, each):
    batch = each * STRETCH
    values = torch.randn(processes * batch, dtype=torch.float64)
    whole, weight = every_second_stretch(len(values))
    assert weight == 1
    assert whole[:STRETCH] == list(range(STRETCH))
    found, sums = [], []
    for rank in range(processes):
        places, weight = every_second_stretch(batch, rank, processes)
        found += [rank * batch + place for place in places]
        sums.append(weight * values[rank * batch :][places].mean() if places else 0.0)
    assert found == whole
    assert sum(sums) / processes == pytest.approx(values[whole].mean().item())


def test_half_of_a_batch_of_32_is_compared_twice_and_all_of_a_small_one():
    counts = [len(every_second_stretch(batch)[0]) for batch in (4, 16, 17, 24, 32, 48, 64)]
    assert counts == [4, 16, 17, 12, 16, 32, 32]


def test_the_generators_loss_compares_a_part_of_the_images_once_more_enlarged(settings_and_images):
    settings, images = settings_and_images
    settings = replace(settings, batch_size=24)
    once = ProjectedTrainer(images, replace(settings, enlarged=False), torch.device("cpu"))
    twice = ProjectedTrainer(images, settings, torch.device("cpu"))
    drawn = twice.draw(0)
    assert drawn.keys() == once.draw(0).keys()
    with torch.no_grad():
        some = translate(twice._generate(drawn["z"], drawn["labels"])[:12], drawn["generated_shift"])
        enlarged = F.interpolate(some, scale_factor=1.75, mode="bilinear")
        network = LiteFeatures(0)
        own = network(enlarged)
        found = [pooled_statistics(one) for one in own[:3]] + [network.pool(own[3])] + [layout(one) for one in own[1:3]]
        labels, expected = drawn["labels"][:12], 0.0
        for pooled, real in zip(found, twice._enlarged_real_features, strict=True):
            expected += energy_distance(pooled, labels, real.features, real.kind, labels, real.scale, 1.06)
    losses = [one.gradients(drawn).generator_loss.item() for one in (once, twice)]
    assert losses[1] - losses[0] == pytest.approx(MATCHING_WEIGHT * float(expected), rel=1e-3)
    assert expected > 1  # images of a generator that has learnt nothing are far from real ones


def test_stored_features_of_enlarged_images_are_those_of_the_real_images(settings_and_images):
    settings, images = settings_and_images
    trainer = ProjectedTrainer(images, settings, torch.device("cpu"))
    stored = trainer._enlarged_real_features[3]
    # Each of the first images of the diagnosis, turned and shifted in any way, at 112 pixels.
    one = torch.cat([turn_each(images[1], torch.full((len(images[1]),), turn)) for turn in range(8)])
    with torch.no_grad():
        seen = LiteFeatures(0).pooled(F.interpolate(one / 127.5 - 1, size=(112, 112), mode="bilinear"))
        small = LiteFeatures(0).pooled(one / 127.5 - 1)
    own = stored.features[stored.kind == 1]
    assert torch.cdist(own, seen).min(1).values.mean() < 0.7 * torch.cdist(own, small).min(1).values.mean()


def test_large_images_are_not_enlarged():
    images = [torch.zeros((3, 3, 256, 256), dtype=torch.uint8)]
    sides = []
    for size in (64, 128, 256):
        settings = Settings(model="projected", size=size, batch_size=4, precision="float32")
        sides.append(
            ProjectedTrainer([one[..., :size, :size] for one in images], settings, torch.device("cpu")).enlarged
        )
    assert sides == [112, 224, None]
