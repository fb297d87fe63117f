"""The training loop for one pair of networks: steps, log, snapshots, sample grids, evaluations."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Protocol

import numpy as np
import torch

from files import PART, write_file
from gan.datasets.sources import Source
from gan.foundation.kept_snapshots import is_kept, kept_path, kept_steps
from gan.foundation.seeds import derive_seed
from gan.imaging.contact_sheets import contact_sheet
from gan.imaging.image_files import png_bytes
from gan.models import Evaluation, TrainingRun, TrainingStep
from gan.runs.sampling import latent
from gan.runs.snapshots import SNAPSHOT, generator_of, read_snapshot, write_snapshot
from gan.training.batches import to_pixels
from gan.training.settings import Settings
from gan.training.trainer import Losses, Trainer

LOG = "losses.jsonl"
GRID_COLUMNS, GRID_COUNT = 8, 32
RECORD_EVERY = 20  # steps between writes to the database


class Bar(Protocol):
    """The part of tqdm that the loop uses."""

    def update(self, n: float = 1) -> object: ...
    def set_postfix_str(self, s: str) -> object: ...


BarFactory = Callable[[str, int | None, int], AbstractContextManager[Bar]]


class Recorder:
    """Runs a trainer and stores its results. If there are several processes, the first one writes."""

    def __init__(self, run: TrainingRun, name: str, trainer: Trainer, held_out: list[list[Source]]) -> None:
        """`held_out`: images for each diagnosis that `name`'s networks draw, to evaluate against."""
        self.run = run
        self.name = name
        self.trainer = trainer
        self.held_out = held_out
        self.folder = run.diagnosis_folder(name)
        self.seconds = 0.0  # time spent training, over all sessions
        self.unrecorded: list[TrainingStep] = []

    def train(self, settings: Settings, bar: BarFactory) -> None:
        self._continue_from_snapshot()
        trainer = self.trainer
        total = None if settings.minutes else settings.steps
        saved = trainer.step if self.seconds else -1
        with bar(f"Training {self.name}", total, trainer.step) as shown, self._open_log() as log:
            while (done := self._done(settings)) < 1:
                started = time.monotonic()
                losses = trainer.train_step(done)
                self.seconds += time.monotonic() - started
                self._remember(losses, log)
                shown.update()
                shown.set_postfix_str(f"generator {losses.generator:.2f}, discriminator {losses.discriminator:.2f}")
                if trainer.step % settings.snapshot_every == 0:
                    self._snapshot(log, is_kept(trainer.step, settings.snapshot_every))
                    saved = trainer.step
                if settings.evaluate_every and trainer.step % settings.evaluate_every == 0:
                    self._evaluate()
            if saved != trainer.step:
                self._snapshot(log)

    def _done(self, settings: Settings) -> float:
        """The share of the training that is done, alike in all processes; 1 at the end."""
        done = settings.share_done(self.trainer.step, self.seconds)
        if not settings.minutes:
            return done
        # In millionths, because processes tell each other whole numbers.
        return self.trainer.processes.number(int(1e6 * min(done, 1.0))) / 1e6

    def _continue_from_snapshot(self) -> None:
        path = self.folder / SNAPSHOT
        if path.exists():
            tensors, state = read_snapshot(path)
            self.trainer.load(tensors, state["step"])
            self.seconds = state["seconds"]
        if self.trainer.processes.first:
            for left in self.folder.glob(f".*{PART}"):  # a line cut off because the process was killed while writing
                left.unlink(missing_ok=True)
            for step in kept_steps(self.folder):
                if step > self.trainer.step:
                    kept_path(self.folder, step).unlink(missing_ok=True)
            # Lines logged after the snapshot will be logged again.
            for kept in (TrainingStep, Evaluation):
                of_run = self.run.steps if kept is TrainingStep else self.run.evaluations
                of_run.filter(diagnosis__in=self._names(kept), step__gt=self.trainer.step).delete()

    def _names(self, kept: type) -> list[str]:
        return [self.name] if kept is TrainingStep else self.run.networks[self.name]

    @contextmanager
    def _open_log(self) -> Iterator[IO[str] | None]:
        """The JSONL log, cut back to the snapshot's step and open for appending; None except in the first process."""
        if not self.trainer.processes.first:
            yield None
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / LOG
        kept = path.read_text().splitlines()[: self.trainer.step] if path.exists() else []
        write_file(path, "".join(f"{line}\n" for line in kept).encode())
        with path.open("a", encoding="utf-8") as log:
            yield log

    def _remember(self, losses: Losses, log: IO[str] | None) -> None:
        if log is None:
            return
        line = {
            "step": self.trainer.step,
            "generator_loss": losses.generator,
            "discriminator_loss": losses.discriminator,
            "seconds": round(self.seconds, 3),
        }
        log.write(json.dumps(line) + "\n")
        self.unrecorded.append(
            TrainingStep(
                run=self.run,
                diagnosis=self.name,
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

    def _snapshot(self, log: IO[str] | None, is_kept: bool = False) -> None:
        """Write losses, grids and, last, the weights, so that other files are never behind the snapshot.

        With `is_kept`, its generator also stays when the next snapshot comes.
        """
        if log is None:
            return
        log.flush()
        self._record()
        trainer = self.trainer
        latents = grid_latents(self.run.seed, trainer.latent_size)
        for index, diagnosis in enumerate(self.run.networks[self.name]):
            pixels = np.concatenate([to_pixels(trainer.samples(z, index)) for z in latents.split(GRID_COUNT // 2)])
            sheet = contact_sheet(pixels, GRID_COLUMNS)
            write_file(self.run.grid_path(diagnosis, trainer.step), png_bytes(sheet))
        state = {"step": trainer.step, "seconds": self.seconds, "networks": self.name, **self.run.settings}
        tensors = trainer.tensors()
        if is_kept:
            write_snapshot(kept_path(self.folder, trainer.step), dict(generator_of(tensors)), state)
        write_snapshot(self.folder / SNAPSHOT, tensors, state)

    def _evaluate(self) -> None:
        """A quick evaluation of the samples of each diagnosis, if images are held out to compare with."""
        from gan.quality.held_out import QUICK_SAMPLES, evaluate_pixels

        if not self.trainer.processes.first:
            return
        for index, diagnosis in enumerate(self.run.networks[self.name]):
            z = grid_latents(self.run.seed, self.trainer.latent_size, QUICK_SAMPLES)
            pixels = np.concatenate([to_pixels(self.trainer.samples(part, index)) for part in z.split(32)])
            figures = evaluate_pixels(pixels, self.held_out[index])
            if figures is not None:
                Evaluation.objects.update_or_create(
                    generator=self.run, diagnosis=diagnosis, step=self.trainer.step, defaults={"figures": figures}
                )


def grid_latents(seed: int, size: int, count: int = GRID_COUNT) -> torch.Tensor:
    """The latents (count, size) that all grids of a run show, so that changes can be seen."""
    return torch.stack([latent(derive_seed(seed, index), size) for index in range(count)])
