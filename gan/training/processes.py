"""Lets several processes share one training, as started by `torchrun`."""

import os
from collections.abc import Sequence

import torch
from torch import Tensor
from torch import distributed as dist

from gan.foundation.errors import GanError


class Processes:
    """This process among those that train together; alone unless started by `torchrun`.

    The work of DistributedDataParallel is done here by hand. Weights start alike because they are drawn from one seed,
    and gradients are averaged before every step. Its wrapper needs one `backward` through one module, but our steps
    compute the gradients of chosen weights only.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of a batch (B, …) drawn for all: (B / count, …)."""
        each = len(batch) // self.count
        return batch[self.rank * each : (self.rank + 1) * each]

    def average(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The mean of each tensor over the processes, in one exchange."""
        if self.count == 1:
            return list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.count
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def number(self, value: int) -> int:
        """The first process's number, for all."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.broadcast(shared, 0)
        return int(shared.item())


def join_processes(device: str) -> Processes:
    """Connect to the other processes of a `torchrun`, or stay alone without one. CUDA uses NCCL, CPUs use gloo."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes()
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    try:
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if on_gpu else "gloo")
    except (KeyError, ValueError, RuntimeError) as error:
        raise GanError(f"the processes did not meet: {str(error).splitlines()[0]}") from None
    return Processes(dist.get_rank(), count)
