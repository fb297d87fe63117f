"""What the trainings of all models share: device, precision, batches, optimisers, state."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan.foundation.errors import GanError
from gan.foundation.seeds import derive_seed
from gan.training.arithmetic import choose_dtype
from gan.training.batches import batch_indices
from gan.training.graphs import Gradients, RecordedStep
from gan.training.processes import Processes
from gan.training.settings import Settings


@dataclass(frozen=True)
class Losses:
    """The two losses of one step. Their chance level depends on the model."""

    generator: float
    discriminator: float


def choose_device(name: str) -> torch.device:
    """The device; `auto` is the first CUDA GPU if there is one.

    Raises `GanError` if the requested device is missing.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise GanError(f"device {name!r}: choose auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise GanError("device cuda: no CUDA GPU is visible to PyTorch; use --device cpu.")
    return torch.device(name)


class Trainer(ABC):
    """Trains one generator and one discriminator on the images of one or several diagnoses.

    Every random number is drawn for the whole batch of all processes, and each process uses its share. So the number of
    processes changes nothing but rounding (apart from batch normalisation, if a model has it).
    """

    latent_size: int

    def __init__(
        self,
        images: Sequence[Tensor],
        settings: Settings,
        device: torch.device,
        stream: int = 0,
        processes: Processes | None = None,
    ) -> None:
        """`images` is uint8 (N, 3, size, size) per diagnosis. `stream` distinguishes trainers that share a seed."""
        self.settings = settings
        self.device = device
        self.processes = processes or Processes()
        # `auto` measures. The first process decides, so that all compute in one type.
        in_bfloat16 = self.processes.number(choose_dtype(settings.precision, device) == torch.bfloat16)
        self.dtype = torch.bfloat16 if in_bfloat16 else torch.float32
        self.seed = derive_seed(settings.seed, stream)
        self.images = [one.to(device) for one in images]
        self.step = 0
        on_gpu = device.type == "cuda"
        if on_gpu:
            # Every step has the same shapes, so it pays to search for the fastest algorithms.
            torch.backends.cudnn.benchmark = True
        # Processes exchange gradients between the halves of a step, which has not been tried within a graph.
        self.recording = on_gpu and self.processes.count == 1
        self._recorded: RecordedStep | None = None
        self._ahead: tuple[int, dict[str, Tensor]] | None = None  # numbers drawn for a future step
        self.generator, self.discriminator = (network.to(device) for network in self.build())
        for network in (self.generator, self.discriminator):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        self.generator_adam, self.discriminator_adam = (
            torch.optim.Adam(
                network.parameters(),
                # A recorded step reads the rate on the GPU, where it can change.
                lr=torch.tensor(settings.rate_at(0), device=device) if on_gpu else settings.rate_at(0),
                betas=(settings.beta1 or 0.0, settings.beta2 or 0.0),
                eps=settings.epsilon or 0,
                # One kernel for all weights, which counts its steps on the GPU.
                fused=on_gpu or None,
                capturable=on_gpu,
            )
            for network in (self.generator, self.discriminator)
        )

    @abstractmethod
    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator with weights drawn from the seed, float32 on the CPU."""

    @abstractmethod
    def draw(self, step: int) -> dict[str, Tensor]:
        """The random numbers of a step, on the CPU: latents, image indices, turns. They depend only on the step."""

    @abstractmethod
    def gradients(self, drawn: Mapping[str, Tensor]) -> Gradients:
        """Losses and gradients from the drawn numbers, which are now on the device.

        On a GPU, no value is read on the host.
        """

    def train_step(self, done: float = 0.0) -> Losses:
        """Do one iteration. Both gradients are computed before either optimiser steps.

        `done` is the share of the training that is done. The learning rate depends on it.

        Raises `GanError` if a loss is not finite. The weights are then as before the step.
        """
        self._set_rate(self.settings.rate_at(done))
        drawn = self._drawn()
        if self.recording:
            self._recorded = self._recorded or RecordedStep(self.gradients, self._update)
            found = self._recorded.gradients(drawn)
        else:
            found = self.gradients({name: tensor.to(self.device) for name, tensor in drawn.items()})
        if self.device.type == "cuda":  # drawn while the device computes
            self._ahead = self.step + 1, self.draw(self.step + 1)
        losses = self.finite(found.generator_loss, found.discriminator_loss)
        if self._recorded:
            self._recorded.update(found)
        else:
            self._update(found)
        self.step += 1
        return losses

    @abstractmethod
    def samples(self, z: Tensor, diagnosis: int) -> Tensor:
        """Images (N, 3, size, size) in [-1, 1] of latents (N, latent size), as `sample_gan` would draw them."""

    @abstractmethod
    def score(self, images: Tensor, diagnosis: int) -> Tensor:
        """(N,) scores of uint8 images (N, 3, size, size) by the discriminator, higher for real, one by one."""

    def networks(self) -> dict[str, nn.Module]:
        """Every network whose state a snapshot keeps, by its name in the snapshot."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes: weights, buffers, and both optimisers' moments."""
        found: dict[str, Tensor] = {}
        for name, network in self.networks().items():
            found |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for name, network, adam in self._optimised():
            for index, parameter in enumerate(network.parameters()):
                found |= {f"{name}_adam.{index}.{key}": value for key, value in adam.state[parameter].items()}
        return found

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Continue from `tensors()` as they were after `step` steps."""
        for name, network in self.networks().items():
            network.load_state_dict(with_prefix(tensors, f"{name}."))
        for name, network, adam in self._optimised():
            moments = with_prefix(tensors, f"{name}_adam.")
            for index, parameter in enumerate(network.parameters()):
                own = with_prefix(moments, f"{index}.")
                adam.state[parameter] = {
                    # Adam keeps its step counter on the CPU (if fused, on the GPU), and its moments beside the weights.
                    key: value.to(self.device, copy=True) if key == "step" else torch.empty_like(parameter).copy_(value)
                    for key, value in own.items()
                }
        self.step = step
        self._recorded = self._ahead = None  # a recording would continue with the old moments

    @property
    def global_batch(self) -> int:
        return self.settings.batch_size * self.processes.count

    def image_indices(self, diagnosis: int, count: int, step: int) -> Tensor:
        """(count,) indices of the images of one diagnosis at a step, for all processes."""
        return batch_indices(len(self.images[diagnosis]), count, step, derive_seed(self.seed, diagnosis))

    def latents(self, step: int) -> Tensor:
        """Latents (global batch, latent size) of a step."""
        source = torch.Generator().manual_seed(derive_seed(self.seed, step, 2))
        return torch.randn(self.global_batch, self.latent_size, generator=source)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def finite(self, generator_loss: Tensor, discriminator_loss: Tensor) -> Losses:
        """The losses as numbers, averaged over the processes. Raises `GanError` if one is not finite."""
        values = self.processes.average([torch.stack([generator_loss.detach(), discriminator_loss.detach()]).float()])
        losses = Losses(*values[0].tolist())
        if not (math.isfinite(losses.generator) and math.isfinite(losses.discriminator)):
            raise GanError(
                f"step {self.step + 1}: the loss is not a finite number; the last snapshot is kept. "
                "Resume with --precision float32, or start anew with a lower --learning-rate."
            )
        return losses

    def _drawn(self) -> dict[str, Tensor]:
        step, drawn = self._ahead or (-1, {})
        return drawn if step == self.step else self.draw(self.step)

    def _update(self, found: Gradients) -> None:
        self.apply(self.discriminator_adam, list(self.discriminator.parameters()), found.discriminator)
        self.apply(self.generator_adam, list(self.generator.parameters()), found.generator)

    def apply(self, adam: torch.optim.Adam, weights: list[nn.Parameter], gradients: Sequence[Tensor]) -> None:
        """Do one step of the optimiser with the gradients, averaged over the processes."""
        for weight, gradient in zip(weights, self.processes.average(gradients), strict=True):
            # The fused optimiser needs both in the same memory layout.
            ordered = self.device.type != "cuda" or gradient.stride() == weight.stride()
            weight.grad = gradient if ordered else torch.empty_like(weight).copy_(gradient)
        adam.step()

    def _set_rate(self, rate: float) -> None:
        for _, _, adam in self._optimised():
            for group in adam.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def _optimised(self) -> Iterator[tuple[str, nn.Module, torch.optim.Adam]]:
        yield "generator", self.generator, self.generator_adam
        yield "discriminator", self.discriminator, self.discriminator_adam


def with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name starts with the prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
