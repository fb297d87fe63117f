"""Samples of a finished run: from latent seeds to image files, the same bytes every time."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from gan.dataset import to_pixels
from gan.diagnoses import normalise_diagnosis, slug_of
from gan.errors import GanError
from gan.images import png_bytes, sha256
from gan.models import GeneratedImage, TrainingRun
from gan.networks.dcgan import Generator, latent
from gan.runs import SNAPSHOT
from gan.seeds import derive_seed
from gan.snapshots import read_snapshot, write_atomically
from gan.storage import save_content

BATCH = 16  # always full: an image's bytes must not depend on how many are drawn with it


@dataclass(frozen=True)
class Sample:
    """One generated image and where it came from."""

    diagnosis: str
    latent_seed: int
    png: bytes


def load_generator(run: TrainingRun, diagnosis: str) -> Generator:
    """The generator of the run's last snapshot, float32 on the CPU, in evaluation mode."""
    tensors, state = read_snapshot(run.diagnosis_folder(diagnosis) / SNAPSHOT)
    generator = Generator(state["size"], state["activation"])
    weights = {
        name.removeprefix("generator."): value for name, value in tensors.items() if name.startswith("generator.")
    }
    try:
        generator.load_state_dict(weights)
    except RuntimeError:
        raise GanError(f"run {run.pk}: the snapshot of {diagnosis} does not fit its settings.") from None
    return generator.eval()


def draw_samples(run: TrainingRun, diagnosis: str, count: int, seed: int) -> Iterator[Sample]:
    """`count` samples of one diagnosis. Image i has the latent seed derived from (seed, i)."""
    generator = load_generator(run, diagnosis)
    for start in range(0, count, BATCH):
        seeds = [derive_seed(seed, index) for index in range(start, start + BATCH)]
        with torch.inference_mode():
            pixels = to_pixels(generator(torch.stack([latent(one) for one in seeds])))
        for index in range(min(BATCH, count - start)):
            yield Sample(diagnosis, seeds[index], png_bytes(pixels[index]))


def chosen_diagnoses(run: TrainingRun, diagnoses: list[str]) -> list[str]:
    """The named diagnoses, or all of the run's. Raises `GanError` for one that the run does not draw."""
    wanted = [normalise_diagnosis(diagnosis) for diagnosis in diagnoses]
    for diagnosis in wanted:
        if diagnosis not in run.diagnoses:
            raise GanError(f"run {run.pk} draws {', '.join(run.diagnoses)}, not {diagnosis!r}.")
    return wanted or list(run.diagnoses)


def register(run: TrainingRun, sample: Sample) -> bool:
    """Keep the sample as a `GeneratedImage`; False if it is there already."""
    _, created = GeneratedImage.objects.get_or_create(
        run=run,
        diagnosis=sample.diagnosis,
        latent_seed=sample.latent_seed,
        defaults={"file": save_content(sample.png, ".png"), "sha256": sha256(sample.png)},
    )
    return created


def write_folder(run: TrainingRun, samples: list[Sample], folder: Path) -> None:
    """Write the samples as files, with their provenance in `samples.csv`."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file", "run", "run_name", "diagnosis", "latent_seed", "sha256"])
    for sample in samples:
        name = f"{slug_of(sample.diagnosis)}-{sample.latent_seed}.png"
        write_atomically(folder / name, sample.png)
        writer.writerow([name, run.pk, run.name, sample.diagnosis, sample.latent_seed, sha256(sample.png)])
    write_atomically(folder / "samples.csv", table.getvalue().encode())
