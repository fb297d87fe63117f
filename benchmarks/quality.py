"""The quality of each model's samples after the same time on the same images: a table, and grids to look at.

    python -m benchmarks.quality ~/isic-export --minutes 30
    python -m benchmarks.quality --run lesions

It trains on the melanomas and basal cell carcinomas of an ISIC export (only those of HAM10000, whose lesions are known,
if the metadata say so). 15% of them are held out by lesion, and EfficientNet-Lite2 features compare samples with them.
"""

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.report import RESULTS, report
from console import progress
from gan.dataset import Source, decode, split_by_lesion, to_pixels
from gan.diagnoses import diagnosis_of_row, slug_of
from gan.evaluation.extractors import lite2
from gan.evaluation.quality import evaluate
from gan.grids import contact_sheet
from gan.images import sha256
from gan.memory import keep_freed_memory
from gan.recording import grid_latents
from gan.runs import TRAINERS, find_run, training_set_of
from gan.sampling import draw_samples
from gan.training.settings import Settings
from gan.training.trainer import Trainer

DIAGNOSES = ("melanoma", "basal cell carcinoma")
SAMPLES = 256
GRID = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="ISIC export")
    parser.add_argument("--run", help="instead: judge this training run")
    parser.add_argument("--minutes", type=float, default=30.0, help="of training for each model, all diagnoses (30)")
    parser.add_argument("--model", choices=list(TRAINERS), action="append", help="default: projected and dcgan")
    parser.add_argument("--grids", type=Path, default=Path("var/quality"), help="folder for grids (var/quality)")
    options = parser.parse_args()
    if options.run:
        rows = judge_run(options.run, options.grids)
    elif options.folder:
        rows = []
        for model in options.model or ("dcgan", "projected"):
            rows += train_and_judge(model, options.folder, options.minutes, options.grids)
    else:
        parser.error("name an ISIC export's folder or a --run")
    report("quality", rows)
    print(f"Grids: {options.grids}; figures: {RESULTS}")


def train_and_judge(model: str, folder: Path, minutes: float, grids: Path) -> list[dict[str, Any]]:
    """Train the model's networks for some minutes in all, and evaluate their samples."""
    settings = Settings(model=model)
    split = {name: split_by_lesion(sources_of(folder, name), settings.held_out, settings.seed) for name in DIAGNOSES}
    images = {name: decode(training, settings.size) for name, (training, _) in split.items()}
    groups = [[name] for name in DIAGNOSES] if model == "dcgan" else [list(DIAGNOSES)]
    rows = []
    for stream, names in enumerate(groups):
        trainer = TRAINERS[model]([images[name] for name in names], settings, torch.device("cpu"), stream)
        seconds = train(trainer, 60 * minutes / len(groups), f"{model}, {', '.join(names)}")
        for index, name in enumerate(names):
            latents = grid_latents(1, trainer.latent_size, SAMPLES)
            pixels = np.concatenate([to_pixels(trainer.samples(part, index)) for part in latents.split(GRID)])
            training, held_out = split[name]
            seen = trainer.step * settings.batch_size
            rows.append(
                {"model": model, "images": seen, "images_per_s": seen / seconds}
                | row_of(name, pixels, training, held_out, grids / f"{model}-{slug_of(name)}.png")
            )
    return rows


def train(trainer: Trainer, limit: float, description: str) -> float:
    """Train for `limit` seconds, and return the seconds it took."""
    seconds = 0.0
    with tqdm(desc=description, total=round(limit), unit="s", disable=None) as bar:
        while seconds < limit:
            started = time.perf_counter()
            losses = trainer.train_step()
            seconds += time.perf_counter() - started
            bar.n = round(seconds)
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
    kept = ("precision", "recall", "density", "coverage")
    return {
        "diagnosis": name,
        "kid_x1000": 1000 * figures["kid"],
        "kid_std_x1000": 1000 * figures["kid_std"],
        "real_kid_x1000": 1000 * figures["floor"]["kid"],
        **{figure: figures[figure] for figure in kept},
    }


def sources_of(folder: Path, diagnosis: str) -> list[Source]:
    """The export's images of the diagnosis; only those of HAM10000 if the metadata distinguish sources."""
    found = []
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if diagnosis_of_row(row) != diagnosis or row.get("source_dataset", "HAM10000") != "HAM10000":
                continue
            path = folder / "images" / f"{row['isic_id']}.jpg"
            found.append(Source(row["isic_id"], row["lesion_id"], sha256(path.read_bytes()), path.read_bytes))
    return sorted(found, key=lambda source: source.name)


if __name__ == "__main__":
    keep_freed_memory()
    main()
