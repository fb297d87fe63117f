"""The seed paper's DCGAN, row for row of its Tables 1 and 2 (Beynek, Bora, Evren, Ugur).

What the paper leaves out is inferred from the public Keras tutorial that its tables match row by row: ReLU in
the generator (also after the dense layer), LeakyReLU slope 0.2, batch-normalisation momentum 0.8 and epsilon
1e-3, Glorot-uniform weights, channels-last flattening. The paper's text says LeakyReLU for the generator too:
`activation="leaky_relu"` offers it.

The last upsampling is by 4 at 128 pixels, with two 3x3 convolutions above it: samples cannot be sharp.
"""

import torch
from torch import Tensor, nn

from gan.networks.cells import SIDE, last_block
from gan.networks.layers import (
    ChannelsLastFlatten,
    ChannelsLastReshape,
    KerasBatchNorm2d,
    LeakyDropout,
    SamePadConv2d,
    UpsampledConv2d,
    glorot_initialise,
)

LATENT_SIZE = 100
SIZES = (64, 128, 256)  # 128 is the paper's; the others change only the last upsampling
ACTIVATIONS = ("relu", "leaky_relu")


def activation_layer(name: str) -> nn.Module:
    """The generator's activation: `relu` (tutorial) or `leaky_relu` (the paper's text)."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r}: choose from {', '.join(ACTIVATIONS)}")
    return nn.ReLU(inplace=True) if name == "relu" else nn.LeakyReLU(0.2, inplace=True)


class Generator(nn.Sequential):
    """Latent (N, 100) ~ N(0, 1) to images (N, 3, size, size) in [-1, 1]. Table 1."""

    def __init__(self, size: int = 128, activation: str = "relu") -> None:
        if size not in SIZES:
            raise ValueError(f"size {size}: choose from {SIZES}")
        super().__init__(
            nn.Linear(LATENT_SIZE, 4 * 4 * 256),
            activation_layer(activation),
            ChannelsLastReshape(4, 4, 256),
            *self._block(256, 256, 2, activation),  # (N, 256, 8, 8)
            *self._block(256, 256, 2, activation),  # (N, 256, 16, 16)
            *self._block(256, 128, 2, activation),  # (N, 128, 32, 32)
            *self._block(128, 128, size // 32, activation),  # (N, 128, size, size)
            nn.Conv2d(128, 3, 3, padding=1),
            nn.Tanh(),
        )
        self.size = size

    def forward(self, z: Tensor) -> Tensor:
        """Apply layer after layer, except the last block, in which most values of the map are equal."""
        *layers, upsampling, norm, activation, last, tanh = self
        x = z
        for layer in layers:
            x = layer(x)
        assert isinstance(upsampling, UpsampledConv2d)
        if upsampling.factor < SIDE:
            return tanh(last(activation(norm(upsampling(x)))))
        assert isinstance(norm, KerasBatchNorm2d)
        assert isinstance(last, nn.Conv2d)
        return tanh(last_block(x, upsampling, norm, activation, last))

    @staticmethod
    def _block(in_channels: int, out_channels: int, factor: int, activation: str) -> list[nn.Module]:
        convolution = UpsampledConv2d(in_channels, out_channels, factor)
        return [convolution, KerasBatchNorm2d(out_channels), activation_layer(activation)]


class Discriminator(nn.Sequential):
    """Images (N, 3, size, size) in [-1, 1] to logits (N, 1); above 0 means real. Table 2 of the paper.

    In the second block, batch normalisation follows the zero padding and includes the padded zeros.
    """

    def __init__(self, size: int = 128) -> None:
        if size not in SIZES:
            raise ValueError(f"size {size}: choose from {SIZES}")
        side = size // 8 + 1  # 17 at 128 pixels
        super().__init__(
            SamePadConv2d(3, 32),
            LeakyDropout(),  # (N, 32, 64, 64)
            SamePadConv2d(32, 64),
            nn.ZeroPad2d((0, 1, 0, 1)),  # one column and one row, bottom right
            KerasBatchNorm2d(64),
            LeakyDropout(),  # (N, 64, 33, 33)
            SamePadConv2d(64, 128),
            KerasBatchNorm2d(128),
            LeakyDropout(),  # (N, 128, 17, 17)
            nn.Conv2d(128, 256, 3, padding=1),
            KerasBatchNorm2d(256),
            LeakyDropout(),
            nn.Conv2d(256, 512, 3, padding=1),
            KerasBatchNorm2d(512),
            LeakyDropout(),  # (N, 512, 17, 17)
            ChannelsLastFlatten(),
            nn.Linear(side * side * 512, 1),
        )
        self.size = size


def build(size: int, activation: str, seed: int) -> tuple[Generator, Discriminator]:
    """Both networks with Glorot-uniform weights drawn from the seed, in float32 on the CPU."""
    generator, discriminator = Generator(size, activation), Discriminator(size)
    source = torch.Generator().manual_seed(seed)
    glorot_initialise(generator, source)
    glorot_initialise(discriminator, source)
    return generator, discriminator


def latent(seed: int) -> Tensor:
    """The latent vector (100,) of one latent seed, drawn on the CPU so that it is the same on any device."""
    return torch.randn(LATENT_SIZE, generator=torch.Generator().manual_seed(seed))
