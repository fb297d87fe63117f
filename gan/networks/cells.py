"""Computes the generator's last block on distinct values only.

Nearest-neighbour upsampling turns every pixel into a cell of k x k equal ones. A 3x3 convolution reaches one pixel
further, so only the first and the last of a cell's k rows differ from those between. The same holds for columns. From k
= 3 on, 3 x 3 values therefore represent a cell. They form the map that upsampling by 3 gives, in which the middle row
and the middle column count k - 2 times. Batch normalisation weights them accordingly, the activation needs no change,
and the last convolution looks up its neighbours in them. At k = 4 that is 9/16 of the map, at k = 8 it is 9/64. The
result, including gradients, equals layer after layer in exact arithmetic.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.networks import devices
from gan.networks.layers import KerasBatchNorm2d, UpsampledConv2d

SIDE = 3  # distinct rows and columns of a cell


def last_block(
    x: Tensor, upsampling: UpsampledConv2d, norm: KerasBatchNorm2d, activation: nn.Module, last: nn.Conv2d
) -> Tensor:
    """Compute `last(activation(norm(upsampling(x))))` for a factor k of 3 or more.

    (N, in, H, W) to (N, out, k * H, k * W).

    `last` is a 3x3 convolution with one pixel of zero padding. The layers keep their weights and moving averages.
    """
    bias = upsampling.bias
    absorbed = norm.training and devices.on_gpu(x)
    assert bias is not None
    distinct = upsampling.upsample(x, SIDE, with_bias=not absorbed)
    if norm.training:
        # The normalisation removes every constant again. Adding the bias and summing its gradient, which is
        # zero, would read and write the whole map on a GPU for nothing. So autograd gets the zero here.
        shift = norm.bias + 0 * bias if absorbed else norm.bias
        distinct, mean, variance = _CellBatchNorm.apply(distinct, norm.weight, shift, upsampling.factor - 2, norm.eps)
        norm.update_averages(mean + bias.detach() if absorbed else mean, variance)
    else:
        distinct = norm(distinct)
    return _stretched_conv(activation(distinct), last, upsampling.factor)


def _stretched_conv(distinct: Tensor, layer: nn.Conv2d, factor: int) -> Tensor:
    """The layer's 3x3 convolution of the map that `distinct` (N, in, 3H, 3W) represents.

    First, a 1x1 convolution to 9 * out channels applies each of the nine taps to each distinct value. That is cheap if
    `in` is large. Then every pixel of a cell adds up the nine products that belong to it.
    """
    taps = layer.weight.permute(2, 3, 0, 1).reshape(9 * layer.out_channels, layer.in_channels, 1, 1)
    adding = _adding_kernel(layer.out_channels, factor, taps.device, taps.dtype)
    assert layer.bias is not None
    bias = layer.bias.repeat_interleave(factor**2)
    return F.pixel_shuffle(F.conv2d(F.conv2d(distinct, taps), adding, bias, stride=SIDE, padding=1), factor)


@cache  # cached, because a step recorded on a GPU must not copy anything from the host
@torch.inference_mode(False)
def _adding_kernel(channels: int, factor: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A kernel (channels * k * k, 9 * channels, 5, 5) of zeros and ones.

    Which products are added up for a cell's pixels. The five rows are a cell's three, with the last row of the cell
    above and the first row of the cell below.
    """
    k = factor
    seen = torch.tensor(
        [0, 1] + [2] * (k - 2) + [3, 4]
    )  # positions of the rows, from one above the cell to one below it
    seen = torch.stack([seen[t : t + k] for t in range(3)], dim=1)
    rows = F.one_hot(seen, 5).to(torch.float32)  # (pixel, tap, row of five)
    kernel = torch.einsum("oO,itp,juq->oijtuOpq", torch.eye(channels), rows, rows)
    return kernel.reshape(channels * k * k, 9 * channels, 5, 5).to(device, dtype)


class _CellBatchNorm(torch.autograd.Function):
    """Batch normalisation of (N, C, 3H, 3W), in which the middle row and column of every cell count `inner` times.

    Returns the result and the batch's mean and its biased variance (C,).
    """

    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor, bias: Tensor, inner: int, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = _statistics(x, inner)
        context.save_for_backward(x, weight, mean, variance)
        context.inner, context.eps = inner, eps
        context.mark_non_differentiable(mean, variance)
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps), mean, variance

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight, mean, variance = context.saved_tensors
        inner, eps = context.inner, context.eps
        # A value's gradient already includes those of its copies, so both sums run over the distinct values.
        # On GPUs the statistics are always treated as the batch's own. That matters only for the omitted gradient.
        own = (mean, (variance + eps).rsqrt(), True) if devices.on_gpu(x) else (None, None, False)
        _, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, *own, eps, [False, True, True]
        )
        n, channels, height, width = x.shape
        count = n * (height // SIDE) * (width // SIDE) * (inner + 2) ** 2
        deviation = (variance + eps).sqrt()
        scale = weight / deviation
        slope = -scale * for_weight / (count * deviation)
        offset = -scale * for_bias / count - slope * mean
        # scale * gradient + copies * (slope * x + offset), if a value represents `copies` pixels.
        copies = _copies(inner, x.device, mean.dtype)[:, None, :, None]
        slopes, offsets = ((copies * one).to(x.dtype).view(SIDE, 1, -1) for one in (slope, offset))
        result = torch.addcmul(offsets, _cells(x), slopes)
        result.addcmul_(_cells(gradient), scale.to(x.dtype).repeat(SIDE))
        return result.view(n, height, width, channels).permute(0, 3, 1, 2), for_weight, for_bias, None, None


def _statistics(x: Tensor, inner: int) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) of the map that x (N, C, 3H, 3W) represents; float32 if x has lower precision."""
    exact = torch.promote_types(x.dtype, torch.float32)
    unused = torch.zeros(SIDE * x.shape[1], dtype=exact, device=x.device)
    found = [
        torch.ops.aten.batch_norm_update_stats(rows.contiguous().movedim(2, 1).unsqueeze(2), unused, unused, 0.0)
        for rows in _cells(x).unbind(1)
    ]
    # First for each row and column of the cell, then together.
    means, variances = (torch.stack(one).view(SIDE, SIDE, -1) for one in zip(*found, strict=True))
    share = _copies(inner, x.device, exact)[..., None] / (inner + 2) ** 2
    mean = (share * means).sum((0, 1))
    return mean, (share * (variances + (means - mean) ** 2)).sum((0, 1))


def _cells(x: Tensor) -> Tensor:
    """(N, C, 3H, 3W) as rows of cells (N * H, 3, W, 3 * C), a view of a channels-last map."""
    n, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).reshape(n * height // SIDE, SIDE, width // SIDE, SIDE * channels)


@cache
@torch.inference_mode(False)
def _copies(inner: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(3, 3) how many pixels of the whole map each value of a cell represents."""
    copies = torch.tensor([1.0, inner, 1.0], device=device, dtype=dtype)
    return torch.outer(copies, copies)
