"""The quality of each model's samples after the same time on the same images: a table, and grids to look at.

    python -m benchmarks.quality ~/isic-export --minutes 30 --seeds 1 2 3
    python -m benchmarks.quality ~/isic-export --images 112512 --seeds 1 2 3
    python -m benchmarks.quality --run lesions

It trains on the melanomas and basal cell carcinomas of an ISIC export (only those of HAM10000, whose lesions are known,
if the metadata say so). 15% of them are held out by lesion. A seed decides which lesions are held out, and all
randomness of the training. Three judges compare the samples with the held-out images: EfficientNet-Lite2, a network
that was trained from scratch on other images (`benchmarks.other_judge`), and patches without any network. On a busy
machine, `--images` trains on as many images as an idle one sees in the time; the figures of quality are then those of
the idle machine. Each finished training is written to the table at once.
"""

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.isic_export import read_export
from benchmarks.other_judge import other_judge
from benchmarks.report import RESULTS, keep, processor, report
from benchmarks.spectrum import relative_power
from console import progress
from gan.datasets.sources import Source, decode_pixels, split_by_lesion
from gan.datasets.training_sets import training_set_of
from gan.foundation.diagnoses import slug_of
from gan.imaging.contact_sheets import contact_sheet
from gan.networks.projected import SIZES
from gan.quality.extractors import lite2
from gan.quality.held_out import evaluate
from gan.runs.execution import TRAINERS, decode, find_run
from gan.runs.recording import grid_latents
from gan.runs.sampling import draw_samples
from gan.runs.snapshots import write_snapshot
from gan.training.batches import to_pixels
from gan.training.memory import keep_freed_memory
from gan.training.settings import PRECISIONS, Settings
from gan.training.trainer import Trainer

DIAGNOSES = ("melanoma", "basal cell carcinoma")
SAMPLES = 256
GRID = 32
# Columns that tell one training from another.
TRAINING = (
    "model",
    "size",
    "diagnosis",
    "batch",
    "learning_rate",
    "cooldown",
    "layout",
    "repulsion",
    "enlarged",
    "seed",
    "arithmetic",
    "processor",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="ISIC export")
    parser.add_argument("--run", help="instead: judge this training run")
    parser.add_argument("--minutes", type=float, default=30.0, help="of training for each model, all diagnoses (30)")
    parser.add_argument("--images", type=int, help="instead: train until so many images were seen, all diagnoses")
    parser.add_argument("--size", type=int, choices=SIZES, default=128, help="pixels (128)")
    parser.add_argument("--batch", type=int, default=32, help="images in a step (32)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="(auto)")
    parser.add_argument("--cooldown", type=float, help="share, as of `train_gan`")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one training for each (0)")
    parser.add_argument("--model", choices=list(TRAINERS), action="append", help="default: projected and dcgan")
    parser.add_argument("--grids", type=Path, default=Path("var/quality"), help="folder for grids (var/quality)")
    parser.add_argument("--states", type=Path, help="folder for the trained weights (they are not kept)")
    options = parser.parse_args()
    if options.run:
        report("quality_run", judge_run(options.run, options.grids))
    elif options.folder:
        for model in options.model or ("dcgan", "projected"):
            for seed in options.seeds:
                settings = Settings(
                    model=model,
                    size=options.size,
                    seed=seed,
                    batch_size=options.batch,
                    precision=options.precision,
                    cooldown=options.cooldown,
                )
                rows = train_and_judge(
                    settings, options.folder, options.minutes, options.images, options.grids, options.states
                )
                keep("quality", rows, TRAINING)
    else:
        parser.error("name an ISIC export's folder or a --run")
    print(f"Grids: {options.grids}; figures: {RESULTS}")


def train_and_judge(
    settings: Settings,
    folder: Path,
    minutes: float,
    images_limit: int | None,
    grids: Path,
    states: Path | None = None,
) -> list[dict[str, Any]]:
    """Train the model's networks for some minutes or images in all, and evaluate their samples."""
    model = settings.model
    split = {name: split_by_lesion(sources_of(folder, name), settings.held_out, settings.seed) for name in DIAGNOSES}
    images = {name: decode(training, settings.size) for name, (training, _) in split.items()}
    groups = [[name] for name in DIAGNOSES] if model == "dcgan" else [list(DIAGNOSES)]
    rows = []
    for stream, names in enumerate(groups):
        trainer = TRAINERS[model]([images[name] for name in names], settings, torch.device("cpu"), stream)
        description = f"{model}, seed {settings.seed}, {', '.join(names)}"
        if images_limit:
            steps = math.ceil(images_limit / len(groups) / settings.batch_size)
            seconds = train(trainer, math.inf, description, steps)
        else:
            seconds = train(trainer, 60 * minutes / len(groups), description)
        if states:
            about = f"{model}-{settings.size}-{trainer.step * settings.batch_size}-{settings.seed}-{stream}"
            state = {"step": trainer.step, "settings": settings.as_json()}
            write_snapshot(states / f"{about}.safetensors", trainer.tensors(), state)
        for index, name in enumerate(names):
            pixels = samples_of(trainer, index)
            training, held_out = split[name]
            seen = trainer.step * settings.batch_size
            rows.append(
                {
                    "model": model,
                    "size": settings.size,
                    "batch": settings.batch_size,
                    "learning_rate": settings.learning_rate,
                    "cooldown": settings.cooldown,
                    "layout": settings.layout,
                    "repulsion": settings.repulsion,
                    "enlarged": settings.enlarged,
                    "seed": settings.seed,
                    "images": seen,
                    "images_per_s": seen / seconds,
                }
                | {"processor": processor(), "arithmetic": str(trainer.dtype).removeprefix("torch.")}
                | {"threads": torch.get_num_threads()}
                | row_of(
                    name,
                    pixels,
                    training,
                    held_out,
                    grids / f"{model}-{settings.size}-{settings.seed}-{slug_of(name)}.png",
                )
                | judged_otherwise(name, pixels, training, held_out, folder)
            )
    return rows


def samples_of(trainer: Trainer, diagnosis: int, spread: float = 1.0) -> np.ndarray:
    """Samples (256, S, S, 3), uint8, of the same latents at every call, with the standard deviation `spread`."""
    latents = spread * grid_latents(1, trainer.latent_size, SAMPLES)
    return np.concatenate([to_pixels(trainer.samples(part, diagnosis)) for part in latents.split(GRID)])


def train(trainer: Trainer, limit: float, description: str, steps: int | None = None) -> float:
    """Train for `limit` seconds, or for `steps` if given, and return the seconds it took."""
    seconds = 0.0
    with tqdm(desc=description, total=steps or round(limit), unit="step" if steps else "s", disable=None) as bar:
        while trainer.step < steps if steps else seconds < limit:
            started = time.perf_counter()
            losses = trainer.train_step(trainer.step / steps if steps else seconds / limit)
            seconds += time.perf_counter() - started
            bar.n = trainer.step if steps else round(seconds)
            bar.set_postfix_str(f"generator {losses.generator:.2f}, discriminator {losses.discriminator:.2f}")
    return seconds


def judge_run(reference: str, grids: Path) -> list[dict[str, Any]]:
    run = find_run(reference)
    split = training_set_of(run)
    rows = []
    for name in run.diagnoses:
        pixels = np.stack([sample.pixels for sample in draw_samples(run, name, SAMPLES, seed=1)])
        path = grids / f"run-{run.pk}-{slug_of(name)}.png"
        rows.append({"model": run.model} | row_of(name, pixels, split.sources[name], split.held_out[name], path))
    return rows


def row_of(name: str, pixels: np.ndarray, training: list[Source], held_out: list[Source], grid: Path) -> dict[str, Any]:
    """One line of the table, and the grid on disk."""
    grid.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(pixels[:GRID], 8).save(grid)
    figures = evaluate(pixels, training, held_out, lite2(), progress)
    trained_on, real = (decode_pixels(sources, pixels.shape[1]) for sources in (training, held_out))
    kept = ("precision", "recall", "density", "coverage")
    return {
        "diagnosis": name,
        "kid_x1000": 1000 * figures["kid"],
        "kid_std_x1000": 1000 * figures["kid_std"],
        "real_kid_x1000": 1000 * figures["floor"]["kid"],
        **{figure: figures[figure] for figure in kept},
        **{f"real_{figure}": figures["floor"][figure] for figure in kept},
        **{f"patches_{side}_x1000": 1000 * distance for side, distance in figures["swd"].items()},
        **{f"real_patches_{side}_x1000": 1000 * distance for side, distance in figures["floor"]["swd"].items()},
        **{f"power_{wave}": power for wave, power in relative_power(pixels, real).items()},
        **{f"real_power_{wave}": power for wave, power in relative_power(trained_on, real).items()},
    }


def judged_otherwise(
    name: str, pixels: np.ndarray, training: list[Source], held_out: list[Source], folder: Path
) -> dict[str, Any]:
    """What the network trained from scratch says."""
    figures = evaluate(pixels, training, held_out, other_judge(folder, frozenset(DIAGNOSES)), progress)
    return {
        "other_kid_x1000": 1000 * figures["kid"],
        "other_kid_std_x1000": 1000 * figures["kid_std"],
        "real_other_kid_x1000": 1000 * figures["floor"]["kid"],
        "other_recall": figures["recall"],
        "real_other_recall": figures["floor"]["recall"],
    }


def sources_of(folder: Path, diagnosis: str) -> list[Source]:
    """The export's images of the diagnosis, of HAM10000 alone if the metadata tell sources apart."""
    return [one.source for one in read_export(folder) if one.diagnosis == diagnosis and one.lesion_known]


if __name__ == "__main__":
    keep_freed_memory()
    main()
