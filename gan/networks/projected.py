"""A light class-conditional generator with discriminators on projected, frozen features.

Projected GANs (Sauer, Chitta, Mueller, Geiger 2021) use small discriminators on EfficientNet-Lite0 features of four
scales. Fixed random projections mix the features across channels and scales, so that no discriminator can rely on a
part of them. One more discriminator sees a thumbnail. The generator follows the idea of FastGAN (Liu et al. 2021): few
wide layers at low resolution, narrow ones at high resolution, and gains that carry latent and diagnosis past the first
layer into every block.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from gan.networks.features import LiteFeatures
from gan.networks.layers import UpsampledConv2d
from gan.networks.matching import layout, pooled_statistics

LATENT_SIZE = 128
SIZES = (64, 128, 256)
WIDTHS = {8: 192, 16: 128, 32: 80, 64: 48, 128: 24, 256: 12}  # channels at each resolution
STRIDES = (4, 8, 16, 32)
POOLED = (0, 1, 2)  # scales whose pooled features are compared in addition to the last layer's: strides 4, 8 and 16
LAID_OUT = (1, 2)  # scales that are also compared field by field: strides 8 and 16
# Pixels to which images are enlarged to be compared once more, by their size. Features were learnt at 224 pixels.
ENLARGED = {64: 112, 128: 224}
PROJECTED = (48, 64, 128, 256)  # channels after the random projections, by stride
THUMBNAIL = 16  # pixels
FIRST_WIDTH = 256
STYLE_SIZE = 128
STRETCH = 16  # images over which statistics of a batch are taken
REFINED_TO = 64  # up to this resolution every block has a second convolution


class StretchNorm(nn.BatchNorm2d):
    """Batch normalisation over stretches of images, so that it does not depend on how many images share the batch.

    Real and generated images are in separate stretches. The discriminator sees what a whole stretch has in common,
    which keeps the generator from drawing one lesion over and over.
    """

    stretch: int | None = None  # images; None: the whole batch

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.stretch is None or len(x) <= self.stretch:
            return super().forward(x)
        return torch.cat([super(StretchNorm, self).forward(part) for part in x.split(self.stretch)])


class StyledConv2d(nn.Module):
    """A 3x3 convolution, with or without upsampling by k, of channels scaled by the style.

    Maps (N, in, H, W) and styles (N, 128) to (N, out, kH, kW).
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int) -> None:
        super().__init__()
        self.gain = nn.Linear(STYLE_SIZE, in_channels)
        self.convolution = (
            UpsampledConv2d(in_channels, out_channels, factor)
            if factor > 1
            else nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.convolution.bias = None  # the normalisation has one
        self.norm = StretchNorm(out_channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        # Before the convolution, because with upsampling that is a quarter of the pixels.
        x = self.convolution(x * (1 + self.gain(style))[:, :, None, None])
        return F.leaky_relu(self.norm(x), 0.2, inplace=True)


class Generator(nn.Module):
    """Latents (N, 128) ~ N(0, 1) and diagnoses (N,) to images (N, 3, size, size) in [-1, 1]."""

    def __init__(self, size: int = 128, diagnoses: int = 1) -> None:
        if size not in SIZES:
            raise ValueError(f"size {size}: choose from {SIZES}")
        super().__init__()
        self.size = size
        self.embedding = nn.Embedding(diagnoses, STYLE_SIZE)
        self.mapping = nn.Sequential(
            nn.Linear(LATENT_SIZE + STYLE_SIZE, STYLE_SIZE),
            nn.LeakyReLU(0.2),
            nn.Linear(STYLE_SIZE, STYLE_SIZE),
            nn.LeakyReLU(0.2),
        )
        # Depends only on the latent, without bias, so that images do not begin with a common part.
        self.first = nn.Linear(LATENT_SIZE, 4 * 4 * FIRST_WIDTH, bias=False)
        self.first_norm = StretchNorm(FIRST_WIDTH)
        resolutions = [side for side in WIDTHS if side <= size]
        widths = [FIRST_WIDTH, *(WIDTHS[side] for side in resolutions)]
        self.layers = nn.ModuleList()
        for side, (before, after) in zip(resolutions, pairwise(widths), strict=True):
            self.layers.append(StyledConv2d(before, after, 2))
            if side <= REFINED_TO:
                self.layers.append(StyledConv2d(after, after, 1))
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)
        self.norms = [layer for layer in self.modules() if isinstance(layer, StretchNorm)]

    def forward(self, z: Tensor, diagnosis: Tensor) -> Tensor:
        style = self.mapping(torch.cat([z, self.embedding(diagnosis)], 1))
        x = self.first(z).view(-1, 4, 4, FIRST_WIDTH).permute(0, 3, 1, 2)
        x = F.leaky_relu(self.first_norm(x), 0.2)
        for layer in self.layers:
            x = layer(x, style)
        return torch.tanh(self.to_rgb(x))


class Seen(NamedTuple):
    """The features that the discriminator gets from images (N, 3, H, W)."""

    maps: list[Tensor]  # mixed features (N, C, S, S) of four scales, finest first
    pooled: list[Tensor]  # Lite0's own features (N, D), pooled in several ways, for comparing many images with many


class ProjectedFeatures(nn.Module):
    """Images (N, 3, H, W) to features of Lite0, pooled, and to four mixed maps of them; all weights are fixed.

    Without `layout`, the pooled features do not tell where in an image something is.

    Cross-channel mixing is a random 1x1 convolution of each scale. Cross-scale mixing goes from the coarsest scale up:
    a random 1x1 and 3x3 convolution of the coarser map, upsampled and added.
    """

    def __init__(self, seed: int, layout: bool = True) -> None:
        super().__init__()
        self.laid_out = LAID_OUT if layout else ()
        self.features = LiteFeatures(0)
        source = torch.Generator().manual_seed(seed)
        channels = self.features.channels
        self.across_channels = nn.ModuleList(
            _random(before, after, 1, source) for before, after in zip(channels, PROJECTED, strict=True)
        )
        self.across_scales = nn.ModuleList(_random(coarse, fine, 1, source) for fine, coarse in pairwise(PROJECTED))
        self.mixing = nn.ModuleList(_random(fine, fine, 3, source) for fine in PROJECTED[:-1])
        self.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Seen:
        own = self.features(images)
        maps = [mix(one) for mix, one in zip(self.across_channels, own, strict=True)]
        mixed = [maps[-1]]
        for fine in reversed(range(len(maps) - 1)):
            coarser = F.interpolate(self.across_scales[fine](mixed[0]), scale_factor=2)
            mixed.insert(0, self.mixing[fine](maps[fine] + coarser))
        return Seen(mixed, self._pool(own))

    def pooled(self, images: Tensor) -> list[Tensor]:
        """`Seen.pooled` alone."""
        return self._pool(self.features(images))

    def _pool(self, own: list[Tensor]) -> list[Tensor]:
        pooled = [pooled_statistics(own[index]) for index in POOLED] + [self.features.pool(own[-1]).float()]
        return pooled + [layout(own[index]) for index in self.laid_out]


def _random(before: int, after: int, kernel: int, source: torch.Generator) -> nn.Conv2d:
    layer = nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear", generator=source)
    return layer


class Head(nn.Module):
    """The discriminator of one scale: a map (N, C, S, S) to logits (N, 1, 4, 4); above 0 means real.

    The diagnosis enters by projection (Miyato and Koyama 2018): the inner product of the last features with its
    embedding.
    """

    def __init__(self, channels: int, side: int, diagnoses: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while side > 4:
            after = min(max(2 * channels, 64), 256)
            layers += [spectral_norm(nn.Conv2d(channels, after, 4, 2, 1)), StretchNorm(after), nn.LeakyReLU(0.2)]
            channels, side = after, side // 2
        layers += [spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)), StretchNorm(channels), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Sequential(spectral_norm(nn.Conv2d(channels + 1, channels, 1)), nn.LeakyReLU(0.2))
        self.logit = spectral_norm(nn.Conv2d(channels, 1, 1))
        self.embedding = nn.Embedding(diagnoses, channels)

    def forward(self, x: Tensor, diagnosis: Tensor, group: Tensor, groups: int) -> Tensor:
        spread = spread_within(F.adaptive_avg_pool2d(x, 4), group, groups)
        x = self.layers(x)
        # After the normalisation, which would remove it.
        x = self.last(torch.cat([x, spread.expand(-1, 1, *x.shape[2:])], 1))
        matching = (x * self.embedding(diagnosis)[:, :, None, None]).sum(1, keepdim=True) / x.shape[1] ** 0.5
        return self.logit(x) + matching


def spread_within(x: Tensor, group: Tensor, groups: int) -> Tensor:
    """(N, 1, 1, 1): how much the maps (N, C, H, W) differ within the groups (N,), numbered below `groups`.

    This is the minibatch standard deviation (Karras et al. 2018). A generator that draws one lesion over and over is
    recognised at once.
    """
    flat = x.float().flatten(1)
    member = (torch.arange(groups, device=group.device)[:, None] == group).to(flat.dtype)  # (groups, N)
    member = member / member.sum(1, keepdim=True).clamp(min=1)
    variance = member @ flat.square() - (member @ flat).square()
    spread = (variance.clamp(min=0) + 1e-6).sqrt().mean(1)  # (groups,)
    return spread.to(x.dtype)[group][:, None, None, None]


def stretch_of(batch: int) -> int:
    """The length, at most 16, of the stretches of a batch.

    Several processes that share the batch form the same stretches. It is the whole batch if only short stretches would
    fit.
    """
    longest = next(length for length in range(min(STRETCH, batch), 0, -1) if batch % length == 0)
    return longest if longest >= STRETCH // 4 else batch


def every_second_stretch(batch: int, rank: int = 0, processes: int = 1) -> tuple[list[int], float]:
    """The first, third, ... of all stretches, as far as they lie in the part of `batch` images of one process.

    Returns:
        The places of their images in this process's part, and the weight of their mean, so that the mean over the
        processes is the mean over all of these images.
    """
    length = stretch_of(batch)
    each = batch // length
    own = [index for index in range(each) if (rank * each + index) % 2 == 0]
    places = [index * length + image for index in own for image in range(length)]
    return places, processes * len(own) / -(-processes * each // 2)


def groups_of(diagnosis: Tensor, batch: int, diagnoses: int) -> Tensor:
    """(N,) the group of each image: its diagnosis, within a stretch of the batch."""
    return torch.arange(len(diagnosis), device=diagnosis.device) // stretch_of(batch) * diagnoses + diagnosis


def enlarge(images: Tensor, side: int) -> Tensor:
    """Images (N, 3, S, S) as (N, 3, side, side), with pixels in between interpolated."""
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False)


def thumbnail_of(images: Tensor) -> Tensor:
    """Thumbnails (N, 3, 16, 16) of images (N, 3, S, S)."""
    return F.avg_pool2d(images, images.shape[-1] // THUMBNAIL)


class Discriminator(nn.Module):
    """Maps of projected features, a thumbnail and diagnoses (N,) to the logits (N, L) of all heads, concatenated.

    The features hardly show what all of an image has in common, such as the tone of the skin. The thumbnail (N, 3, 16,
    16) does.

    The batch may hold several parts of `batch` images each, such as real and generated ones, one after the other.
    """

    def __init__(self, size: int, diagnoses: int) -> None:
        super().__init__()
        shapes = [(channels, size // stride) for channels, stride in zip(PROJECTED, STRIDES, strict=True)]
        self.diagnoses = diagnoses
        self.heads = nn.ModuleList(Head(channels, side, diagnoses) for channels, side in [*shapes, (3, THUMBNAIL)])
        self.norms = [layer for layer in self.heads.modules() if isinstance(layer, StretchNorm)]

    def forward(self, maps: list[Tensor], diagnosis: Tensor, batch: int) -> Tensor:
        group = groups_of(diagnosis, batch, self.diagnoses)
        groups = -(-len(diagnosis) // stretch_of(batch)) * self.diagnoses
        for norm in self.norms:
            norm.stretch = stretch_of(batch)
        return torch.cat(
            [head(one, diagnosis, group, groups).flatten(1) for head, one in zip(self.heads, maps, strict=True)], 1
        )


def build(size: int, diagnoses: int, seed: int) -> tuple[Generator, Discriminator]:
    """Both networks with weights drawn from the seed, in float32 on the CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Generator(size, diagnoses), Discriminator(size, diagnoses)
