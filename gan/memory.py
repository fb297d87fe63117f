"""How a training process asks the system for memory."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h


def keep_freed_memory() -> None:
    """Have glibc keep what PyTorch frees, and back large tensors with huge pages; nothing elsewhere.

    Every step allocates and frees the same hundreds of megabytes. By default glibc gives large blocks back at once, and
    the kernel clears every page of the next ones anew: up to half of a training step on a virtual machine.
    Takes full effect when called before PyTorch's first tensor. The process's peak memory is not larger for it.
    """
    if not sys.platform.startswith("linux"):
        return
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch reads it at the first allocation
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # missing in musl
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 2**28)
