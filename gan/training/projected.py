"""The projected GAN's training step: hinge loss, augmentation, averaged weights."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.dataset import to_unit_range
from gan.networks import projected
from gan.networks.augmentation import move_and_cut, recolour, turn_each
from gan.seeds import derive_seed
from gan.training.trainer import Losses, Trainer

COLOUR_STRENGTH = 0.5  # of DiffAugment's change of colour
HALF_LIFE = 10_000  # images over which the average of the weights forgets half, and a tenth of those seen before that


class ProjectedTrainer(Trainer):
    """Trains one generator and one discriminator on all diagnoses, equally many images of each; hinge losses.

    The discriminator's loss is that of real plus that of generated images; its chance level is 2. Samples come from
    the exponential moving average of the generator's weights.
    """

    latent_size = projected.LATENT_SIZE
    generator: projected.Generator
    discriminator: projected.Discriminator

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        # Fixed: float32 weights would only be cast to the same type in every step.
        self.features = projected.ProjectedFeatures(derive_seed(self.seed, 3)).to(self.device, self.dtype)

    @property
    def diagnoses(self) -> int:
        return len(self.images)

    def build(self) -> tuple[nn.Module, nn.Module]:
        return projected.build(self.settings.size, self.diagnoses, self.seed)

    def networks(self) -> dict[str, nn.Module]:
        return super().networks() | {"average": self.average}

    def train_step(self) -> Losses:
        """One iteration; both gradients are taken before either optimiser steps."""
        source = torch.Generator().manual_seed(derive_seed(self.seed, self.step, 1))
        # Each diagnosis in turn, on from where the last batch ended: there may be more of them than images in a batch.
        labels = (torch.arange(self.global_batch) + self.step * self.global_batch) % self.diagnoses
        diagnosis = self.processes.share(labels).to(self.device)
        real = to_unit_range(self._real_batch(labels, source)).contiguous(memory_format=torch.channels_last)
        z = self.processes.share(self.latents()).to(self.device)
        generator_weights = list(self.generator.parameters())
        discriminator_weights = list(self.discriminator.parameters())

        with torch.no_grad(), self.autocast():
            real_maps = self._look(real, source)
        with self.autocast():
            generated_maps = self._look(self._generate(z, diagnosis), source)
            both = [torch.cat([one, other.detach()]) for one, other in zip(real_maps, generated_maps, strict=True)]
            logits = self.discriminator(both, torch.cat([diagnosis, diagnosis]), len(real)).float()
        real_logits, generated_logits = logits.chunk(2)
        discriminator_loss = F.relu(1 - real_logits).mean() + F.relu(1 + generated_logits).mean()
        discriminator_gradients = torch.autograd.grad(discriminator_loss, discriminator_weights)

        # The generator's step needs no gradients of the discriminator's weights, and goes through the same features.
        self.discriminator.requires_grad_(False)
        with self.autocast():
            generator_loss = -self.discriminator(generated_maps, diagnosis, len(real)).float().mean()
        self.discriminator.requires_grad_(True)
        generator_gradients = torch.autograd.grad(generator_loss, generator_weights)

        losses = self.finite(generator_loss, discriminator_loss)
        self.apply(self.discriminator_adam, discriminator_weights, discriminator_gradients)
        self.apply(self.generator_adam, generator_weights, generator_gradients)
        self.step += 1
        self._update_average()
        return losses

    def samples(self, z: Tensor, diagnosis: int) -> Tensor:
        labels = torch.full((len(z),), diagnosis, device=self.device)
        with torch.inference_mode(), self.autocast():
            return self.average(z.to(self.device), labels).float()

    def score(self, images: Tensor, diagnosis: int) -> Tensor:
        labels = torch.full((len(images),), diagnosis, device=self.device)
        real = to_unit_range(images.to(self.device)).to(self.dtype).contiguous(memory_format=torch.channels_last)
        self.discriminator.eval()
        with torch.inference_mode(), self.autocast():
            logits = self.discriminator([*self.features(real), projected.thumbnail_of(real)], labels, 1)
        self.discriminator.train()
        return logits.float().mean(1).cpu()

    def _real_batch(self, labels: Tensor, source: torch.Generator) -> Tensor:
        """uint8 images of this process's labels, each under a flip or rotation of its own."""
        batch = torch.empty((len(labels), *self.images[0].shape[1:]), dtype=torch.uint8, device=self.device)
        for diagnosis in range(self.diagnoses):
            members = labels == diagnosis
            if count := int(members.sum()):
                batch[members] = self.real_images(diagnosis, count)
        turns = torch.randint(8, (len(labels),), generator=source)
        return turn_each(self.processes.share(batch), self.processes.share(turns))

    def _generate(self, z: Tensor, diagnosis: Tensor) -> Tensor:
        """Images in stretches: the batch statistics of each are its own, however many share the batch."""
        stretch = projected.stretch_of(len(z))
        parts = zip(z.split(stretch), diagnosis.split(stretch), strict=True)
        return torch.cat([self.generator(*part).float() for part in parts])

    def _look(self, images: Tensor, source: torch.Generator) -> list[Tensor]:
        """What the discriminator sees of images (N, 3, S, S): projected features and a thumbnail, augmented."""
        draws = self.processes.share(torch.rand((self.global_batch, 5), generator=source))
        moved = move_and_cut(images, draws[:, 3:], torch.rand(2, generator=source))
        coloured = recolour(moved, draws[:, :3], COLOUR_STRENGTH).to(self.dtype)
        maps = self.features(coloured.contiguous(memory_format=torch.channels_last))
        return [*maps, projected.thumbnail_of(moved).to(self.dtype)]

    def _update_average(self) -> None:
        seen = self.step * self.global_batch
        forgotten = 1 - 0.5 ** (self.global_batch / min(HALF_LIFE, 0.1 * seen))
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                average.lerp_(weight, forgotten)
            for kept, statistic in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                kept.copy_(statistic)
