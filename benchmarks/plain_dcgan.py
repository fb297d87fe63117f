"""A DCGAN step that follows the paper's tables literally, as the baseline for the fast one."""

import torch
from torch import nn
from torch.nn import functional as F

from gan.networks import dcgan
from gan.networks.layers import LeakyDropout, UpsampledConv2d
from gan.training.settings import Settings


class PlainUpsampledConv2d(nn.Conv2d):
    """Upsample, then convolve."""

    def __init__(self, fused: UpsampledConv2d) -> None:
        super().__init__(fused.in_channels, fused.out_channels, 3, padding=1)
        self.factor = fused.factor

    def forward(self, x):
        return super().forward(F.interpolate(x, scale_factor=self.factor))


def plain(network: nn.Module) -> nn.Sequential:
    """The network with only PyTorch's own layers."""
    layers: list[nn.Module] = []
    for layer in network.children():
        if isinstance(layer, UpsampledConv2d):
            layers.append(PlainUpsampledConv2d(layer))
        elif isinstance(layer, LeakyDropout):
            layers += [nn.LeakyReLU(0.2), nn.Dropout(0.25)]
        elif isinstance(layer, nn.BatchNorm2d):
            layers.append(nn.BatchNorm2d(layer.num_features, eps=layer.eps, momentum=layer.momentum))
        elif isinstance(layer, nn.ReLU):
            layers.append(nn.ReLU())
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


class PlainTrainer:
    """float32, default memory format, and `backward` through everything, as in PyTorch's DCGAN tutorial."""

    def __init__(self, images: torch.Tensor, settings: Settings, device: torch.device) -> None:
        self.images = images.float().div(127.5).sub(1)[: settings.batch_size].contiguous().to(device)
        generator, discriminator = dcgan.build(settings.size, settings.activation, 0)
        self.generator, self.discriminator = plain(generator).to(device), plain(discriminator).to(device)
        self.adams = [
            torch.optim.Adam(net.parameters(), 1.5e-4, (0.5, 0.999)) for net in (self.generator, self.discriminator)
        ]

    def train_step(self) -> None:
        loss = nn.BCEWithLogitsLoss()
        generator_adam, discriminator_adam = self.adams
        fake = self.generator(torch.randn(len(self.images), dcgan.LATENT_SIZE, device=self.images.device))
        real_logits, fake_logits = self.discriminator(self.images), self.discriminator(fake.detach())
        discriminator_adam.zero_grad()
        (loss(real_logits, torch.ones_like(real_logits)) + loss(fake_logits, torch.zeros_like(fake_logits))).backward()
        discriminator_adam.step()
        generator_adam.zero_grad()
        logits = self.discriminator(fake)
        loss(logits, torch.ones_like(logits)).backward()
        generator_adam.step()
