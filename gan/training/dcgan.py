"""The paper's training step: two networks, two Adams, one generator forward per iteration.

Knows tensors, not the database; `gan.runs` wraps it. Every random number of a step is derived from the seed
and the step, so a resumed run repeats an uninterrupted one.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.dataset import batch_indices, to_unit_range
from gan.errors import GanError
from gan.networks import dcgan
from gan.seeds import derive_seed

MODELS = ("dcgan",)
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """What a training is asked to do; the defaults are the paper's. `minutes`, if given, replaces `steps`."""

    model: str = "dcgan"
    size: int = 128
    steps: int = 2000
    minutes: float | None = None
    batch_size: int = 32
    seed: int = 0
    activation: str = "relu"
    learning_rate: float = 1.5e-4
    beta1: float = 0.5
    beta2: float = 0.999
    epsilon: float = 1e-7
    held_out: float = 0.15
    phantoms: bool = False
    precision: str = "auto"
    snapshot_every: int = 100

    def __post_init__(self) -> None:
        checks = {
            "model": (self.model in MODELS, f"one of {', '.join(MODELS)}"),
            "size": (self.size in dcgan.SIZES, "64, 128 or 256 pixels"),
            "steps": (self.steps >= 1, "1 or more"),
            "minutes": (self.minutes is None or 0 < self.minutes < math.inf, "more than 0"),
            "batch size": (self.batch_size >= 2, "2 or more, for batch normalisation"),
            "seed": (0 <= self.seed < 2**63, "0 or more"),
            "activation": (self.activation in dcgan.ACTIVATIONS, f"one of {', '.join(dcgan.ACTIVATIONS)}"),
            "learning rate": (0 < self.learning_rate < 1, "between 0 and 1"),
            "held-out share": (0 <= self.held_out < 1, "at least 0 and less than 1"),
            "precision": (self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            "snapshot interval": (self.snapshot_every >= 1, "1 step or more"),
        }
        for name, (holds, wanted) in checks.items():
            if not holds:
                raise GanError(f"{name}: must be {wanted}.")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Losses:
    """Both losses of one step, in nats; the discriminator's is real plus generated (chance level 2 ln 2)."""

    generator: float
    discriminator: float


def choose_device(name: str) -> torch.device:
    """`auto` is the first CUDA GPU if there is one. Raises `GanError` where the wanted device is missing."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise GanError(f"device {name!r}: choose auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise GanError("device cuda: no CUDA GPU is visible to PyTorch; use --device cpu.")
    return torch.device(name)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The autocast type: bfloat16 where the hardware computes in it, unless float32 is asked for."""
    if precision == "auto":
        if device.type == "cuda":
            fast = torch.cuda.is_bf16_supported()
        else:
            fast = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


class Trainer:
    """Trains one generator and one discriminator on the images of one diagnosis."""

    def __init__(self, images: Tensor, settings: Settings, device: torch.device, stream: int = 0) -> None:
        """`images` is uint8 (N, 3, size, size); `stream` tells apart trainers that share a seed."""
        self.settings = settings
        self.device = device
        self.dtype = choose_dtype(settings.precision, device)
        self.seed = derive_seed(settings.seed, stream)
        self.images = images.to(device)
        self.step = 0
        networks = dcgan.build(settings.size, settings.activation, self.seed)
        self.generator, self.discriminator = (network.to(device) for network in networks)
        for network in (self.generator, self.discriminator):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        self.generator_adam, self.discriminator_adam = (
            torch.optim.Adam(
                network.parameters(),
                lr=settings.learning_rate,
                betas=(settings.beta1, settings.beta2),
                eps=settings.epsilon,
            )
            for network in (self.generator, self.discriminator)
        )

    def train_step(self) -> Losses:
        """One iteration; both gradients are taken before either optimiser steps.

        Raises `GanError` when a loss is not finite; the weights are then as before the step.
        """
        torch.manual_seed(derive_seed(self.seed, self.step, 1))  # dropout draws from the global source
        real = self._real_batch()
        z = torch.randn(len(real), dcgan.LATENT_SIZE).to(self.device)
        generator_weights = list(self.generator.parameters())
        discriminator_weights = list(self.discriminator.parameters())

        with self._autocast():
            generated = self.generator(z)
            real_logits = self.discriminator(real)
            generated_logits = self.discriminator(generated.detach())
        discriminator_loss = _cross_entropy(real_logits, 1.0) + _cross_entropy(generated_logits, 0.0)
        discriminator_gradients = torch.autograd.grad(discriminator_loss, discriminator_weights)

        # The generator's step needs no gradients of the discriminator's weights.
        self.discriminator.requires_grad_(False)
        with self._autocast():
            logits = self.discriminator(generated)
        self.discriminator.requires_grad_(True)
        generator_loss = _cross_entropy(logits, 1.0)
        generator_gradients = torch.autograd.grad(generator_loss, generator_weights)

        losses = Losses(generator_loss.item(), discriminator_loss.item())
        if not (math.isfinite(losses.generator) and math.isfinite(losses.discriminator)):
            raise GanError(
                f"step {self.step + 1}: the loss is not a finite number; the last snapshot is kept. "
                "Resume with --precision float32, or start anew with a lower --learning-rate."
            )
        _apply(self.discriminator_adam, discriminator_weights, discriminator_gradients)
        _apply(self.generator_adam, generator_weights, generator_gradients)
        self.step += 1
        return losses

    def samples(self, z: Tensor) -> Tensor:
        """Images (N, 3, size, size) in [-1, 1] of latents (N, 100), in evaluation mode."""
        self.generator.eval()
        with torch.inference_mode(), self._autocast():
            images = self.generator(z.to(self.device))
        self.generator.train()
        return images.float()

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes: weights, batch statistics, both optimisers' moments."""
        found: dict[str, Tensor] = {}
        for name, network, adam in self._parts():
            found |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
            for index, parameter in enumerate(network.parameters()):
                found |= {f"{name}_adam.{index}.{key}": value for key, value in adam.state[parameter].items()}
        return found

    def load(self, tensors: dict[str, Tensor], step: int) -> None:
        """Continue from `tensors()` as they were after `step` steps."""
        for name, network, adam in self._parts():
            network.load_state_dict(_with_prefix(tensors, f"{name}."))
            moments = _with_prefix(tensors, f"{name}_adam.")
            for index, parameter in enumerate(network.parameters()):
                own = _with_prefix(moments, f"{index}.")
                adam.state[parameter] = {
                    # Adam keeps its step counter on the CPU, its moments beside the weights.
                    key: value.clone() if key == "step" else torch.empty_like(parameter).copy_(value)
                    for key, value in own.items()
                }
        self.step = step

    def _real_batch(self) -> Tensor:
        indices = batch_indices(len(self.images), self.settings.batch_size, self.step, self.seed)
        return to_unit_range(self.images[indices.to(self.device)])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _parts(self) -> Iterator[tuple[str, nn.Module, torch.optim.Adam]]:
        yield "generator", self.generator, self.generator_adam
        yield "discriminator", self.discriminator, self.discriminator_adam


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, target, dtype=torch.float32))


def _apply(adam: torch.optim.Adam, weights: list[nn.Parameter], gradients: tuple[Tensor, ...]) -> None:
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    adam.step()


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
