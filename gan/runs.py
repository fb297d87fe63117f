"""Training runs: starts, records, snapshots and resumes what `gan.training` computes."""

import json
import os
import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import torch
from django.db import transaction
from django.utils import timezone

from gan.dataset import Source, decode, fingerprint, from_database, from_folder, split_by_lesion, to_pixels
from gan.diagnoses import normalise_diagnosis
from gan.errors import GanError
from gan.grids import contact_sheet
from gan.images import png_bytes
from gan.models import TrainingRun, TrainingStep
from gan.networks.dcgan import latent
from gan.seeds import derive_seed
from gan.snapshots import read_snapshot, write_atomically, write_snapshot
from gan.training import Losses, Settings, Trainer, choose_device

SNAPSHOT = "snapshot.safetensors"
LOG = "losses.jsonl"
GRID_COLUMNS, GRID_COUNT = 8, 32
RECORD_EVERY = 20  # steps between writes to the database


class Bar(Protocol):
    """What of tqdm the loop uses."""

    def update(self, n: float = 1) -> object: ...
    def set_postfix_str(self, s: str) -> object: ...


BarFactory = Callable[[str, int | None, int], AbstractContextManager[Bar]]


@dataclass(frozen=True)
class TrainingSet:
    """Training images per diagnosis; with `folder`, they come from files and not from the database."""

    sources: dict[str, list[Source]]
    folder: Path | None = None

    @property
    def all(self) -> list[Source]:
        return [source for diagnosis in sorted(self.sources) for source in self.sources[diagnosis]]


def gather(diagnoses: list[str], folder: Path | None, settings: Settings) -> TrainingSet:
    """Training images of the diagnoses (all in the folder, if none are named), held-out lesions taken away."""
    wanted = list(dict.fromkeys(normalise_diagnosis(diagnosis) for diagnosis in diagnoses))
    if folder is not None:
        found = from_folder(folder)
        missing = [diagnosis for diagnosis in wanted if diagnosis not in found]
        if missing:
            raise GanError(f"{folder}: no subfolder for {', '.join(missing)} (found: {', '.join(found)}).")
    elif wanted:
        found = {diagnosis: from_database(diagnosis, settings.phantoms) for diagnosis in wanted}
    else:
        raise GanError("name at least one --diagnosis to train on, or a --data folder.")
    sources = {
        diagnosis: split_by_lesion(found[diagnosis], settings.held_out, settings.seed)[0]
        for diagnosis in (wanted or found)
    }
    return TrainingSet(sources, folder.resolve() if folder else None)


def start_run(name: str, training_set: TrainingSet, settings: Settings, device: torch.device) -> TrainingRun:
    """Record a new run, with the images that it will see."""
    pictured = [source.lesion_image_id for source in training_set.all if source.lesion_image_id is not None]
    stored = settings.as_json() | {"data": str(training_set.folder) if training_set.folder else None}
    with transaction.atomic():
        run = TrainingRun.objects.create(
            name=name,
            model=settings.model,
            settings=stored,
            diagnoses=list(training_set.sources),
            size=settings.size,
            seed=settings.seed,
            device=_device_name(device),
            software={package: version(package) for package in ("torch", "numpy", "pillow")},
            data_fingerprint=fingerprint(training_set.all),
            data_count=len(training_set.all),
            uses_phantoms=settings.phantoms,
        )
        run.training_images.set(pictured)
    if run.folder.exists():
        # Left by a database that is gone: kept, but this run must not continue from its snapshots.
        run.folder.rename(run.folder.with_name(f"{run.pk}-before-{time.time_ns()}"))
    return run


def reopen_run(reference: str) -> tuple[TrainingRun, TrainingSet, Settings]:
    """A run to resume, its images and settings. Raises `GanError` when the images are no longer the same."""
    run = TrainingRun.objects.find(reference)
    if run is None:
        raise GanError(f"no training run {reference!r}.")
    stored = dict(run.settings)
    folder = Path(data) if (data := stored.pop("data", None)) else None
    settings = Settings(**stored)
    training_set = gather(run.diagnoses, folder, settings)
    if fingerprint(training_set.all) != run.data_fingerprint:
        raise GanError(f"run {run.pk} cannot be resumed: its training images have changed since it started.")
    return run, training_set, settings


def execute(run: TrainingRun, training_set: TrainingSet, settings: Settings, device_name: str, bar: BarFactory) -> None:
    """Train every diagnosis of the run in turn, from its last snapshot if there is one, and mark it finished.

    Raises `GanError` with what went wrong; the run is then marked failed and can be resumed.
    """
    device = choose_device(device_name)
    share = settings.minutes / len(training_set.sources) if settings.minutes else None
    TrainingRun.objects.filter(pk=run.pk).update(status=TrainingRun.Status.RUNNING, error="")
    try:
        for stream, (diagnosis, sources) in enumerate(training_set.sources.items()):
            trainer = Trainer(decode(sources, settings.size), settings, device, stream)
            _Recorder(run, diagnosis, trainer).train(replace(settings, minutes=share), bar)
    except BaseException as error:
        reason = _plain_reason(error)
        TrainingRun.objects.filter(pk=run.pk).update(status=TrainingRun.Status.FAILED, error=reason)
        if isinstance(error, RuntimeError | MemoryError | OSError):
            raise GanError(f"run {run.pk} stopped: {reason}") from error
        raise
    run.status, run.finished_at = TrainingRun.Status.FINISHED, timezone.now()
    run.save(update_fields=["status", "finished_at"])


class _Recorder:
    """The loop over one diagnosis: steps, log, snapshots, sample grids."""

    def __init__(self, run: TrainingRun, diagnosis: str, trainer: Trainer) -> None:
        self.run = run
        self.diagnosis = diagnosis
        self.trainer = trainer
        self.folder = run.diagnosis_folder(diagnosis)
        self.seconds = 0.0  # spent training, over all sittings
        self.unrecorded: list[TrainingStep] = []

    def train(self, settings: Settings, bar: BarFactory) -> None:
        self._continue_from_snapshot()
        trainer = self.trainer
        started = time.monotonic() - self.seconds
        limit = settings.minutes * 60 if settings.minutes else None
        total = None if limit else settings.steps
        saved = trainer.step if self.seconds else -1
        with bar(f"Training {self.diagnosis}", total, trainer.step) as shown, self._open_log() as log:
            while self.seconds < limit if limit else trainer.step < settings.steps:
                losses = trainer.train_step()
                self.seconds = time.monotonic() - started
                log.write(json.dumps(self._log_line(losses)) + "\n")
                self._remember(losses)
                shown.update()
                shown.set_postfix_str(f"generator {losses.generator:.2f}, discriminator {losses.discriminator:.2f}")
                if trainer.step % settings.snapshot_every == 0:
                    log.flush()
                    self._snapshot()
                    saved = trainer.step
        if saved != trainer.step:
            self._snapshot()

    def _continue_from_snapshot(self) -> None:
        path = self.folder / SNAPSHOT
        if path.exists():
            tensors, state = read_snapshot(path)
            self.trainer.load(tensors, state["step"])
            self.seconds = state["seconds"]
        # What was logged after the snapshot will be logged again.
        TrainingStep.objects.filter(run=self.run, diagnosis=self.diagnosis, step__gt=self.trainer.step).delete()

    def _open_log(self):
        """The JSONL log, cut back to the snapshot's step, open for appending."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / LOG
        kept = path.read_text().splitlines()[: self.trainer.step] if path.exists() else []
        write_atomically(path, "".join(f"{line}\n" for line in kept).encode())
        return path.open("a", encoding="utf-8")

    def _log_line(self, losses: Losses) -> dict[str, float]:
        return {
            "step": self.trainer.step,
            "generator_loss": losses.generator,
            "discriminator_loss": losses.discriminator,
            "seconds": round(self.seconds, 3),
        }

    def _remember(self, losses: Losses) -> None:
        self.unrecorded.append(
            TrainingStep(
                run=self.run,
                diagnosis=self.diagnosis,
                step=self.trainer.step,
                generator_loss=losses.generator,
                discriminator_loss=losses.discriminator,
            )
        )
        if len(self.unrecorded) >= RECORD_EVERY:
            self._record()

    def _record(self) -> None:
        TrainingStep.objects.bulk_create(self.unrecorded)
        self.unrecorded.clear()

    def _snapshot(self) -> None:
        self._record()
        trainer = self.trainer
        z = torch.stack([latent(derive_seed(self.run.seed, index)) for index in range(GRID_COUNT)])
        sheet = contact_sheet(to_pixels(trainer.samples(z)), GRID_COLUMNS)
        write_atomically(self.folder / "grids" / f"step-{trainer.step:07d}.png", png_bytes(sheet))
        state = {"step": trainer.step, "seconds": self.seconds, "diagnosis": self.diagnosis, **self.run.settings}
        write_snapshot(self.folder / SNAPSHOT, trainer.tensors(), state)


def _plain_reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error).strip().splitlines()
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "out of memory; use a smaller --batch-size or --size"
    if isinstance(error, OSError):
        return f"{error.filename or 'disk'}: {error.strerror or os.strerror(error.errno or 0)}"
    return text[0] if text else type(error).__name__


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU {platform.machine()}"
