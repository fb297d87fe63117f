"""Throughput and peak memory on a GPU: each model, compared with a plain translation of the paper's DCGAN. Needs CUDA.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --eager --kernels

Images are random, because the speed of a step does not depend on them. `--eager` adds steps that were not recorded as
CUDA graphs. `--kernels` adds ways to upsample.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from benchmarks.plain_dcgan import PlainTrainer
from benchmarks.report import report
from gan.foundation.errors import GanError
from gan.networks.layers import UpsampledConv2d, _box_sum
from gan.runs.execution import TRAINERS
from gan.training.settings import Settings

WARM_UP, LEAST_STEPS, SECONDS = 8, 20, 1.5
PLAIN = "plain translation"
CASES = [
    (PLAIN, 128, (32, 128)),
    ("dcgan", 128, (32, 128)),
    ("projected", 128, (32, 128)),
    ("r3gan", 128, (32, 128)),
    ("projected", 256, (32, 128)),
    ("r3gan", 256, (32,)),
]  # step, pixels, images a step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eager", action="store_true", help="also without CUDA graphs, the smallest batch of each")
    parser.add_argument("--kernels", action="store_true", help="also compare ways to upsample")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("No CUDA GPU is visible to PyTorch; this benchmark needs one.")
    if options.kernels:
        compare_upsampling()
    rows: list[dict[str, Any]] = []
    for name, size, batches in CASES:
        for batch in batches:
            rows.append(measure(name, size, batch, recorded=name != PLAIN))
            if options.eager and batch == batches[0] and name != PLAIN:
                rows.append(measure(name, size, batch, recorded=False))
    for row in rows:
        naive = next(one for one in rows if one["batch"] == row["batch"] and one["step"] == PLAIN)
        same = row["size"] == naive["size"] and row["images_per_s"] is not None
        row["times_plain"] = row["images_per_s"] / naive["images_per_s"] if same else None
    report("gpu", rows)


def measure(name: str, size: int, batch: int, recorded: bool) -> dict[str, Any]:
    """One line of the table, without figures if the card has too little memory."""
    row: dict[str, Any] = {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "step": name,
        "size": size,
        "batch": batch,
        "graphs": recorded,
    }
    images = torch.randint(0, 256, (2 * batch, 3, size, size), dtype=torch.uint8)
    images = images.contiguous(memory_format=torch.channels_last)
    device = torch.device("cuda")
    torch.backends.cudnn.benchmark = False  # PyTorch's default, which our trainings override
    try:
        if name == PLAIN:
            trainer: Any = PlainTrainer(images, Settings(size=size, batch_size=batch), device)
            row["precision"] = "tf32" if torch.backends.cudnn.allow_tf32 else "float32"
        else:
            diagnoses = [images] if name == "dcgan" else [images, images]
            trainer = TRAINERS[name](diagnoses, Settings(model=name, size=size, batch_size=batch), device)
            trainer.recording = recorded
            row["precision"] = str(trainer.dtype).removeprefix("torch.")
        torch.cuda.reset_peak_memory_stats()
        seconds = seconds_of(trainer.train_step)
        row |= {"images_per_s": batch / seconds, "step_ms": 1000 * seconds}
    except (RuntimeError, GanError) as error:
        print(f"{name}, {size} px, batch {batch}: {error}", file=sys.stderr, flush=True)
        row |= {"precision": None, "images_per_s": None, "step_ms": None}
    row["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    trainer = None
    gc.collect()
    torch.cuda.empty_cache()
    print({key: value for key, value in row.items() if key not in ("card", "torch")}, flush=True)
    return row


def seconds_of(step: Callable[[], object], limit: float = SECONDS) -> float:
    """The wall-clock seconds of a step after a warm-up."""
    for _ in range(WARM_UP):
        step()
    torch.cuda.synchronize()
    started, steps = time.perf_counter(), 0
    while steps < LEAST_STEPS or time.perf_counter() - started < limit:
        step()
        steps += 1
        if steps % LEAST_STEPS == 0:
            torch.cuda.synchronize()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / steps


def compare_upsampling(batch: int = 128) -> None:
    """Milliseconds, forward and backward, of three versions of the DCGAN's last upsampling; bfloat16, channels last."""
    torch.backends.cudnn.benchmark = True
    layer = UpsampledConv2d(128, 128, 4).cuda().to(memory_format=torch.channels_last)
    x = torch.randn(batch, 128, 32, 32, device="cuda", dtype=torch.bfloat16)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    ways: dict[str, Callable[[], torch.Tensor]] = {
        "upsample, convolve": lambda: F.conv2d(F.interpolate(x, scale_factor=4), layer.weight, layer.bias, padding=1),
        "spread kernel": lambda: F.conv_transpose2d(x, layer.spread_kernel(4), layer.bias, stride=4, padding=1),
        "box sums": lambda: _box_sum(
            F.conv_transpose2d(x, layer.weight.transpose(0, 1).flip(-1, -2), stride=4), 4, 2, layer.bias
        ),
    }
    for name, way in ways.items():

        def both(way: Callable[[], torch.Tensor] = way) -> None:
            with torch.autocast("cuda", torch.bfloat16):
                y = way()
            torch.autograd.grad(y, (x, layer.weight), torch.ones_like(y))

        print(f"{name}: {1000 * seconds_of(both, 0.1):.2f} ms", flush=True)


if __name__ == "__main__":
    main()
