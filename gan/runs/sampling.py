"""Draws samples of a run: from latent seeds to image files, with the same bytes every time."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from django.db import transaction
from PIL import Image
from torch import Tensor

from files import write_file
from gan.foundation.diagnoses import normalise_diagnosis, slug_of
from gan.foundation.errors import GanError
from gan.foundation.kept_snapshots import kept_path
from gan.foundation.seeds import derive_seed
from gan.foundation.storage import lock_files, save_content
from gan.imaging.contact_sheets import contact_sheet
from gan.imaging.image_files import png_bytes, sha256
from gan.models import GeneratedImage, TrainingRun
from gan.networks import dcgan, projected, r3gan
from gan.runs.snapshots import SNAPSHOT, read_snapshot
from gan.training.batches import to_pixels
from gan.training.trainer import with_prefix

BATCH = 16  # always full, because an image's bytes must not depend on how many are drawn with it
STRIP_COLUMNS = 8


@dataclass(frozen=True)
class Drawer:
    """Draws one diagnosis of a run: latents (N, latent size) to images (N, 3, size, size) in [-1, 1]."""

    draw: Callable[[Tensor], Tensor]
    latent_size: int

    def pixels(self, latents: Tensor) -> np.ndarray:
        """uint8 images (N, size, size, 3) of latents, in batches of one size."""
        drawn = []
        for part in latents.split(BATCH):
            filled = torch.cat([part, part.new_zeros(BATCH - len(part), self.latent_size)])
            with torch.inference_mode():
                drawn.append(to_pixels(self.draw(filled))[: len(part)])
        return np.concatenate(drawn)


@dataclass(frozen=True)
class Sample:
    """One generated image and where it came from."""

    diagnosis: str
    latent_seed: int
    truncation: float
    png: bytes

    @property
    def pixels(self) -> np.ndarray:
        """(size, size, 3) uint8."""
        return np.asarray(Image.open(io.BytesIO(self.png)))


def weights_path(run: TrainingRun, diagnosis: str) -> Path:
    """The run's last snapshot of the networks that draw the diagnosis.

    For a snapshot, what the run kept at its step.
    """
    if run.is_snapshot:
        parent = TrainingRun.objects.get(snapshots=run)
        return kept_path(parent.diagnosis_folder(diagnosis), run.snapshot_step)
    return run.diagnosis_folder(diagnosis) / SNAPSHOT


def load_drawer(run: TrainingRun, diagnosis: str) -> Drawer:
    """The generator of the run's last snapshot, float32 on the CPU, in evaluation mode."""
    tensors, _ = read_snapshot(weights_path(run, diagnosis))
    size = run.size
    generator: dcgan.Generator | projected.Generator | r3gan.Generator
    try:
        if run.model == "dcgan":
            generator = dcgan.Generator(size, run.settings["activation"])
            generator.load_state_dict(with_prefix(tensors, "generator."))
            return Drawer(generator.eval(), dcgan.LATENT_SIZE)
        module = {"projected": projected, "r3gan": r3gan}[run.model]
        generator = module.Generator(size, len(run.diagnoses))
        generator.load_state_dict(with_prefix(tensors, "average."))
    except RuntimeError:
        raise GanError(f"run {run.pk}: the snapshot of {diagnosis} does not fit its settings.") from None
    label = run.diagnoses.index(diagnosis)
    averaged = generator.eval()
    return Drawer(lambda z: averaged(z, torch.full((len(z),), label)), module.LATENT_SIZE)


def latent(seed: int, size: int) -> Tensor:
    """The latent vector (size,) of one latent seed, drawn on the CPU so that it is the same on any device."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def latent_seed(run: TrainingRun, diagnosis: str, seed: int, index: int) -> int:
    """The latent seed of sample `index` of one diagnosis.

    A latent gives similar shapes in every diagnosis of one network, and in every snapshot of a run. A reader who sees
    two such images knows that both are generated, so each diagnosis and each snapshot has latents of its own. The first
    diagnosis of a whole run keeps those of earlier versions.
    """
    own = (run.diagnoses.index(diagnosis), run.snapshot_step or 0)
    return derive_seed(seed, index, *own) if any(own) else derive_seed(seed, index)


def draw_samples(
    run: TrainingRun, diagnosis: str, count: int | None, seed: int, truncation: float = 1.0
) -> Iterator[Sample]:
    """`count` samples of one diagnosis, or endlessly many. Image i has the latent seed `latent_seed(…, i)`.

    `truncation` below 1 multiplies the latents. It gives more typical images with less variety (Brock et al. 2019).
    """
    drawer = load_drawer(run, diagnosis)
    start = 0
    while count is None or start < count:
        seeds = [latent_seed(run, diagnosis, seed, index) for index in range(start, start + BATCH)]
        pixels = drawer.pixels(torch.stack([latent(one, drawer.latent_size) for one in seeds]) * truncation)
        for index in range(BATCH if count is None else min(BATCH, count - start)):
            yield Sample(diagnosis, seeds[index], truncation, png_bytes(pixels[index]))
        start += BATCH


def interpolation_strips(run: TrainingRun, diagnosis: str, rows: int, seed: int) -> Image.Image:
    """`rows` strips of eight images from one sample to another, along the great circle between their latents."""
    drawer = load_drawer(run, diagnosis)
    ends = torch.stack([latent(derive_seed(seed, index), drawer.latent_size) for index in range(2 * rows)])
    latents = [
        slerp(ends[2 * row], ends[2 * row + 1], step / (STRIP_COLUMNS - 1))
        for row in range(rows)
        for step in range(STRIP_COLUMNS)
    ]
    return contact_sheet(drawer.pixels(torch.stack(latents)), STRIP_COLUMNS)


def slerp(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Spherical interpolation of two latents. Their lengths stay as the generator was trained on."""
    angle = torch.acos(torch.clamp(torch.nn.functional.cosine_similarity(one, other, dim=0), -1, 1))
    if angle < 1e-6:
        return one
    return (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / torch.sin(angle)


def chosen_diagnoses(run: TrainingRun, diagnoses: list[str]) -> list[str]:
    """The named diagnoses, or all of the run's. Raises `GanError` for one that the run does not draw."""
    wanted = [normalise_diagnosis(diagnosis) for diagnosis in diagnoses]
    for diagnosis in wanted:
        if diagnosis not in run.diagnoses:
            raise GanError(f"run {run.pk} draws {', '.join(run.diagnoses)}, not {diagnosis!r}.")
    return wanted or list(run.diagnoses)


def register(run: TrainingRun, sample: Sample) -> tuple[GeneratedImage, bool]:
    """Store the sample as a `GeneratedImage`. Returns it, and True if it was not there yet."""
    file = save_content(sample.png, ".png")
    with transaction.atomic():
        image, is_new = GeneratedImage.objects.get_or_create(
            generator=run,
            diagnosis=sample.diagnosis,
            latent_seed=sample.latent_seed,
            truncation=sample.truncation,
            defaults={"file": file, "sha256": sha256(sample.png)},
        )
        if is_new:
            lock_files()
            save_content(sample.png, ".png")  # the deletion of an equal image may have removed it meanwhile
    return image, is_new


def write_folder(run: TrainingRun, samples: list[Sample], folder: Path) -> None:
    """Write the samples as files, with their provenance in `samples.csv`."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file", "run", "run_name", "diagnosis", "latent_seed", "truncation", "sha256"])
    for sample in samples:
        name = f"{slug_of(sample.diagnosis)}-{sample.latent_seed}.png"
        write_file(folder / name, sample.png)
        row = [name, run.pk, run.name, sample.diagnosis, sample.latent_seed, sample.truncation, sha256(sample.png)]
        writer.writerow(row)
    write_file(folder / "samples.csv", table.getvalue().encode())
