"""What trainings of the projected GAN copy and remember: the audit of 512 samples, and the discriminator's memory.

    python -m benchmarks.quality ~/isic-export --model projected --images 58112 --seeds 1 2 --states var/quality
    python -m benchmarks.copies ~/isic-export var/quality/projected-128-58112-*.safetensors

The first command stores the weights of its trainings. The second takes a few minutes for each of them.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.averages import remembered
from benchmarks.quality import DIAGNOSES, GRID, sources_of
from benchmarks.report import keep
from console import progress
from gan.datasets.sources import Source, decode_pixels, labels_of, split_by_lesion
from gan.foundation.diagnoses import slug_of
from gan.memorisation.audit import audit
from gan.memorisation.distances import reference_of
from gan.quality.extractors import lite2
from gan.runs.execution import decode
from gan.runs.recording import grid_latents
from gan.runs.snapshots import read_snapshot
from gan.training.batches import to_pixels
from gan.training.memory import keep_freed_memory
from gan.training.projected import ProjectedTrainer
from gan.training.settings import Settings

SAMPLES = 512  # half of them of each diagnosis
SEED = 3  # of the latents; other benchmarks draw other samples
FIGURES = ("share_closer", "p_value", "authenticity", "data_copying_z", "alarms")
SETTINGS = ("model", "size", "learning_rate", "cooldown", "layout", "repulsion", "enlarged", "seed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="ISIC export")
    parser.add_argument("states", type=Path, nargs="+", help="weights that benchmarks.quality stored")
    options = parser.parse_args()
    rows = []
    for path in tqdm(options.states, desc="Trainings", disable=None):
        rows.append(examine(options.folder, path))
        keep("audit", rows, [*SETTINGS, "arithmetic", "images"])


def stored(folder: Path, path: Path) -> tuple[ProjectedTrainer, dict[str, tuple[list[Source], list[Source]]]]:
    """A training with its stored weights, and its training and held-out images by diagnosis."""
    tensors, state = read_snapshot(path)
    settings = Settings.from_json(state["settings"])
    split = {name: split_by_lesion(sources_of(folder, name), settings.held_out, settings.seed) for name in DIAGNOSES}
    trainer = ProjectedTrainer(
        [decode(training, settings.size) for training, _ in split.values()], settings, torch.device("cpu")
    )
    trainer.load(tensors, state["step"])
    return trainer, split


def examine(folder: Path, path: Path) -> dict[str, Any]:
    """The audit and the discriminator's memory of one training, on the lesions of its seed."""
    trainer, split = stored(folder, path)
    settings = trainer.settings
    training, held_out = (
        np.concatenate([decode_pixels(parts[index], settings.size) for parts in split.values()]) for index in (0, 1)
    )
    latents = grid_latents(SEED, trainer.latent_size, SAMPLES).split(GRID)
    drawn = np.concatenate([to_pixels(trainer.samples(z, index % len(DIAGNOSES))) for index, z in enumerate(latents)])
    shown = np.repeat(np.resize(DIAGNOSES, len(latents)), GRID)
    names = [str(index) for index in range(len(training))]
    group, diagnosis = labels_of({name: parts[1] for name, parts in split.items()})
    reference = reference_of(names, training, held_out, lite2(), progress, group, diagnosis=diagnosis)
    found = audit(drawn, training, reference, progress, shown)
    return {
        **{name: getattr(settings, name) for name in SETTINGS},
        "batch": settings.batch_size,
        "arithmetic": str(trainer.dtype).removeprefix("torch."),
        "images": trainer.step * settings.batch_size,
        "samples": found["samples"],
        "training_images": found["training_images"],
        "held_out_images": found["held_out_images"],
        **{name: found[name] for name in FIGURES},
        **{f"null_{name}": found["null"][name] for name in FIGURES},
        "planted": [one["planted"] for one in found["power"]],
        "planted_found": [round(one["recall"] * one["planted"]) for one in found["power"]],
        "planted_closer": [one["share_closer"] for one in found["power"]],
        **{f"auc_{slug_of(row['diagnosis'])}": [row["auc"], *row["ci95"]] for row in remembered(trainer, split)},
    }


if __name__ == "__main__":
    keep_freed_memory()
    main()
