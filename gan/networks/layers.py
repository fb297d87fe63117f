"""Layers that PyTorch lacks: Keras's padding and a fast upsample-and-convolve."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.networks import devices


class UpsampledConv2d(nn.Conv2d):
    """Nearest-neighbour upsampling by `factor` k, then a 3x3 'same' convolution, without the large upsampled image.

    Input (N, in, H, W), output (N, out, k * H, k * W). Upsampling is zeros put between the pixels, then a sum over
    k x k boxes. The convolution may as well come before the sum: there it is a transposed one of stride k with nine
    products for each pixel, in place of 9 * k * k. Equal in exact arithmetic, gradients included.
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(x, self.factor)

    def upsample(self, x: Tensor, factor: int, with_bias: bool = True) -> Tensor:
        """The layer with another factor, 2 or more."""
        bias = self.bias if with_bias else None
        if devices.on_gpu(x):
            return F.conv_transpose2d(x, self.spread_kernel(factor), bias, stride=factor, padding=1)
        kernel = self.weight.transpose(0, 1).flip(-1, -2)
        return _BoxSum.apply(F.conv_transpose2d(x, kernel, stride=factor), bias, factor)

    def spread_kernel(self, k: int) -> Tensor:
        """(in, out, k + 2, k + 2): the transposed convolution of stride k that box sums are already part of.

        (k + 2)^2 products for each pixel in place of nine, but no map that is written and read again: a GPU computes
        faster than it reads. Summed in the weights' own precision, whatever autocast would have.
        """
        with torch.autocast(self.weight.device.type, enabled=False):
            behind = torch.arange(k + 2, device=self.weight.device)[:, None] - torch.arange(
                3, device=self.weight.device
            )
            spread = ((behind >= 0) & (behind < k)).to(self.weight.dtype)  # (k + 2, 3)
            return spread @ self.weight.transpose(0, 1).flip(-1, -2) @ spread.T


class _BoxSum(torch.autograd.Function):
    """Sums of (N, C, k * H - k + 3, k * W - k + 3) over k x k boxes, (N, C, k * H, k * W), and the bias (C,) if any.

    As depthwise convolutions with ones, both ways, which take half of the time of average pooling. PyTorch's own bias
    gradient of a channels-last map in bfloat16, a sum over three dimensions, is 50 times as slow as one over one.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, bias: Tensor | None, k: int) -> Tensor:
        context.k = k
        return _box_sum(x, k, k - 2, None if bias is None else bias.to(x.dtype))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:  # type: ignore[override]
        for_bias = None
        if context.needs_input_grad[1]:
            for_bias = gradient.permute(0, 2, 3, 1).reshape(-1, gradient.shape[1]).sum(0)
        return _box_sum(gradient, context.k, 1), for_bias, None


def _box_sum(x: Tensor, k: int, padding: int, bias: Tensor | None = None) -> Tensor:
    channels = x.shape[1]
    return F.conv2d(x, x.new_ones(channels, 1, k, k), bias, padding=padding, groups=channels)


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
    each, which was a sixth of a training step. Comparisons and booleans cost ten times what arithmetic does.
    """

    SLOPE, KEPT_SHARE = 0.2, 0.75

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.leaky_relu(x, self.SLOPE)
        if devices.on_gpu(x):  # one kernel draws and drops there
            return F.dropout(F.leaky_relu(x, self.SLOPE), 1 - self.KEPT_SHARE)
        return _LeakyDropout.apply(x, self._kept(x))

    def _kept(self, x: Tensor) -> Tensor:
        """Zeros and ones like x, from the global random source."""
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        # A byte's upper two bits are zero in one of four.
        kept = drawn.view(torch.uint8)[: x.numel()].bitwise_right_shift_(6).clamp_max_(1).to(x.dtype)
        if x.is_contiguous(memory_format=torch.channels_last) and x.ndim == 4:
            n, channels, height, width = x.shape
            return kept.view(n, height, width, channels).permute(0, 3, 1, 2)
        return kept.view(x.shape)


class _LeakyDropout(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, kept: Tensor) -> Tensor:
        context.save_for_backward(x, kept)
        return _scaled(F.leaky_relu(x, LeakyDropout.SLOPE), kept)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        x, kept = context.saved_tensors
        return torch.ops.aten.leaky_relu_backward(_scaled(gradient, kept), x, LeakyDropout.SLOPE, False), None


def _scaled(x: Tensor, kept: Tensor) -> Tensor:
    """What was kept, over its share: the factor is not rounded to x's type, as it would be in a product of its own."""
    return torch.addcmul(x.new_zeros(()), x, kept, value=1 / LeakyDropout.KEPT_SHARE)


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

    MOMENTUM = 0.2

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=self.MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        assert self.running_var is not None
        kept = (1 - self.MOMENTUM) * self.running_var
        own, self.running_var = self.running_var, self.running_var.clone()
        normalised = super().forward(x)
        # The way back of this pass may still want the clone. The buffer stays where a recorded step looks for it.
        own.copy_(self.running_var - (self.running_var - kept) * (x.shape[1] / x.numel()))
        self.running_var = own
        return normalised

    def update_averages(self, mean: Tensor, variance: Tensor) -> None:
        """Move the averages towards a batch's mean and own variance, measured elsewhere."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.MOMENTUM)  # in place: a recorded step looks for them there
        self.running_var.lerp_(variance, self.MOMENTUM)
        self.num_batches_tracked.add_(1)


@torch.no_grad()
def glorot_initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Glorot-uniform weights and zero biases, Keras's defaults, for every dense and convolution layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
