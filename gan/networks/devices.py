"""Where a tensor is, asked in one place, so that tests can take a GPU's way through the networks on a CPU."""

from torch import Tensor


def on_gpu(x: Tensor) -> bool:
    """Whether to go the way that suits a GPU: large kernels, and no value read on the host."""
    return x.is_cuda
