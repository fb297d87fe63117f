"""The projected GAN's training step: hinge loss, augmentation, averaged weights."""

import copy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.dataset import to_unit_range
from gan.networks import projected
from gan.networks.augmentation import translate, turn_each
from gan.networks.matching import energy_distance, mean_distance
from gan.seeds import derive_seed
from gan.training.trainer import Losses, Trainer

MATCHING_WEIGHT = 7.0  # of the energy distance in the generator's loss
REMEMBERED = 1024  # real images of each diagnosis that generated ones are compared with, at most
CALIBRATED_ON = 256  # images
HALF_LIFE = 10_000  # images over which the average of the weights forgets half, at most; else a twentieth of those seen


class ProjectedTrainer(Trainer):
    """Trains one generator and one discriminator on all diagnoses, equally many images of each.

    Hinge losses; the discriminator's is that of real plus that of generated images, and its chance level is 2. The
    generator is also drawn towards the real images as a whole, by their energy distance. Samples come from the
    exponential moving average of its weights, with statistics for normalisation of its own.
    """

    latent_size = projected.LATENT_SIZE
    generator: projected.Generator
    discriminator: projected.Discriminator

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        # Fixed: float32 weights would only be cast to the same type in every step.
        self.features = projected.ProjectedFeatures(derive_seed(self.seed, 3)).to(self.device, self.dtype)
        self._calibrated_at = -1  # step

    @property
    def diagnoses(self) -> int:
        return len(self.images)

    def build(self) -> tuple[nn.Module, nn.Module]:
        return projected.build(self.settings.size, self.diagnoses, self.seed)

    def networks(self) -> dict[str, nn.Module]:
        self._calibrate()
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
            real_maps = self._look(real, source).maps
        with self.autocast():
            generated_maps, pooled = self._look(self._generate(z, diagnosis), source)
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
        generator_loss = generator_loss + MATCHING_WEIGHT * self._unlike(pooled, diagnosis)
        generator_gradients = torch.autograd.grad(generator_loss, generator_weights)

        losses = self.finite(generator_loss, discriminator_loss)
        self.apply(self.discriminator_adam, discriminator_weights, discriminator_gradients)
        self.apply(self.generator_adam, generator_weights, generator_gradients)
        self.step += 1
        self._update_average()
        return losses

    def samples(self, z: Tensor, diagnosis: int) -> Tensor:
        self._calibrate()
        labels = torch.full((len(z),), diagnosis, device=self.device)
        with torch.inference_mode(), self.autocast():
            return self.average(z.to(self.device), labels).float()

    def score(self, images: Tensor, diagnosis: int) -> Tensor:
        labels = torch.full((len(images),), diagnosis, device=self.device)
        real = to_unit_range(images.to(self.device)).to(self.dtype).contiguous(memory_format=torch.channels_last)
        self.discriminator.eval()
        with torch.inference_mode(), self.autocast():
            logits = self.discriminator([*self.features(real).maps, projected.thumbnail_of(real)], labels, 1)
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

    def _look(self, images: Tensor, source: torch.Generator) -> projected.Seen:
        """Features and a thumbnail of images (N, 3, S, S), moved a little."""
        moved = translate(images, torch.rand(2, generator=source)).to(self.dtype)
        maps, pooled = self.features(moved.contiguous(memory_format=torch.channels_last))
        return projected.Seen([*maps, projected.thumbnail_of(moved)], pooled)

    def _unlike(self, pooled: list[Tensor], diagnosis: Tensor) -> Tensor:
        """How far the generated images are from the real ones of their diagnoses, the mean over scales."""
        group = projected.groups_of(diagnosis, len(diagnosis))
        found = [
            energy_distance(generated, group, real, diagnosis, scale)
            for generated, (real, scale) in zip(pooled, self._real_features, strict=True)
        ]
        return torch.stack(found).mean()

    @cached_property
    def _real_features(self) -> list[tuple[list[Tensor], Tensor]]:
        """For each scale: pooled features (M, D) of real images by diagnosis, and their mean distances.

        Every image up to eight times, turned at random. They follow from the seed, not from the steps: a resumed
        run compares with the same.
        """
        source = torch.Generator().manual_seed(derive_seed(self.seed, 5))
        by_diagnosis = []
        for images in self.images:
            order = torch.randperm(len(images), generator=source).repeat(8)[:REMEMBERED]
            parts = []
            for indices in order.split(self.global_batch):
                turns = torch.randint(8, (len(indices),), generator=source)
                real = to_unit_range(turn_each(images[indices.to(self.device)], turns))
                with torch.no_grad(), self.autocast():
                    parts.append(self._look(real, source).pooled)
            by_diagnosis.append([torch.cat(scale) for scale in zip(*parts, strict=True)])
        scales = zip(*by_diagnosis, strict=True)
        return [(list(real), torch.stack([mean_distance(one) for one in real])) for real in scales]

    def _update_average(self) -> None:
        seen = self.step * self.global_batch
        forgotten = 1 - 0.5 ** (self.global_batch / min(HALF_LIFE, 0.05 * seen))
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                average.lerp_(weight, forgotten)

    def _calibrate(self) -> None:
        """Measure the averaged weights' own statistics for batch normalisation.

        The generator's do not belong to them: with those, KID was up to twice as high.
        """
        if self._calibrated_at == self.step:
            return
        norms = [layer for layer in self.average.modules() if isinstance(layer, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over batches
        source = torch.Generator().manual_seed(derive_seed(self.seed, 4))
        stretch = projected.STRETCH
        labels = torch.arange(CALIBRATED_ON, device=self.device) % self.diagnoses
        z = torch.randn(CALIBRATED_ON, self.latent_size, generator=source).to(self.device)
        self.average.train()
        with torch.no_grad(), self.autocast():
            for part in zip(z.split(stretch), labels.split(stretch), strict=True):
                self.average(*part)
        self.average.eval()
        self._calibrated_at = self.step
