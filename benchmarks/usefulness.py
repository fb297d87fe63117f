"""How useful the samples of trainings of the projected GAN are: `evaluate_utility` on stored weights.

    python -m benchmarks.quality ~/isic-export --model projected --images 58112 --seeds 1 2 3 --states var/quality
    python -m benchmarks.usefulness ~/isic-export var/quality/projected-128-58112-*.safetensors

The first command stores the weights of its trainings. Classifiers then learn from the training images and from samples
of each training, and are tested on the lesions that its seed held out.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.copies import SETTINGS, stored
from benchmarks.quality import DIAGNOSES, GRID
from benchmarks.report import keep, processor
from console import progress
from gan.quality.extractors import lite2
from gan.runs.recording import grid_latents
from gan.training.batches import to_pixels
from gan.training.memory import keep_freed_memory
from gan.utility.image_pools import Images, Reader, joined
from gan.utility.measuring import measure
from gan.utility.plan import Plan
from gan.utility.report import verdict_of

KEYS = (*SETTINGS, "arithmetic", "images", "classifier", "arm", "size_of_arm")  # tell one row from another
SEED = 5  # of the latents; other benchmarks draw other samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="ISIC export")
    parser.add_argument("states", type=Path, nargs="+", help="weights that benchmarks.quality stored")
    options = parser.parse_args()
    for path in tqdm(options.states, desc="Trainings", disable=None):
        keep("usefulness", examine(options.folder, path), KEYS)


def examine(folder: Path, path: Path) -> list[dict[str, Any]]:
    """A row for each classifier and each kind and number of training images, then one for each comparison."""
    trainer, split = stored(folder, path)
    settings = trainer.settings
    training = {name: sources for name, (sources, _) in split.items()}
    seen = {source.sha256 for sources in training.values() for source in sources}
    test = {name: [one for one in held_out if one.sha256 not in seen] for name, (_, held_out) in split.items()}
    reader = Reader(settings.size, lite2(), progress)
    chunks = []
    for index, (name, sources) in enumerate(training.items()):
        latents = grid_latents(SEED + index, trainer.latent_size, Plan().seeds * len(sources)).split(GRID)
        pixels = np.concatenate([to_pixels(trainer.samples(part, index)) for part in latents])
        chunks.append(reader.read(pixels, f"generated {name}"))
    images = Images(
        list(DIAGNOSES),
        {},
        reader.pool(training, "training"),
        joined(chunks),
        reader.pool(test, "test"),
        told=True,
    )
    curves, comparisons = measure(images, Plan(), progress)
    about = {
        **{name: getattr(settings, name) for name in SETTINGS},
        "batch": settings.batch_size,
        "arithmetic": str(trainer.dtype).removeprefix("torch."),
        "images": trainer.step * settings.batch_size,
        "processor": processor(),
        "test_images": list(images.test.counts),
        "test_lesions": images.test.group_counts,
    }
    rows = []
    for row in curves:
        kind = {"classifier": row["classifier"], "arm": row["arm"], "size_of_arm": row["size"]}
        used = {"real": row["real"], "generated": row["generated"]}
        others = {name: row[name]["estimate"] for name in ("accuracy", "brier", "slope")}
        rows.append(about | kind | used | area(row) | others)
    for row in comparisons:
        kind = {"classifier": row["classifier"], "arm": f"{row['arm']} against {row['against']}", "size_of_arm": "all"}
        said = {"p_holm": row["p_holm"], "verdict": verdict_of(row["auc"], row["p_holm"])}
        rows.append(about | kind | area(row) | said)
    return rows


def area(row: dict[str, Any]) -> dict[str, Any]:
    """The row's AUC, or difference of AUC, with its interval."""
    return {"auc": row["auc"]["estimate"], "ci95": row["auc"]["ci95"]}


if __name__ == "__main__":
    keep_freed_memory()
    main()
