"""The networks equal the paper's, and the fused upsampling equals the layers that it replaces."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gan.networks.cells import last_block
from gan.networks.dcgan import SIZES, Discriminator, Generator, build
from gan.networks.layers import KerasBatchNorm2d, LeakyDropout, SamePadConv2d, UpsampledConv2d
from gan.networks.summary import layer_table
from gan.training.dcgan import DCGANTrainer
from gan.training.settings import Settings

BLOCK = ["up_sampling2d", "conv2d", "batch_normalization", "activation"]
TABLE_1 = [
    (4096, 413_696), (4096, 0),
    (16384, 0), (16384, 590_080), (16384, 1_024), (16384, 0),
    (65536, 0), (65536, 590_080), (65536, 1_024), (65536, 0),
    (262144, 0), (131072, 295_040), (131072, 512), (131072, 0),
    (2097152, 0), (2097152, 147_584), (2097152, 512), (2097152, 0),
    (49152, 3_459), (49152, 0),
]  # fmt: skip
TABLE_2 = [
    ("conv2d", (64, 64, 32), 896),
    ("conv2d", (32, 32, 64), 18_496),
    ("zero_padding2d", (33, 33, 64), 0),
    ("batch_normalization", (33, 33, 64), 256),
    ("conv2d", (17, 17, 128), 73_856),
    ("batch_normalization", (17, 17, 128), 512),
    ("conv2d", (17, 17, 256), 295_168),
    ("batch_normalization", (17, 17, 256), 1_024),
    ("conv2d", (17, 17, 512), 1_180_160),
    ("batch_normalization", (17, 17, 512), 2_048),
    ("flatten", (147_968,), 0),
    ("dense", (1,), 147_969),
]


def test_the_generator_is_table_1_row_by_row():
    rows = layer_table(Generator())
    assert [row.layer for row in rows] == ["dense", "reshape", *BLOCK * 4, "conv2d", "activation"]
    sizes = [(torch.Size(row.output).numel(), row.parameters) for row in rows]
    assert sizes == TABLE_1
    assert rows[-1].output == (128, 128, 3)
    assert sum(row.parameters for row in rows) == 2_043_011


def test_the_discriminator_is_table_2_row_by_row():
    rows = layer_table(Discriminator())
    parametric = [
        (row.layer, row.output, row.parameters) for row in rows if row.layer not in ("leaky_re_lu", "dropout")
    ]
    assert parametric == TABLE_2
    assert [row.layer for row in rows].count("dropout") == 5
    assert sum(row.parameters for row in rows) == 1_720_385


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_fused_upsampling_equals_upsample_then_convolve_with_gradients(factor):
    torch.manual_seed(0)
    layer = UpsampledConv2d(5, 3, factor).double()
    x = torch.randn(2, 5, 4, 6, dtype=torch.float64, requires_grad=True)
    plain = F.conv2d(F.interpolate(x, scale_factor=factor), layer.weight, layer.bias, padding=1)
    fused = layer(x)
    torch.testing.assert_close(fused, plain, rtol=1e-12, atol=1e-12)
    leaves = (x, layer.weight, layer.bias)
    pull = torch.randn_like(plain)
    for ours, theirs in zip(
        torch.autograd.grad(fused, leaves, pull), torch.autograd.grad(plain, leaves, pull), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("factor", [3, 4, 8])
@pytest.mark.parametrize("training", [True, False])
def test_the_last_block_on_distinct_values_equals_layer_after_layer(factor, training):
    torch.manual_seed(0)
    layers = nn.Sequential(
        UpsampledConv2d(5, 4, factor), KerasBatchNorm2d(4), nn.LeakyReLU(0.2), nn.Conv2d(4, 2, 3, padding=1)
    ).double()
    norm = layers[1]
    with torch.no_grad():
        for values in (norm.weight, norm.bias, norm.running_mean):
            values.normal_()
        layers[0].bias.normal_()
    layers.train(training)
    ours = copy.deepcopy(layers)
    x = torch.randn(3, 5, 4, 6, dtype=torch.float64, requires_grad=True)
    expected, found = layers(x), last_block(x, *ours)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(ours.state_dict(), layers.state_dict(), rtol=1e-11, atol=1e-11)
    pull = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, (x, *ours.parameters()), pull),
        torch.autograd.grad(expected, (x, *layers.parameters()), pull),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", SIZES)
def test_the_generator_is_its_layers_one_after_another(size):
    generator, _ = build(size, "relu", 0)
    z = torch.randn(2, 100)
    torch.testing.assert_close(generator.eval()(z), nn.Sequential(*generator)(z), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("side", "padding"), [(128, (0, 1, 0, 1)), (33, (1, 1, 1, 1))])
def test_same_padding_is_keras(side, padding):
    layer = SamePadConv2d(3, 2)
    x = torch.randn(1, 3, side, side)
    expected = F.conv2d(F.pad(x, padding), layer.weight, layer.bias, stride=2)
    torch.testing.assert_close(layer(x), expected)


def test_flattening_is_channels_last():
    _, discriminator = build(64, "relu", 0)
    flatten = next(layer for layer in discriminator if type(layer).__name__ == "ChannelsLastFlatten")
    x = torch.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2)
    assert flatten(x)[0].tolist() == [x[0, c, h, w].item() for h in range(2) for w in range(2) for c in range(3)]


def test_weights_are_glorot_uniform_and_biases_zero():
    generator, _ = build(128, "relu", 3)
    dense = generator[0]
    limit = (6 / (100 + 4096)) ** 0.5
    assert 0.98 * limit < dense.weight.abs().max().item() <= limit
    assert all((layer.bias == 0).all() for layer in generator if isinstance(layer, nn.Linear | nn.Conv2d))


def test_leaky_dropout_is_leaky_relu_then_dropout_of_a_quarter():
    torch.manual_seed(0)
    layer = LeakyDropout()
    x = torch.randn(8, 16, 32, 32).contiguous(memory_format=torch.channels_last).requires_grad_()
    torch.manual_seed(1)
    y = layer(x)
    kept = y != 0
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.005)
    torch.testing.assert_close(y, F.leaky_relu(x, 0.2) * kept / 0.75)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, torch.where(x > 0, 1.0, 0.2) * kept / 0.75)
    # No two neighbours, rows, channels or images drop together.
    drops = (~kept).float() - 0.25
    for shift in ((1, 0), (1, 1), (1, 2), (1, 3), (8, 1)):
        assert abs((drops * drops.roll(*shift)).mean().item()) < 0.005
    torch.manual_seed(1)
    assert torch.equal(layer(x), y)
    torch.testing.assert_close(layer.eval()(x), F.leaky_relu(x, 0.2))


def plain_gradients(generator, discriminator, images, z):
    """A plain step in float64, as in PyTorch's own tutorial: upsample, convolve, `backward`."""
    layers = []
    for layer in generator:
        if isinstance(layer, UpsampledConv2d):
            convolution = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1)
            convolution.weight, convolution.bias = layer.weight, layer.bias
            layers += [nn.Upsample(scale_factor=layer.factor), convolution]
        else:
            layers.append(layer)
    fake = nn.Sequential(*layers)(z)
    loss = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(len(z), 1, dtype=z.dtype), torch.zeros(len(z), 1, dtype=z.dtype)
    discriminator_loss = loss(discriminator(images), ones) + loss(discriminator(fake.detach()), zeros)
    discriminator_gradients = torch.autograd.grad(discriminator_loss, list(discriminator.parameters()))
    generator_loss = loss(discriminator(fake), ones)
    generator_gradients = torch.autograd.grad(generator_loss, list(generator.parameters()))
    return generator_loss, discriminator_loss, generator_gradients, discriminator_gradients


@pytest.mark.parametrize("size", [64, 128])
def test_a_training_step_has_the_gradients_of_a_plain_one(monkeypatch, size):
    monkeypatch.setattr(LeakyDropout, "_kept", lambda self, x: torch.ones_like(x))
    images = torch.randint(0, 256, (6, 3, size, size), dtype=torch.uint8)
    trainer = DCGANTrainer([images], Settings(size=size, batch_size=4, precision="float32"), torch.device("cpu"))
    trainer.generator.double(), trainer.discriminator.double()
    monkeypatch.setattr("gan.training.dcgan.to_unit_range", lambda batch: batch.double() / 127.5 - 1)
    monkeypatch.setattr("gan.training.dcgan.cross_entropy", float64_cross_entropy)
    z = trainer.latents(0).double()
    monkeypatch.setattr(trainer, "latents", lambda step: z)
    seen = {}
    monkeypatch.setattr(trainer, "apply", lambda adam, weights, gradients: seen.update({id(adam): gradients}))
    plain = plain_gradients(
        copy.deepcopy(trainer.generator),
        copy.deepcopy(trainer.discriminator),
        trainer.images[0][trainer.image_indices(0, 4, 0)].double() / 127.5 - 1,
        z,
    )
    losses = trainer.train_step()
    assert losses.generator == pytest.approx(plain[0].item(), rel=1e-6)
    assert losses.discriminator == pytest.approx(plain[1].item(), rel=1e-6)
    for adam, expected in ((trainer.generator_adam, plain[2]), (trainer.discriminator_adam, plain[3])):
        for ours, theirs in zip(seen[id(adam)], expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


def float64_cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
