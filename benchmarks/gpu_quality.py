"""What each model learns in the same time on a GPU, measured against held-out lesions. Needs CUDA.

    python -m benchmarks.gpu_quality ~/isic-export --seconds 3600 --run projected:128 r3gan:128 projected:256

Images and split are those of `benchmarks.quality`. A run is MODEL:SIZE or MODEL:SIZE:BATCH. Grids are written to
`--grids`.
"""

import argparse
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from benchmarks.quality import DIAGNOSES, GRID, sources_of, train
from benchmarks.report import report
from gan.datasets.sources import split_by_lesion
from gan.foundation.diagnoses import slug_of
from gan.foundation.errors import GanError
from gan.imaging.contact_sheets import contact_sheet
from gan.networks.features import JUDGING_SIDE, LiteFeatures
from gan.quality.extractors import Extractor, lite2
from gan.quality.held_out import evaluate
from gan.runs.execution import TRAINERS, decode
from gan.runs.recording import grid_latents
from gan.training.batches import to_pixels
from gan.training.settings import Settings

SAMPLES = 256
DEVICE = "cuda"
JUDGED_BY = ("precision", "recall", "density", "coverage")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="ISIC export")
    parser.add_argument("--run", nargs="+", default=["projected:128", "r3gan:128", "projected:256"])
    parser.add_argument("--seconds", type=float, default=3600.0, help="of training for each run (3600)")
    parser.add_argument("--grids", type=Path, default=Path("var/gpu-quality"), help="folder for grids")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("No CUDA GPU is visible to PyTorch; this benchmark needs one.")
    rows = []
    for run in tqdm(options.run, desc="Runs", disable=None):
        model, size, *batch = run.split(":")
        settings = Settings(model=model, size=int(size), batch_size=int(batch[0]) if batch else 64)
        try:
            rows += train_and_judge(settings, options.folder, options.seconds, options.grids)
        except GanError as error:  # continue, because the other runs are still useful
            print(f"{run}: {error}", file=sys.stderr)
        if rows:
            report("gpu_quality", rows)


def train_and_judge(settings: Settings, folder: Path, limit: float, grids: Path) -> list[dict[str, Any]]:
    """Lines of the table, one a diagnosis."""
    split = {name: split_by_lesion(sources_of(folder, name), settings.held_out, settings.seed) for name in DIAGNOSES}
    images = [decode(split[name][0], settings.size) for name in DIAGNOSES]
    trainer = TRAINERS[settings.model](images, settings, torch.device(DEVICE))
    torch.cuda.reset_peak_memory_stats()
    seconds = train(trainer, limit, f"{settings.model}, {settings.size} px")
    seen = trainer.step * settings.batch_size
    rows = []
    for index, name in enumerate(DIAGNOSES):
        latents = grid_latents(1, trainer.latent_size, SAMPLES)
        pixels = np.concatenate([to_pixels(trainer.samples(part, index)) for part in latents.split(GRID)])
        training, held_out = split[name]
        grids.mkdir(parents=True, exist_ok=True)
        contact_sheet(pixels[:GRID], 8).save(grids / f"{settings.model}-{settings.size}-{slug_of(name)}.png")
        figures = evaluate(pixels, training, held_out, judge())
        rows.append(
            {
                "card": torch.cuda.get_device_name(),
                "model": settings.model,
                "size": settings.size,
                "batch": settings.batch_size,
                "seconds": seconds,
                "images": seen,
                "images_per_s": seen / seconds,
                "peak_gb": torch.cuda.max_memory_allocated() / 1e9,
                "training": len(training),
                "held_out": len(held_out),
                "diagnosis": name,
                "kid_x1000": 1000 * figures["kid"],
                "kid_std_x1000": 1000 * figures["kid_std"],
                "real_kid_x1000": 1000 * figures["floor"]["kid"],
                **{figure: figures[figure] for figure in JUDGED_BY},
                **{f"real_{figure}": figures["floor"][figure] for figure in JUDGED_BY},
            }
        )
    return rows


@cache
def judge() -> Extractor:
    """`lite2` on the GPU, in float32 throughout."""
    network = LiteFeatures(2).to(DEVICE)

    def extract(images: torch.Tensor) -> torch.Tensor:
        allowed, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, False
        images = images.to(DEVICE).float()
        scaled = F.interpolate(images, (JUDGING_SIDE, JUDGING_SIDE), mode="bilinear", antialias=True) / 127.5 - 1
        found = network.pooled(scaled.contiguous(memory_format=torch.channels_last))
        torch.backends.cudnn.allow_tf32 = allowed
        return found

    return Extractor(lite2().name, extract)


if __name__ == "__main__":
    main()
