"""A plain residual GAN without normalisation: the control, whose discriminator never saw ImageNet.

It is a smaller R3GAN (Huang, Gokaslan, Kuleshov, Tompkin 2024, "The GAN is dead; long live the GAN!"). Both networks
are stages of ResNeXt blocks with an inverted bottleneck, leaky ReLU and Fix-up's initialisation. There is no
normalisation, no batch statistics, no mapping network and no styles. The diagnosis enters the generator as an embedding
beside the latent, and the discriminator by projection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LATENT_SIZE = 64
SIZES = (64, 128, 256)
WIDTHS = {4: 256, 8: 256, 16: 256, 32: 192, 64: 96, 128: 48, 256: 32}  # channels at each resolution
DEEP_TO = 32  # up to this resolution a stage has two blocks, above it one
EXPANSION = 2  # factor for the channels within a block
GROUP_WIDTH = 16  # channels of a group
EMBEDDING_SIZE = 256
SLOPE = 0.2
GAIN = (2 / (1 + SLOPE**2)) ** 0.5  # keeps the variance through a leaky ReLU


class _Convolution(torch.autograd.Function):
    """A convolution of stride 1 whose input gradient is a convolution again, for penalties on that gradient.

    PyTorch's own second derivative goes through grouped convolutions group by group. There is no second derivative with
    respect to weight and bias, because no penalty needs it.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, layer: "Convolution") -> Tensor:
        context.save_for_backward(x, weight)
        context.layer = layer
        return F.conv2d(x, weight, bias, padding=layer.padding, groups=layer.groups)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight = context.saved_tensors
        layer, wanted = context.layer, context.needs_input_grad
        for_x = for_weight = for_bias = None
        if wanted[0]:
            for_x = F.conv_transpose2d(gradient, weight, padding=layer.padding, groups=layer.groups)
        if layer.learns and wanted[1]:
            with torch.no_grad():
                _, for_weight, _ = torch.ops.aten.convolution_backward(
                    gradient, x, weight, None, layer.stride, layer.padding, layer.dilation, False, [0, 0], layer.groups,
                    [False, True, False],
                )  # fmt: skip
                if wanted[2]:  # over one dimension, because a sum over three is slow in bfloat16
                    for_bias = gradient.permute(0, 2, 3, 1).reshape(-1, gradient.shape[1]).sum(0)
        return for_x, for_weight, for_bias, None


class Convolution(nn.Conv2d):
    """Maps (N, in, H, W) to (N, out, H, W): weights of standard deviation `gain` / sqrt(fan in), bias 0 or none."""

    learns = True  # whether the backward pass computes gradients of weight and bias

    def __init__(
        self, before: int, after: int, kernel: int = 1, groups: int = 1, gain: float = 1.0, bias: bool = False
    ) -> None:
        super().__init__(before, after, kernel, padding=kernel // 2, groups=groups, bias=bias)
        nn.init.normal_(self.weight, std=gain / self.weight[0].numel() ** 0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        if torch.is_autocast_enabled(x.device.type):  # it does not look into our own functions
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        return _Convolution.apply(x, weight, bias, self)


class Block(nn.Module):
    """x plus the output of an inverted bottleneck: wider, 3x3 in groups, narrower.

    With Fix-up (Zhang, Dauphin, Ma 2019), the last convolution starts at zero, and the others are smaller by the number
    of blocks.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        gain = GAIN * blocks ** (-1 / 4)  # -1 / (2m - 2) for m = 3 layers
        self.layers = nn.Sequential(
            Convolution(channels, wide, gain=gain, bias=True),
            nn.LeakyReLU(SLOPE),
            Convolution(wide, wide, 3, wide // GROUP_WIDTH, gain, bias=True),
            nn.LeakyReLU(SLOPE),
            Convolution(wide, channels, gain=0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Generator(nn.Module):
    """Latents (N, 64) ~ N(0, 1) and diagnoses (N,) to images (N, 3, size, size), about [-1, 1] but not bounded."""

    def __init__(self, size: int = 128, diagnoses: int = 1) -> None:
        super().__init__()
        widths = _widths(size)
        self.embedding = nn.Embedding(diagnoses, EMBEDDING_SIZE)
        self.linear = nn.Linear(LATENT_SIZE + EMBEDDING_SIZE, widths[0], bias=False)
        nn.init.normal_(self.linear.weight, std=(LATENT_SIZE + EMBEDDING_SIZE) ** -0.5)
        self.basis = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.transitions, self.stages = _transitions(widths), _stages(size)
        self.to_rgb = Convolution(widths[-1], 3)

    def forward(self, z: Tensor, diagnosis: Tensor) -> Tensor:
        x = self.linear(torch.cat([z, self.embedding(diagnosis)], 1))[:, :, None, None] * self.basis
        x = x.contiguous(memory_format=torch.channels_last)
        for index, (transition, stage) in enumerate(zip(self.transitions, self.stages, strict=True)):
            x = transition(x)
            if index:
                x = F.interpolate(x, scale_factor=2, mode="bilinear")
            x = stage(x)
        return self.to_rgb(x)


class Discriminator(nn.Module):
    """Images (N, 3, size, size) and diagnoses (N,) to logits (N,), of which only differences have a meaning."""

    def __init__(self, size: int = 128, diagnoses: int = 1) -> None:
        super().__init__()
        widths = _widths(size)[::-1]
        self.from_rgb = Convolution(3, widths[0])
        self.transitions, self.stages = _transitions(widths), _stages(size)[::-1]
        self.basis = nn.Parameter(torch.randn(widths[-1], 4, 4) / 4)
        self.linear = nn.Linear(widths[-1], EMBEDDING_SIZE, bias=False)
        nn.init.normal_(self.linear.weight, std=widths[-1] ** -0.5)
        self.embedding = nn.Embedding(diagnoses, EMBEDDING_SIZE)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_SIZE**-0.5)

    @contextmanager
    def towards_images(self) -> Iterator[None]:
        """Within this block, backward passes skip gradients of convolution weights, which autograd would discard."""
        layers = [layer for layer in self.modules() if isinstance(layer, Convolution)]
        for layer in layers:
            layer.learns = False
        try:
            yield
        finally:
            for layer in layers:
                layer.learns = True

    def forward(self, images: Tensor, diagnosis: Tensor) -> Tensor:
        x = self.from_rgb(images)
        for index, (transition, stage) in enumerate(zip(self.transitions, self.stages, strict=True)):
            if index:
                x = F.avg_pool2d(x, 2)
            x = stage(transition(x))
        x = self.linear((x * self.basis).sum((2, 3)))  # one number a channel: a depthwise 4x4 convolution
        return (x * self.embedding(diagnosis)).sum(1)


def _widths(size: int) -> list[int]:
    """The number of channels of each stage, from 4 x 4 up."""
    if size not in SIZES:
        raise ValueError(f"size {size}: choose from {SIZES}")
    return [channels for side, channels in WIDTHS.items() if side <= size]


def _stages(size: int) -> nn.ModuleList:
    """The blocks of each stage, from 4 x 4 up."""
    counts = {side: 2 if side <= DEEP_TO else 1 for side in WIDTHS if side <= size}
    blocks = sum(counts.values())
    return nn.ModuleList(
        nn.Sequential(*(Block(WIDTHS[side], blocks) for _ in range(count))) for side, count in counts.items()
    )


def _transitions(widths: list[int]) -> nn.ModuleList:
    """The layer into each stage, where the number of channels changes."""
    return nn.ModuleList(
        nn.Identity() if before == after else Convolution(before, after)
        for before, after in pairwise([widths[0], *widths])
    )


def build(size: int, diagnoses: int, seed: int) -> tuple[Generator, Discriminator]:
    """Both networks with weights drawn from the seed, in float32 on the CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Generator(size, diagnoses), Discriminator(size, diagnoses)
