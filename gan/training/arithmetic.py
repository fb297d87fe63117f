"""Chooses the arithmetic of a training: float32, or bfloat16 where the machine is faster in it."""

import math
import time
from functools import cache

import torch

SIDE = 512  # of the square matrices whose product is timed
ROUNDS = 20
LONGEST = 1.0  # seconds
# Measured: 4 times as fast in bfloat16 (AMD EPYC), and half as fast (Intel Xeon without its matrix unit).
CLEARLY_FASTER = 1.2  # times


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type in which a training computes. `auto` is bfloat16 if the device has it and is faster in it."""
    if precision == "auto":
        faster = torch.cuda.is_bf16_supported() if device.type == "cuda" else processor_prefers_bfloat16()
        return torch.bfloat16 if faster else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


@cache
def processor_prefers_bfloat16() -> bool:
    """Whether this processor has instructions for bfloat16 and multiplies matrices faster with them.

    The instructions alone do not say so. An Intel Xeon whose virtual machine hides its matrix unit (AMX) keeps them,
    and is half as fast in them as in float32: docs/gan-figures.md. The measurement takes a tenth of a second.
    """
    if not getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)():
        return False
    seconds = seconds_of_products()
    return seconds[torch.float32] > CLEARLY_FASTER * seconds[torch.bfloat16]


def seconds_of_products() -> dict[torch.dtype, float]:
    """Seconds of a product of two matrices in each type, the fastest of some rounds, or of as many as a second holds.

    The types take turns, because the load of a machine changes from moment to moment.
    """
    factors = {dtype: torch.ones(SIDE, SIDE, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    fastest = dict.fromkeys(factors, math.inf)
    begun = time.perf_counter()
    for _ in range(ROUNDS):
        for dtype, factor in factors.items():
            started = time.perf_counter()
            factor @ factor
            fastest[dtype] = min(fastest[dtype], time.perf_counter() - started)
        if time.perf_counter() - begun > LONGEST:
            break
    return fastest
