"""Layers that PyTorch lacks: Keras's padding, and a fast upsampling with convolution."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.networks import devices


class UpsampledConv2d(nn.Conv2d):
    """Nearest-neighbour upsampling by `factor` k, then a 3x3 'same' convolution, without the large upsampled image.

    Input (N, in, H, W), output (N, out, k * H, k * W). Upsampling inserts zeros between the pixels and then sums over k
    x k boxes. The convolution can be done before the sum. There it is a transposed convolution of stride k with nine
    products for each pixel instead of 9 * k * k. The result, including gradients, is equal in exact arithmetic.
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(x, self.factor)

    def upsample(self, x: Tensor, factor: int, with_bias: bool = True) -> Tensor:
        """Apply the layer with another factor, 2 or more."""
        bias = self.bias if with_bias else None
        if devices.on_gpu(x):
            return F.conv_transpose2d(x, self.spread_kernel(factor), bias, stride=factor, padding=1)
        kernel = self.weight.transpose(0, 1).flip(-1, -2)
        return _BoxSum.apply(F.conv_transpose2d(x, kernel, stride=factor), bias, factor)

    def spread_kernel(self, k: int) -> Tensor:
        """The transposed convolution's kernel (in, out, k + 2, k + 2) of stride k, which includes the box sums.

        It takes (k + 2)^2 products for each pixel instead of nine, but no map is written and read again. A GPU computes
        faster than it reads. The sum has the precision of the weights, even under autocast.
        """
        with torch.autocast(self.weight.device.type, enabled=False):
            behind = torch.arange(k + 2, device=self.weight.device)[:, None] - torch.arange(
                3, device=self.weight.device
            )
            spread = ((behind >= 0) & (behind < k)).to(self.weight.dtype)  # (k + 2, 3)
            return spread @ self.weight.transpose(0, 1).flip(-1, -2) @ spread.T


class _BoxSum(torch.autograd.Function):
    """Sums over k x k boxes, plus the bias (C,) if any: (N, C, k * H - k + 3, k * W - k + 3) to (N, C, k * H, k * W).

    Both directions are depthwise convolutions with ones, which take half the time of average pooling. PyTorch's own
    bias gradient of a channels-last map in bfloat16 is a sum over three dimensions and takes 50 times as long as a sum
    over one.
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
    """A 3x3 convolution of stride 2 with Keras's 'same' padding: an even side is padded only at the far end."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        # An odd side has one pixel of padding at both ends.
        return super().forward(F.pad(x, (width % 2, 1, height % 2, 1)))


class LeakyDropout(nn.Module):
    """LeakyReLU with slope 0.2, then dropout of a quarter, with one factor for each activation.

    Eight are drawn at a time, as bytes of 64-bit random numbers, of which 64 in 256 values drop. That is as exact as
    drawing one number for each, which took a sixth of a training step. Comparisons and booleans cost ten times as much
    as arithmetic.
    """

    SLOPE, KEPT_SHARE = 0.2, 0.75

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.leaky_relu(x, self.SLOPE)
        if devices.on_gpu(x):  # on a GPU, one kernel draws and drops
            return F.dropout(F.leaky_relu(x, self.SLOPE), 1 - self.KEPT_SHARE)
        return _LeakyDropout.apply(x, self._kept(x))

    def _kept(self, x: Tensor) -> Tensor:
        """Zeros and ones in the shape of x, from the global random source."""
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
    """The kept values divided by their share.

    The factor is not rounded to x's type, as it would be in a separate product.
    """
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
    """Batch normalisation with Keras's epsilon and the tutorial's momentum 0.8 (0.2 in PyTorch's convention).

    Keras's moving variance averages the biased variance of batches, PyTorch's the unbiased one.
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
        # The backward pass may still need the clone. The buffer must stay where a recorded step expects it.
        own.copy_(self.running_var - (self.running_var - kept) * (x.shape[1] / x.numel()))
        self.running_var = own
        return normalised

    def update_averages(self, mean: Tensor, variance: Tensor) -> None:
        """Move the averages towards a batch's mean and biased variance, measured elsewhere."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.MOMENTUM)  # in place, where a recorded step expects them
        self.running_var.lerp_(variance, self.MOMENTUM)
        self.num_batches_tracked.add_(1)


@torch.no_grad()
def glorot_initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Set Glorot-uniform weights and zero biases, Keras's defaults, in every dense and convolution layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
