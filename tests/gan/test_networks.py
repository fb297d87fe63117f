"""The networks are the paper's, and the fused upsampling equals what it replaces."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gan.networks.dcgan import Discriminator, Generator, build
from gan.networks.layers import SamePadConv2d, UpsampledConv2d
from gan.networks.summary import layer_table

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
