"""How long the average of the generator's weights should be, and how well the discriminator remembers its images.

    python -m benchmarks.averages ~/isic-export --seeds 1 2
    python -m benchmarks.averages ~/isic-export --seeds 1 --at 640 --half-lives 0 1400

Each training of the projected GAN keeps averages of several lengths at once, so that nothing but the average differs.
At each number of images in `--at`, KID, precision and recall of the samples of each average are compared with held-out
lesions. The membership AUC says whether the discriminator scores training images above held-out ones (0.5: it cannot
tell them apart). A training of 112,512 images takes about an hour on two cores, and each judgement a minute.
"""

import argparse
import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.quality import DIAGNOSES, row_of, samples_of, sources_of
from benchmarks.report import report
from gan.datasets.sources import Source, group_codes, split_by_lesion
from gan.foundation.diagnoses import slug_of
from gan.memorisation.copying_tests import membership_auc
from gan.runs.execution import decode
from gan.training.conditional import half_life
from gan.training.memory import keep_freed_memory
from gan.training.projected import ProjectedTrainer
from gan.training.settings import Settings

KEPT = ("kid_x1000", "kid_std_x1000", "real_kid_x1000", "precision", "recall")
Split = dict[str, tuple[list[Source], list[Source]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="ISIC export")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="one training for each (1)")
    parser.add_argument("--at", type=int, nargs="+", default=[28_000, 56_000, 84_000, 112_512], help="images seen")
    parser.add_argument(
        "--half-lives", type=int, nargs="+", default=[0, 350, 700, 1400, 2800, 5600], help="in images; 0: no average"
    )
    parser.add_argument("--grids", type=Path, default=Path("var/averages"), help="folder for grids (var/averages)")
    options = parser.parse_args()
    quality, memory = [], []
    for seed in options.seeds:
        settings = Settings(model="projected", seed=seed)
        split = {name: split_by_lesion(sources_of(options.folder, name), settings.held_out, seed) for name in DIAGNOSES}
        trainer = ProjectedTrainer(
            [decode(training, settings.size) for training, _ in split.values()], settings, torch.device("cpu")
        )
        averages = {length: copy.deepcopy(list(trainer.generator.parameters())) for length in options.half_lives}
        for images in sorted(options.at):
            train(trainer, averages, images)
            about = {"seed": seed, "images": trainer.step * settings.batch_size}
            quality += [about | row for row in judge(trainer, averages, split, options.grids)]
            memory += [about | row for row in remembered(trainer, split)]
            report("quality_averages", quality)
            report("discriminator_memory", memory)


def train(trainer: ProjectedTrainer, averages: dict[int, list[Tensor]], images: int) -> None:
    """Train until so many images were seen; `averages` of the generator's weights, by half-life, follow."""
    batch = trainer.settings.batch_size
    with tqdm(desc=f"Training, seed {trainer.settings.seed}", total=images, unit="image", disable=None) as bar:
        while trainer.step * batch < images:
            trainer.train_step()
            for length, weights in averages.items():
                forgotten = 1 - 0.5 ** (batch / length) if length else 1.0
                with torch.no_grad():
                    torch._foreach_lerp_(weights, list(trainer.generator.parameters()), forgotten)
            bar.update(trainer.step * batch - bar.n)


@torch.no_grad()
def judge(
    trainer: ProjectedTrainer, averages: dict[int, list[Tensor]], split: Split, grids: Path
) -> list[dict[str, Any]]:
    """A row for each average and diagnosis, the trainer's own average first."""
    own = copy.deepcopy(list(trainer.average.parameters()))
    seen = trainer.step * trainer.settings.batch_size
    rows = []
    for name, length, weights in [("own", half_life(seen), own), *((str(one), one, averages[one]) for one in averages)]:
        put(trainer, weights)
        for index, (diagnosis, (training, held_out)) in enumerate(split.items()):
            grid = grids / f"{trainer.settings.seed}-{seen}-{name}-{slug_of(diagnosis)}.png"
            found = row_of(diagnosis, samples_of(trainer, index), training, held_out, grid)
            about = {"average": name, "half_life": length, "diagnosis": diagnosis}
            rows.append(about | {key: found[key] for key in KEPT})
    put(trainer, own)
    return rows


def put(trainer: ProjectedTrainer, weights: list[Tensor]) -> None:
    """Make the samples those of an average, with normalisation statistics of its own."""
    torch._foreach_copy_(list(trainer.average.parameters()), weights)
    trainer._calibrated_at = -1


def remembered(trainer: ProjectedTrainer, split: Split) -> list[dict[str, Any]]:
    """The membership AUC of each diagnosis, and how often the training has seen each of its images."""
    seen = trainer.step * trainer.settings.batch_size
    rows = []
    for index, (diagnosis, parts) in enumerate(split.items()):
        scores = []
        for sources in parts:
            images = decode(sources, trainer.settings.size)
            scores.append(torch.cat([trainer.score(one, index) for one in images.split(64)]).numpy())
        counts = {"training_images": len(scores[0]), "held_out": len(scores[1])}
        counts["times_seen"] = seen / len(split) / len(scores[0])
        groups = [group_codes({diagnosis: sources})[diagnosis] for sources in parts]
        rows.append({"diagnosis": diagnosis} | counts | membership_auc(*scores, *groups))
    return rows


if __name__ == "__main__":
    keep_freed_memory()
    main()
