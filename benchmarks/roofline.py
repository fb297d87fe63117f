"""Where a training step's time goes on this processor, and how fast it could be at most: a roofline per operation.

    python -m benchmarks.roofline
    python -m benchmarks.roofline --model projected
    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python -m benchmarks.roofline
    python -m benchmarks.roofline --model projected --precision bfloat16 --limits benchmarks/results/roofline_dcgan.json

An operation must do its arithmetic, and must read its inputs and write its outputs once. The processor's limits are
measured first: a large matrix product gives FLOP/s, and a copy between large tensors gives bytes/s. The longer of both
times is the operation's bound (Williams, Waterman and Patterson 2009, "Roofline"). Small tensors may lie in a cache,
which is faster than memory, so an operation on them can be faster than its bound of memory.

The FLOP and bytes of a step do not depend on the processor. So `--limits` computes the bound that a step has on another
processor, whose limits an earlier run has measured. The times in that table are still those of this processor.

PyTorch counts the FLOP (`torch.utils.flop_counter`): those of matrix products and convolutions, and none for others. It
counts too many for the weights' gradients of grouped convolutions, which R3GAN has, so R3GAN is left out.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from tqdm import tqdm

from benchmarks.report import limited_to, processor, report, table_name
from benchmarks.timing import fastest
from gan.runs.execution import TRAINERS
from gan.training.memory import keep_freed_memory
from gan.training.settings import PRECISIONS, Settings

STEPS, WARM_UP, ROUNDS = 8, 3, 8
SHOWN = 12  # operations in the table; the others are added up
SUMMED = ("calls", "ms", "bound_ms", "gflop", "mb")
SIDE = 4096  # of the square matrices
LARGE = 2**28  # bytes; more than any cache


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("dcgan", "projected"), default="dcgan")
    default = "float32" if limited_to() else "auto"
    parser.add_argument("--precision", choices=PRECISIONS, default=default, help=f"({default})")
    parser.add_argument("--batch", type=int, default=32, help="images in a step (32)")
    parser.add_argument("--limits", type=Path, help="a table of an earlier run, whose limits are used (measured)")
    options = parser.parse_args()
    limits = json.loads(options.limits.read_text())[0] if options.limits else None
    settings = Settings(model=options.model, batch_size=options.batch, precision=options.precision)
    name = f"roofline_{options.model}" + ("_elsewhere" if limits else "")
    report(table_name(name), roofline(settings, limits))


def roofline(settings: Settings, limits: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows of the table: the whole step, then its slowest operations, then the others together.

    `limits` is the first row of such a table, whose limits are used instead of measuring them.
    """
    images = torch.randint(0, 256, (2 * settings.batch_size, 3, settings.size, settings.size), dtype=torch.uint8)
    diagnoses = 1 if settings.model == "dcgan" else 2
    trainer = TRAINERS[settings.model]([images] * diagnoses, settings, torch.device("cpu"))
    for _ in range(WARM_UP):
        trainer.train_step()
    seconds = fastest(trainer.train_step, ROUNDS)
    types = {torch.float32, trainer.dtype}
    if limits:
        flops = {dtype: 1e9 * limits[f"{_name(dtype)}_gflop_per_s"] for dtype in types}
        bandwidth = 1e9 * limits["memory_gb_per_s"]
    else:
        flops = {dtype: products_per_second(dtype) for dtype in types}
        bandwidth = bytes_per_second()
    recorder = Recorder(flops, bandwidth)
    with recorder:
        for _ in tqdm(range(STEPS), desc="Recorded steps", disable=None):
            trainer.train_step()
    found = sorted(recorder.rows.values(), key=lambda row: -row["ms"])
    for row in found:
        row.update({key: row[key] / STEPS for key in SUMMED})
    whole = {
        "operation": "whole step",
        "processor": processor(),
        "limits_of": limits["processor"] if limits else processor(),
        "arithmetic": _name(trainer.dtype),
        "step_ms": 1000 * seconds,
        "memory_gb_per_s": bandwidth / 1e9,
        **{f"{_name(dtype)}_gflop_per_s": one / 1e9 for dtype, one in flops.items()},
    }
    others = {"operation": "all others"}
    return [whole | _sum(found), *found[:SHOWN], others | _sum(found[SHOWN:])]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _sum(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {key: sum(row[key] for row in rows) for key in SUMMED}


def products_per_second(dtype: torch.dtype) -> float:
    """FLOP/s of a product of two large matrices."""
    one, other = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    return 2 * SIDE**3 / fastest(lambda: one @ other, ROUNDS)


def bytes_per_second() -> float:
    """Bytes read and written a second by a copy of a large tensor."""
    source = torch.zeros(LARGE, dtype=torch.uint8)
    target = torch.ones_like(source)
    return 2 * LARGE / fastest(lambda: target.copy_(source), ROUNDS)


class Recorder(TorchDispatchMode):
    """Adds up time, FLOP, bytes and bound of every operation, by its name and the shape of its first result."""

    def __init__(self, flops: dict[torch.dtype, float], bandwidth: float) -> None:
        super().__init__()
        self.flops, self.bandwidth = flops, bandwidth
        self.rows: dict[tuple[str, str, str], dict[str, Any]] = {}

    def __torch_dispatch__(self, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        started = time.perf_counter()
        result = operation(*args, **kwargs)
        seconds = time.perf_counter() - started
        results = [one for one in tree_leaves(result) if isinstance(one, torch.Tensor)]
        if operation.is_view or not results:
            return result
        read = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        moved = sum(one.numel() * one.element_size() for one in [*read, *results])
        count = flop_registry.get(operation.overloadpacket)
        flop = count(*args, **kwargs, out_val=result) if count else 0
        peak = self.flops.get(results[0].dtype, self.flops[torch.float32])
        arithmetic, memory = flop / peak, moved / self.bandwidth
        name = operation.overloadpacket.__name__, _shape(results[0]), _shape(read[0]) if read else ""
        new = dict(zip(("operation", "result", "first_input"), name, strict=True)) | dict.fromkeys(SUMMED, 0)
        row = self.rows.setdefault(name, new)
        row["bound_by"] = "arithmetic" if arithmetic > memory else "memory"
        found = (1, 1000 * seconds, 1000 * max(arithmetic, memory), flop / 1e9, moved / 1e6)
        for key, value in zip(SUMMED, found, strict=True):
            row[key] += value
        return result


def _shape(tensor: torch.Tensor) -> str:
    return " x ".join(map(str, tensor.shape))


if __name__ == "__main__":
    keep_freed_memory()
    main()
