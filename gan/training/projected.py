"""The projected GAN's training step: hinge loss, augmentation, averaged weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.foundation.seeds import derive_seed
from gan.networks import devices, projected
from gan.networks.augmentation import translate, turn_each
from gan.networks.matching import energy_distance, mean_distance
from gan.training.batches import to_unit_range
from gan.training.conditional import ConditionalTrainer
from gan.training.graphs import Gradients

MATCHING_WEIGHT = 1.75  # weight of each energy distance in the generator's loss
REMEMBERED = 1024  # most real images of each diagnosis that generated ones are compared with
CALIBRATED_ON = 256  # images


class ProjectedTrainer(ConditionalTrainer):
    """Trains one generator and one discriminator on all diagnoses, with equal numbers of images of each.

    Losses are hinge losses. The discriminator's is the sum of those of real and generated images, and its chance level
    is 2. The energy distance also draws the generator towards the real images as a whole. A part of each batch is
    compared a second time, enlarged, because features find other details in large images. Samples come from the
    exponential moving average of the generator's weights, with normalisation statistics of their own.
    """

    latent_size = projected.LATENT_SIZE
    generator: projected.Generator
    discriminator: projected.Discriminator

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # These weights are fixed, so they are cast once instead of in every step.
        features = projected.ProjectedFeatures(derive_seed(self.seed, 3), self.settings.layout)
        self.features = features.to(self.device, self.dtype)
        # Pixels to which images are enlarged for a second comparison; None for none.
        self.enlarged = projected.ENLARGED.get(self.settings.size) if self.settings.enlarged else None
        places, self.weight_of_second = projected.every_second_stretch(
            self.settings.batch_size, self.processes.rank, self.processes.count
        )
        self.compared_twice = torch.tensor(places, dtype=torch.long, device=self.device)
        self._calibrated_at = -1  # step

    def build(self) -> tuple[nn.Module, nn.Module]:
        return projected.build(self.settings.size, self.diagnoses, self.seed)

    def networks(self) -> dict[str, nn.Module]:
        self._calibrate()
        return super().networks()

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        super().load(tensors, step)
        self._calibrated_at = -1  # the statistics may be those of other weights at the same step

    def gradients(self, drawn: Mapping[str, Tensor]) -> Gradients:
        diagnosis = drawn["labels"]
        real = self.real(drawn)
        generator_weights = list(self.generator.parameters())
        discriminator_weights = list(self.discriminator.parameters())

        with torch.no_grad(), self.autocast():
            real_maps = self._look(real, drawn["real_shift"]).maps
        with self.autocast():
            generated = self._generate(drawn["z"], diagnosis)
            generated_maps, pooled = self._look(generated, drawn["generated_shift"])
            both = [torch.cat([one, other.detach()]) for one, other in zip(real_maps, generated_maps, strict=True)]
            logits = self.discriminator(both, torch.cat([diagnosis, diagnosis]), len(real)).float()
        real_logits, generated_logits = logits.chunk(2)
        discriminator_loss = F.relu(1 - real_logits).mean() + F.relu(1 + generated_logits).mean()
        discriminator_gradients = torch.autograd.grad(discriminator_loss, discriminator_weights)

        # The generator's step needs no gradients of the discriminator's weights, and uses the same features.
        self.discriminator.requires_grad_(False)
        with self.autocast():
            generator_loss = -self.discriminator(generated_maps, diagnosis, len(real)).float().mean()
        self.discriminator.requires_grad_(True)
        group = projected.groups_of(diagnosis, len(diagnosis), self.diagnoses)
        unlike = self._unlike(pooled, diagnosis, group, self._real_features)
        if self.enlarged and len(some := self.compared_twice):
            with self.autocast():
                close = self._look_closely(generated.index_select(0, some), drawn["generated_shift"])
            again = self._unlike(close, diagnosis[some], group[some], self._enlarged_real_features)
            unlike = unlike + self.weight_of_second * again
        generator_loss = generator_loss + MATCHING_WEIGHT * unlike
        generator_gradients = torch.autograd.grad(generator_loss, generator_weights)
        return Gradients(
            generator_loss.detach(),
            discriminator_loss.detach(),
            list(generator_gradients),
            list(discriminator_gradients),
        )

    def samples(self, z: Tensor, diagnosis: int) -> Tensor:
        self._calibrate()
        return super().samples(z, diagnosis)

    def score(self, images: Tensor, diagnosis: int) -> Tensor:
        labels = torch.full((len(images),), diagnosis, device=self.device)
        real = to_unit_range(images.to(self.device)).to(self.dtype).contiguous(memory_format=torch.channels_last)
        self.discriminator.eval()
        with torch.inference_mode(), self.autocast():
            logits = self.discriminator([*self.features(real).maps, projected.thumbnail_of(real)], labels, 1)
        self.discriminator.train()
        return logits.float().mean(1).cpu()

    def _generate(self, z: Tensor, diagnosis: Tensor) -> Tensor:
        """Generate images in stretches. Each has its own batch statistics, however many share the batch."""
        stretch = projected.stretch_of(len(z))
        for norm in self.generator.norms:
            norm.stretch = stretch
        if devices.on_gpu(
            z
        ):  # on a GPU all at once, except for the statistics; a CPU's caches hold one stretch at a time
            return self.generator(z, diagnosis).float()
        parts = zip(z.split(stretch), diagnosis.split(stretch), strict=True)
        return torch.cat([self.generator(*part).float() for part in parts])

    def _look(self, images: Tensor, shift: Tensor) -> projected.Seen:
        """Features and a thumbnail of images (N, 3, S, S), after a small shift."""
        moved = translate(images, shift).to(self.dtype)
        maps, pooled = self.features(moved.contiguous(memory_format=torch.channels_last))
        return projected.Seen([*maps, projected.thumbnail_of(moved)], pooled)

    def _look_closely(self, images: Tensor, shift: Tensor) -> list[Tensor]:
        """Pooled features of enlarged images (N, 3, S, S), after a small shift."""
        assert self.enlarged
        large = projected.enlarge(translate(images, shift), self.enlarged).to(self.dtype)
        return self.features.pooled(large.contiguous(memory_format=torch.channels_last))

    def _unlike(self, pooled: list[Tensor], diagnosis: Tensor, group: Tensor, stored: list["RealFeatures"]) -> Tensor:
        """The distance between generated and real images of the same diagnosis, summed over the ways of pooling."""
        found = [
            energy_distance(generated, group, real.features, real.kind, diagnosis, real.scale, self.settings.repulsion)
            for generated, real in zip(pooled, stored, strict=True)
        ]
        return torch.stack(found).sum()

    @cached_property
    def _real_features(self) -> list["RealFeatures"]:
        return self._store(lambda images, shift: self._look(images, shift).pooled, 8)

    @cached_property
    def _enlarged_real_features(self) -> list["RealFeatures"]:
        return self._store(self._look_closely, 4)  # large images take longer

    def _store(self, look: Callable[[Tensor, Tensor], list[Tensor]], times: int) -> list["RealFeatures"]:
        """For each way of pooling, features of real images (N, 3, S, S) after a shift (2,), as `look` finds them.

        Every image is used up to `times` times, turned at random. The turns depend on the seed, not on the step, so
        that a resumed run compares with the same features.
        """
        source = torch.Generator().manual_seed(derive_seed(self.seed, 5))
        by_diagnosis = []
        for images in self.images:
            order = torch.randperm(len(images), generator=source).repeat(times)[:REMEMBERED]
            parts = []
            for indices in order.split(self.global_batch):
                turns = torch.randint(8, (len(indices),), generator=source).to(self.device)
                real = to_unit_range(turn_each(images[indices.to(self.device)], turns))
                with torch.no_grad(), self.autocast():
                    parts.append(look(real, torch.rand(2, generator=source).to(self.device)))
            by_diagnosis.append([torch.cat(scale) for scale in zip(*parts, strict=True)])
        return [RealFeatures.of(list(scale)) for scale in zip(*by_diagnosis, strict=True)]

    def _calibrate(self) -> None:
        """Measure batch normalisation statistics for the averaged weights.

        The generator's own statistics do not fit them: with those, KID was up to twice as high.
        """
        if self._calibrated_at == self.step:
            return
        norms = [layer for layer in self.average.modules() if isinstance(layer, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # averages are plain means over batches
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


@dataclass(frozen=True)
class RealFeatures:
    """Features of stored real images, pooled in one way."""

    features: Tensor  # (M, D), one diagnosis after the other
    kind: Tensor  # (M,) the diagnosis of each
    scale: Tensor  # (diagnoses,) the mean distance between two of a diagnosis

    @classmethod
    def of(cls, features: list[Tensor]) -> "RealFeatures":
        lengths = torch.tensor([len(one) for one in features])
        kind = torch.arange(len(features)).repeat_interleave(lengths).to(features[0].device)
        return cls(torch.cat(features), kind, torch.stack([mean_distance(one) for one in features]))
