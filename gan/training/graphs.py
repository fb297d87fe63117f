"""Records steps once and replays them.

Otherwise launching thousands of small kernels takes longer than running them.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

EAGER_CALLS = 3  # steps before recording, in which libraries choose algorithms and optimisers create their moments


class Gradients(NamedTuple):
    """Both losses (scalars) of one step, and the gradients of each network's weights, in the order of the weights."""

    generator_loss: Tensor
    discriminator_loss: Tensor
    generator: list[Tensor]
    discriminator: list[Tensor]


class RecordedStep:
    """The two halves of a step, gradients and update, as CUDA graphs.

    Between them the host checks the losses, so that a loss that is not finite changes no weight. Both halves must find
    the same shapes every time, read no value on the host, and change their state in place.
    """

    def __init__(
        self, gradients: Callable[[Mapping[str, Tensor]], Gradients], update: Callable[[Gradients], None]
    ) -> None:
        self._gradients, self._update = gradients, update
        self._calls = 0
        self._first: torch.cuda.CUDAGraph | None = None
        self._second = torch.cuda.CUDAGraph()

    def gradients(self, drawn: Mapping[str, Tensor]) -> Gradients:
        """Gradients from the numbers drawn on the host for this step; valid until the next call."""
        self._calls += 1
        if self._calls <= EAGER_CALLS:
            return self._gradients({name: tensor.cuda() for name, tensor in drawn.items()})
        if self._first is None:
            self._record(drawn)
        assert self._first is not None
        for name, tensor in drawn.items():
            self._drawn[name].copy_(tensor, non_blocking=True)
        self._first.replay()
        return self._found

    def update(self, found: Gradients) -> None:
        if self._first is None:
            self._update(found)
        else:
            self._second.replay()

    def _record(self, drawn: Mapping[str, Tensor]) -> None:
        self._drawn = {name: tensor.cuda() for name, tensor in drawn.items()}
        first = torch.cuda.CUDAGraph()
        with torch.cuda.graph(first):
            self._found = self._gradients(self._drawn)
        with torch.cuda.graph(self._second, pool=first.pool()):
            self._update(self._found)
        self._first = first
