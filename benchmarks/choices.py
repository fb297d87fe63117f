"""What the projected GAN's choices are worth: trainings that differ in one of them, for several seeds.

    python -m benchmarks.choices ~/isic-export --seeds 12 13 14

A choice whose step takes longer on two cores sees fewer images, so that all take about the same time there. Images and
lesions are those of `benchmarks.quality`. On a GPU the trainings of one seed run side by side. On a CPU they run one
after the other, each as long as one training of `benchmarks.quality --images`.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.gpu_quality import judge
from benchmarks.quality import DIAGNOSES, GRID, sources_of
from benchmarks.quality import train as train_alone
from benchmarks.report import keep, processor
from benchmarks.side_by_side import begin, finish
from benchmarks.spectrum import relative_power
from gan.datasets.sources import decode_pixels, split_by_lesion
from gan.foundation.diagnoses import slug_of
from gan.imaging.contact_sheets import contact_sheet
from gan.networks import projected as networks
from gan.quality.extractors import Extractor, lite2
from gan.quality.metrics import kid, precision_recall
from gan.quality.patches import sliced_wasserstein
from gan.runs.execution import decode
from gan.runs.recording import grid_latents
from gan.training import projected as training
from gan.training.batches import to_pixels
from gan.training.memory import keep_freed_memory
from gan.training.projected import ProjectedTrainer
from gan.training.settings import Settings
from gan.training.trainer import choose_device

SAMPLES, JUDGED_AT_ONCE = 512, 256


@dataclass(frozen=True)
class Choice:
    """How a training differs from `train_gan --model projected`."""

    settings: dict[str, Any] = field(default_factory=dict)
    refined_to: int = networks.REFINED_TO  # pixels up to which every block has a second convolution
    weight: float = training.MATCHING_WEIGHT
    enlarges_all: bool = False  # and not only every second stretch of a batch
    share: float = 1.0  # of --images, that a step on two cores leaves time for


WITHOUT: dict[str, Any] = {"enlarged": False}
LAYOUT = WITHOUT | {"repulsion": 1.0}
FIRST = LAYOUT | {"layout": False}  # none of the three that came later
HALF = training.MATCHING_WEIGHT / 2  # so that both comparisons together weigh as much as one
IN_THE_SAME_TIME = 0.7748
CHOICES = {
    "0.0008, falling, layout, repulsion, enlarged": Choice(share=IN_THE_SAME_TIME),
    "enlarged, half the weight": Choice(weight=HALF, share=IN_THE_SAME_TIME),
    "enlarged, half the weight, repulsion 1.12": Choice({"repulsion": 1.12}, weight=HALF, share=IN_THE_SAME_TIME),
    "all enlarged, half the weight": Choice(weight=HALF, enlarges_all=True, share=0.6212),
    "0.0008, falling, layout, repulsion": Choice(WITHOUT),
    "0.0008, falling, layout": Choice(LAYOUT),
    "0.0008, falling": Choice(FIRST),
    "0.0008, constant": Choice(FIRST | {"cooldown": 0.0}),
    "0.0004, falling": Choice(FIRST | {"learning_rate": 4e-4}),
    "0.0004, falling, layout": Choice(LAYOUT | {"learning_rate": 4e-4}),
    "0.0016, falling": Choice(FIRST | {"learning_rate": 16e-4}),
    "0.0016, falling, layout": Choice(LAYOUT | {"learning_rate": 16e-4}),
    "0.0008, falling, more layers": Choice(FIRST, refined_to=128),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="ISIC export")
    parser.add_argument("--seeds", type=int, nargs="+", default=[12, 13, 14], help="one training for each (12 13 14)")
    parser.add_argument("--choices", nargs="+", choices=list(CHOICES), default=list(CHOICES), metavar="C", help="(all)")
    parser.add_argument("--images", type=int, default=56_000, help="seen without enlarging (56000)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    parser.add_argument("--grids", type=Path, default=Path("var/choices"), help="folder for grids (var/choices)")
    options = parser.parse_args()
    options.grids.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for seed in tqdm(options.seeds, desc="Seeds", disable=None):
        rows += train_and_judge(seed, options.choices, options.folder, options.images, options.device, options.grids)
        keep("choices", rows, ("choice", "seed", "images", "diagnosis", "card"))


def train_and_judge(
    seed: int, choices: list[str], folder: Path, seen: int, device_name: str, grids: Path
) -> list[dict[str, Any]]:
    """A row for each choice and diagnosis."""
    device = choose_device(device_name)
    on_gpu = device.type == "cuda"
    usual = Settings(model="projected", seed=seed)
    split = {name: split_by_lesion(sources_of(folder, name), usual.held_out, seed) for name in DIAGNOSES}
    images = [decode(training_part, usual.size) for training_part, _ in split.values()]
    steps = [int(CHOICES[name].share * seen) // usual.batch_size for name in choices]
    trainers, streams = [], []
    for name, end in zip(choices, steps, strict=True):
        settings = Settings(model="projected", seed=seed, **CHOICES[name].settings)
        with made(CHOICES[name]):
            trainers.append(ProjectedTrainer(images, settings, device))
            if on_gpu:
                streams.append(begin(trainers[-1], end))
            else:
                train_alone(trainers[-1], 0, f"{name}, seed {seed}", end)
    if on_gpu:
        finish(trainers, streams, steps)
    judged_by = judge() if on_gpu else lite2()
    return [
        {
            "card": torch.cuda.get_device_name() if on_gpu else processor(),
            "choice": name,
            "seed": seed,
            "images": trainer.step * usual.batch_size,
            "diagnosis": diagnosis,
        }
        | figures_of(
            trainer, index, decode_pixels(split[diagnosis][1], usual.size), judged_by, grids / name.replace(", ", "-")
        )
        for name, trainer in zip(choices, trainers, strict=True)
        for index, diagnosis in enumerate(DIAGNOSES)
    ]


def all_of(batch: int, rank: int, processes: int) -> tuple[list[int], float]:
    """As `every_second_stretch`, but every image of the batch."""
    return list(range(batch)), 1.0


@contextmanager
def made(choice: Choice) -> Iterator[None]:
    """Within it, trainers are built and train as the choice says, as far as `Settings` does not."""
    part = all_of if choice.enlarges_all else networks.every_second_stretch
    with (
        patch.object(networks, "REFINED_TO", choice.refined_to),
        patch.object(networks, "every_second_stretch", part),
        patch.object(training, "MATCHING_WEIGHT", choice.weight),
    ):
        yield


def figures_of(
    trainer: ProjectedTrainer, diagnosis: int, real: np.ndarray, judged_by: Extractor, grid: Path
) -> dict[str, float]:
    """KID of 512 samples against real images (M, S, S, 3), other figures of 256 at once; the grid is written too."""
    latents = grid_latents(1, trainer.latent_size, SAMPLES)
    pixels = np.concatenate([to_pixels(trainer.samples(part, diagnosis)) for part in latents.split(GRID)])
    path = grid.with_name(f"{grid.name}-{trainer.settings.seed}-{slug_of(DIAGNOSES[diagnosis])}.png")
    contact_sheet(pixels[:GRID], 8).save(path)
    generated, theirs = judged_by.features(pixels), judged_by.features(real)
    parts = [generated[start : start + JUDGED_AT_ONCE] for start in range(0, SAMPLES, JUDGED_AT_ONCE)]
    precision, recall = np.mean([precision_recall(part, theirs) for part in parts], axis=0)
    patches = sliced_wasserstein(pixels[:JUDGED_AT_ONCE], real)
    return {
        "kid_x1000": 1000 * kid(generated, theirs)[0],
        "precision": float(precision),
        "recall": float(recall),
        **{f"patches_{side}_x1000": 1000 * one for side, one in patches.items()},
        **{f"power_{wave}": one for wave, one in relative_power(pixels, real).items()},
    }


if __name__ == "__main__":
    keep_freed_memory()
    main()
