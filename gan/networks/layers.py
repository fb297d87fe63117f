"""Layers that PyTorch lacks: Keras's padding and a fast upsample-and-convolve."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class UpsampledConv2d(nn.Conv2d):
    """Nearest-neighbour upsampling by `factor`, then a 3x3 'same' convolution, as one transposed convolution.

    Input (N, in, H, W), output (N, out, factor * H, factor * W). The parameters are those of the 3x3
    convolution; the kernel of the equal transposed convolution (stride `factor`, padding 1) is the 3x3 one,
    flipped and with its channels swapped, convolved with a box of ones of side `factor`. Equal in exact
    arithmetic, gradients included, and the large upsampled image is never made.
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self._transposed_kernel(), self.bias, stride=self.factor, padding=1)

    def _transposed_kernel(self) -> Tensor:
        """(in, out, k + 2, k + 2) kernel: every 3x3 tap spread over the k x k pixels that nearest copies to."""
        k = self.factor
        flipped = self.weight.transpose(0, 1).flip(-1, -2)
        # Sum of k * k shifted copies: cheaper than a convolution call for so small a box.
        shifted = [F.pad(flipped, (i, k - 1 - i, j, k - 1 - j)) for i in range(k) for j in range(k)]
        return torch.stack(shifted).sum(0)


class SamePadConv2d(nn.Conv2d):
    """3x3 convolution of stride 2 with Keras's 'same' padding: an even side is padded at the far end only."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        # An odd side has one pixel of padding at both ends.
        return super().forward(F.pad(x, (width % 2, 1, height % 2, 1)))


class LeakyDropout(nn.Module):
    """LeakyReLU with slope 0.2, then dropout of a quarter: one factor for each activation.

    Drawn eight at a time, as bytes of 64-bit random numbers of which 64 in 256 drop: as exact as drawing one number for
    each, which was a sixth of a training step.
    """

    SLOPE, DROPPED = 0.2, 64

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.leaky_relu(x, self.SLOPE)
        return _LeakyDropout.apply(x, self._kept(x))

    def _kept(self, x: Tensor) -> Tensor:
        """bool like x, from the global random source."""
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = drawn.view(torch.uint8)[: x.numel()] >= self.DROPPED
        if x.is_contiguous(memory_format=torch.channels_last) and x.ndim == 4:
            n, channels, height, width = x.shape
            return kept.view(n, height, width, channels).permute(0, 3, 1, 2)
        return kept.view(x.shape)


class _LeakyDropout(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, kept: Tensor) -> Tensor:
        scale = 256 / (256 - LeakyDropout.DROPPED)
        factor = torch.where(x > 0, scale, scale * LeakyDropout.SLOPE).to(x.dtype).mul_(kept)
        context.save_for_backward(factor)
        return x * factor

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (factor,) = context.saved_tensors
        return gradient * factor, None


class ChannelsLastFlatten(nn.Module):
    """(N, C, H, W) to (N, H * W * C), in Keras's order."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class ChannelsLastReshape(nn.Module):
    """(N, H * W * C) to (N, C, H, W), from Keras's order."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        super().__init__()
        self.shape = (height, width, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, self.shape).permute(0, 3, 1, 2)


class KerasBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with Keras's epsilon and the tutorial's momentum 0.8 (PyTorch's 0.2).

    Keras's moving variance averages the batch's own variance, PyTorch's the unbiased one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.2)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        assert self.running_var is not None
        kept = (1 - self.momentum) * self.running_var  # type: ignore[operator]  # the momentum is a number
        normalised = super().forward(x)
        # Not in place: the way back of this pass may still want the tensor.
        self.running_var = self.running_var - (self.running_var - kept) * (x.shape[1] / x.numel())
        return normalised


@torch.no_grad()
def glorot_initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Glorot-uniform weights and zero biases, Keras's defaults, for every dense and convolution layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
