"""A DCGAN step of ours against a plain PyTorch translation of the paper's tables, alternating, in one run."""

import time

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.report import report
from gan.networks import dcgan
from gan.networks.layers import UpsampledConv2d
from gan.training.dcgan import DCGANTrainer
from gan.training.settings import Settings

ROUNDS = 3


class PlainUpsampledConv2d(nn.Conv2d):
    """Upsample, then convolve: what the tables say, word for word."""

    def __init__(self, fused: UpsampledConv2d) -> None:
        super().__init__(fused.in_channels, fused.out_channels, 3, padding=1)
        self.factor = fused.factor

    def forward(self, x):
        return super().forward(F.interpolate(x, scale_factor=self.factor))


class PlainStep:
    """float32, default memory format, `backward` through everything."""

    def __init__(self, images: torch.Tensor, settings: Settings) -> None:
        self.images = images.float().div(127.5).sub(1)[: settings.batch_size].contiguous()
        generator, self.discriminator = dcgan.build(settings.size, settings.activation, 0)
        layers = [PlainUpsampledConv2d(one) if isinstance(one, UpsampledConv2d) else one for one in generator]
        self.generator = nn.Sequential(*layers)
        self.adams = [
            torch.optim.Adam(net.parameters(), 1.5e-4, (0.5, 0.999)) for net in (self.generator, self.discriminator)
        ]

    def train_step(self) -> None:
        loss = nn.BCEWithLogitsLoss()
        generator_adam, discriminator_adam = self.adams
        fake = self.generator(torch.randn(len(self.images), dcgan.LATENT_SIZE))
        real_logits, fake_logits = self.discriminator(self.images), self.discriminator(fake.detach())
        discriminator_adam.zero_grad()
        (loss(real_logits, torch.ones_like(real_logits)) + loss(fake_logits, torch.zeros_like(fake_logits))).backward()
        discriminator_adam.step()
        generator_adam.zero_grad()
        logits = self.discriminator(fake)
        loss(logits, torch.ones_like(logits)).backward()
        generator_adam.step()


def main() -> None:
    settings = Settings()
    images = torch.randint(0, 256, (64, 3, settings.size, settings.size), dtype=torch.uint8)
    subjects = {
        "plain translation": PlainStep(images, settings),
        "train_gan": DCGANTrainer([images], settings, torch.device("cpu")),
    }
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for round_number in range(ROUNDS + 1):
        for name, subject in subjects.items():
            started = time.perf_counter()
            subject.train_step()
            if round_number:  # the first warms up
                seconds[name].append(time.perf_counter() - started)
    best = {name: min(times) for name, times in seconds.items()}
    rows = [
        {"step": name, "seconds": value, "times_faster": best["plain translation"] / value}
        for name, value in best.items()
    ]
    report("train_dcgan", rows)


if __name__ == "__main__":
    main()
