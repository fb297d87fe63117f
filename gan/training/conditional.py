"""What trainings of one generator for all diagnoses share: balanced batches and averaged weights."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gan.foundation.seeds import derive_seed
from gan.networks.augmentation import turn_each
from gan.training.batches import to_unit_range
from gan.training.trainer import Losses, Trainer


class ConditionalTrainer(Trainer):
    """Draws equal numbers of images of each diagnosis, and flips or rotates every real one separately.

    Samples come from `average`, the exponential moving average of the generator's weights.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.together = torch.cat(self.images)  # (all, 3, S, S), one diagnosis after the other

    @property
    def diagnoses(self) -> int:
        return len(self.images)

    def networks(self) -> dict[str, nn.Module]:
        return super().networks() | {"average": self.average}

    def draw(self, step: int) -> dict[str, Tensor]:
        """For each image of the batch (N,) its diagnosis, its place among all, its turn; latents; two shifts (2,)."""
        source = torch.Generator().manual_seed(derive_seed(self.seed, step, 1))
        # Diagnoses take turns and continue where the last batch ended, as a batch may have fewer images than those.
        labels = (torch.arange(self.global_batch) + step * self.global_batch) % self.diagnoses
        turns = torch.randint(8, (len(labels),), generator=source)
        shifts = {name: torch.rand(2, generator=source) for name in ("real_shift", "generated_shift")}
        whole = {"labels": labels, "images": self._places(labels, step), "turns": turns, "z": self.latents(step)}
        return {name: self.processes.share(one) for name, one in whole.items()} | shifts

    def real(self, drawn: Mapping[str, Tensor]) -> Tensor:
        """(N, 3, S, S) in [-1, 1], channels last."""
        images = turn_each(self.together[drawn["images"]], drawn["turns"])
        return to_unit_range(images).contiguous(memory_format=torch.channels_last)

    def train_step(self, done: float = 0.0) -> Losses:
        losses = super().train_step(done)
        seen = self.step * self.global_batch
        forgotten = 1 - 0.5 ** (self.global_batch / half_life(seen))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.generator.parameters()), forgotten)
        return losses

    def samples(self, z: Tensor, diagnosis: int) -> Tensor:
        labels = torch.full((len(z),), diagnosis, device=self.device)
        with torch.inference_mode(), self.autocast():
            return self.average(z.to(self.device), labels).float()

    def _places(self, labels: Tensor, step: int) -> Tensor:
        """(N,) the positions in `together` of a step's images."""
        places, start = torch.empty_like(labels), 0
        for diagnosis, images in enumerate(self.images):
            members = labels == diagnosis
            if count := int(members.sum()):
                places[members] = start + self.image_indices(diagnosis, count, step)
            start += len(images)
        return places


def half_life(seen: int) -> float:
    """The number of images over which the averaged weights forget half, after a training has seen `seen` images.

    It is a twentieth of them in the beginning, then 1,400, and from 112,000 images on an eightieth, but at most 10,000.
    A longer average lags behind weights that still improve, and without one the weights are noisy: docs/gan-choices.md
    has the figures.
    """
    return min(max(0.0125 * seen, min(0.05 * seen, 1400)), 10_000)
