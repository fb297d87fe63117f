"""Layer tables of the networks as Keras prints them, to compare with Tables 1 and 2 of the paper."""

from dataclasses import dataclass

import torch
from torch import nn

from gan.networks.dcgan import LATENT_SIZE, Discriminator, Generator
from gan.networks.layers import (
    ChannelsLastFlatten,
    ChannelsLastReshape,
    KerasBatchNorm2d,
    LeakyDropout,
    UpsampledConv2d,
)

NAMES: dict[type[nn.Module], str] = {
    nn.Linear: "dense",
    ChannelsLastReshape: "reshape",
    ChannelsLastFlatten: "flatten",
    KerasBatchNorm2d: "batch_normalization",
    nn.ReLU: "activation",
    nn.Tanh: "activation",
    nn.LeakyReLU: "leaky_re_lu",
    LeakyDropout: "leaky_re_lu",
    nn.ZeroPad2d: "zero_padding2d",
}


@dataclass(frozen=True)
class Row:
    """One layer: its name, its output shape without the batch (channels last) or its weight's shape, its parameters."""

    layer: str
    output: tuple[int, ...]
    parameters: int


def layer_table(network: Generator | Discriminator) -> list[Row]:
    """Rows of the network, in order.

    Keras counts a batch normalisation's moving mean and variance as parameters; PyTorch keeps them as buffers. The
    fused upsampling convolution is listed as the two layers that it equals. The activation after the generator's dense
    layer has no row, because it is part of the dense layer in Keras.
    """
    side = network.size
    x = torch.zeros((2, 3, side, side) if isinstance(network, Discriminator) else (2, LATENT_SIZE))
    rows: list[Row] = []
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        previous: nn.Module | None = None
        for layer in network:
            x = layer(x)
            shape = tuple(x.permute(0, 2, 3, 1).shape[1:]) if x.ndim == 4 else tuple(x.shape[1:])
            parameters = sum(value.numel() for value in layer.parameters())
            if isinstance(layer, nn.BatchNorm2d):
                parameters *= 2
            if isinstance(layer, UpsampledConv2d):
                rows.append(Row("up_sampling2d", (*shape[:2], layer.in_channels), 0))
            if not (isinstance(previous, nn.Linear) and not isinstance(layer, ChannelsLastReshape | nn.Tanh)):
                rows.append(Row(_name(layer, network), shape, parameters))
            if isinstance(layer, LeakyDropout):
                rows.append(Row("dropout", shape, 0))
            previous = layer
    network.train(was_training)
    return rows


def module_table(network: nn.Module) -> list[Row]:
    """Rows of any network.

    Every convolution, dense layer and embedding with its weight's shape, and other parameters.
    """
    own = [Row(name, tuple(one.shape), one.numel()) for name, one in network.named_parameters(recurse=False)]
    return own + [
        Row(
            f"{name} ({type(layer).__name__})",
            tuple(layer.weight.shape),
            sum(one.numel() for one in layer.parameters()),
        )
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding | nn.BatchNorm2d)
    ]


def _name(layer: nn.Module, network: nn.Module) -> str:
    if isinstance(layer, nn.Conv2d):
        return "conv2d"
    if isinstance(layer, nn.LeakyReLU) and isinstance(network, Generator):
        return "activation"
    return NAMES[type(layer)]


def format_table(title: str, rows: list[Row]) -> str:
    """The table as text, its total last."""
    width = max(22, *(len(row.layer) + 2 for row in rows))
    lines = [title, f"{'layer':{width}}{'output':>16}{'parameters':>14}"]
    for row in rows:
        lines.append(f"{row.layer:{width}}{','.join(map(str, row.output)):>16}{row.parameters:>14,}")
    lines.append(f"{'total':{width}}{'':>16}{sum(row.parameters for row in rows):>14,}")
    return "\n".join(lines)
