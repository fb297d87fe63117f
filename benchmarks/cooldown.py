"""What the last share of the projected GAN's training should be like, and how far apart latents should be drawn.

    python -m benchmarks.cooldown ~/isic-export --seeds 1 2
    python -m benchmarks.cooldown ~/isic-export --seeds 1 2 --share 0.33 --rates falling --repulsions 1.06 1.12

Each training runs at a constant rate up to its last share. From the same weights it then continues several times: at
the same rate or at a rate that falls to 0, and with one repulsion or another (`--before` is that of the shared part).
So nothing else differs in the last share. Samples are judged as `benchmarks.quality` judges them. `--spreads` draws
them from latents of other standard deviations as well. Weights and grids stay in `--states`, and a second call does not
train again.
"""

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from scipy.spatial.distance import pdist
from tqdm import tqdm

from benchmarks.quality import DIAGNOSES, judged_otherwise, row_of, samples_of, sources_of
from benchmarks.report import keep
from gan.datasets.sources import Source, decode_pixels, split_by_lesion
from gan.foundation.diagnoses import slug_of
from gan.quality.extractors import lite2
from gan.runs.execution import decode
from gan.runs.snapshots import read_snapshot, write_snapshot
from gan.training.memory import keep_freed_memory
from gan.training.projected import ProjectedTrainer
from gan.training.settings import Settings

# Columns that tell one row from another.
ROW = (
    "seed",
    "images",
    "share",
    "learning_rate",
    "layout",
    "enlarged",
    "rate",
    "repulsion_before",
    "repulsion",
    "spread",
    "diagnosis",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="ISIC export")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="one training for each (1)")
    parser.add_argument("--images", type=int, default=75_008, help="images seen at the end (75008)")
    parser.add_argument("--share", type=float, default=0.25, help="last share of the training (0.25)")
    parser.add_argument(
        "--rates", nargs="+", choices=("constant", "falling"), default=["constant", "falling"], help="(both)"
    )
    parser.add_argument("--before", type=float, default=Settings.repulsion, help="repulsion before (the usual one)")
    parser.add_argument("--repulsions", type=float, nargs="+", default=[Settings.repulsion], help="(the usual one)")
    parser.add_argument("--spreads", type=float, nargs="+", default=[1.0], help="standard deviations of latents (1)")
    parser.add_argument("--states", type=Path, default=Path("var/cooldown"), help="folder for weights (var/cooldown)")
    options = parser.parse_args()
    options.states.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in options.seeds:
        settings = Settings(model="projected", seed=seed, cooldown=options.share, repulsion=options.before)
        split = {name: split_by_lesion(sources_of(options.folder, name), settings.held_out, seed) for name in DIAGNOSES}
        images = [decode(training, settings.size) for training, _ in split.values()]
        trainer = ProjectedTrainer(images, settings, torch.device("cpu"))
        total = options.images // settings.batch_size
        about = f"{seed}-{total}-{options.share:g}-{settings.repulsion:g}" + "-enlarged" * settings.enlarged
        shared = options.states / f"{about}-shared.safetensors"
        reach(trainer, round(total * (1 - options.share)), total, shared, falls=False)
        for rate, repulsion in product(options.rates, options.repulsions):
            trainer.settings = replace(settings, repulsion=repulsion)
            load(trainer, shared)
            state = options.states / f"{about}-{rate}-{repulsion:g}.safetensors"
            reach(trainer, total, total, state, falls=rate == "falling")
            of_all = {
                "seed": seed,
                "images": trainer.step * settings.batch_size,
                "share": options.share,
                "learning_rate": settings.learning_rate,
                "layout": settings.layout,
                "enlarged": settings.enlarged,
                "rate": rate,
                "repulsion_before": settings.repulsion,  # in the shared part
                "repulsion": repulsion,
            }
            rows += [of_all | row for row in judge(trainer, split, options.spreads, options.folder, state)]
            keep("cooldown", rows, ROW)


def reach(trainer: ProjectedTrainer, step: int, total: int, path: Path, falls: bool) -> None:
    """Train to the step of a training of `total` steps and store the weights, or load them if they are stored."""
    if path.exists():
        load(trainer, path)
        return
    for _ in tqdm(range(trainer.step, step), desc=path.stem, unit="step", disable=None):
        trainer.train_step(trainer.step / total if falls else 0.0)
    write_snapshot(path, trainer.tensors(), {"step": trainer.step})


def load(trainer: ProjectedTrainer, path: Path) -> None:
    tensors, state = read_snapshot(path)
    trainer.load(tensors, state["step"])


def judge(
    trainer: ProjectedTrainer,
    split: dict[str, tuple[list[Source], list[Source]]],
    spreads: list[float],
    folder: Path,
    state: Path,
) -> list[dict[str, Any]]:
    """A row for each spread of latents and each diagnosis, whose training and held-out images `split` holds.

    `apart` is the mean distance between two samples, in units of that between two held-out images. Grids lie beside
    the weights, `state`.
    """
    rows = []
    for spread in spreads:
        for index, (diagnosis, (training, held_out)) in enumerate(split.items()):
            pixels = samples_of(trainer, index, spread)
            grid = state.with_name(f"{state.stem}-{spread:g}-{slug_of(diagnosis)}.png")
            figures = row_of(diagnosis, pixels, training, held_out, grid)
            figures |= judged_otherwise(diagnosis, pixels, training, held_out, folder)
            generated, real = (lite2().features(one) for one in (pixels, decode_pixels(held_out, pixels.shape[1])))
            figures["apart"] = float(pdist(generated).mean() / pdist(real).mean())
            rows.append({"spread": spread} | figures)
    return rows


if __name__ == "__main__":
    keep_freed_memory()
    main()
