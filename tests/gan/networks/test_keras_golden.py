"""The DCGAN equals Keras's, weight for weight: padding, batch normalisation, flatten order included."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gan.networks.dcgan import Discriminator, Generator
from tests.gan.networks.golden.weights import BATCH, EVERY, SEED, draw

GOLDEN = np.load(Path(__file__).parent / "golden/dcgan_keras.npz")


def fill(network: nn.Module, random: np.random.RandomState) -> None:
    """Weights in Keras's order and layout: channels last, kernel before bias, gamma, beta, mean, variance."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data = tensor(draw(random, layer.weight.T.shape, "kernel").T)
            layer.bias.data = tensor(draw(random, layer.bias.shape, "bias"))
        elif isinstance(layer, nn.Conv2d):
            shape = tuple(layer.weight.permute(2, 3, 1, 0).shape)
            layer.weight.data = tensor(draw(random, shape, "kernel").transpose(3, 2, 0, 1))
            layer.bias.data = tensor(draw(random, layer.bias.shape, "bias"))
        elif isinstance(layer, nn.BatchNorm2d):
            for name, weight in (
                ("gamma", layer.weight),
                ("beta", layer.bias),
                ("moving_mean", layer.running_mean),
                ("moving_variance", layer.running_var),
            ):
                weight.data = tensor(draw(random, weight.shape, name))


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    random = np.random.RandomState(SEED)
    found = {}
    generator, discriminator = Generator().double(), Discriminator().double()
    with torch.no_grad():
        fill(generator, random)
        z = tensor(random.standard_normal((BATCH, 100)))
        found["generator"] = generator.eval()(z)
        found["generator_training"] = generator.train()(z)
        norms = [layer for layer in generator if isinstance(layer, nn.BatchNorm2d)]
        found["generator_moving"] = torch.cat([part for one in norms for part in (one.running_mean, one.running_var)])
        fill(discriminator, random)
        images = tensor(random.uniform(-1, 1, (BATCH, 128, 128, 3)).transpose(0, 3, 1, 2))
        found["discriminator"] = discriminator.eval()(images).sigmoid()
    return {
        name: value.permute(0, 2, 3, 1)[:, ::EVERY, ::EVERY].numpy() if value.ndim == 4 else value.numpy()
        for name, value in found.items()
    }


@pytest.mark.parametrize("name", ["generator", "generator_training", "generator_moving", "discriminator"])
def test_it_equals_keras(outputs, name):
    np.testing.assert_allclose(outputs[name], GOLDEN[name], rtol=1e-5, atol=1e-5)
    assert GOLDEN[name].std() > 0.01
