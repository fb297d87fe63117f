"""Starts, resumes and executes training runs, which `gan.training` computes."""

import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from django.db import DatabaseError, transaction
from django.utils import timezone
from torch import Tensor

from gan.datasets.sources import Source, decode_pixels, fingerprint
from gan.datasets.training_sets import TrainingSet, training_set_of
from gan.foundation.diagnoses import normalise_diagnosis
from gan.foundation.errors import GanError
from gan.foundation.run_lock import locked
from gan.models import TrainingName, TrainingRun
from gan.runs.recording import LOG, BarFactory, Recorder
from gan.runs.snapshots import SNAPSHOT, read_state
from gan.training.dcgan import DCGANTrainer
from gan.training.processes import Processes
from gan.training.projected import ProjectedTrainer
from gan.training.r3gan import R3GANTrainer
from gan.training.settings import Settings
from gan.training.trainer import Trainer, choose_device

TRAINERS: dict[str, type[Trainer]] = {"dcgan": DCGANTrainer, "projected": ProjectedTrainer, "r3gan": R3GANTrainer}
MIN_IMAGES = 2


def start_run(name: str, training_set: TrainingSet, settings: Settings, device: torch.device) -> TrainingRun:
    """Record a new run with the images that it will see."""
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
        if training_set.folder:
            # The same images may be in the record, or be imported later. No study may take them for held-out ones.
            names = (name for source in training_set.all for name in (source.sha256, source.name))
            TrainingName.objects.remember(run, names)
    if run.folder.exists():
        # A lost database left this folder. It is kept, but this run must not continue from its snapshots.
        run.folder.rename(run.folder.with_name(f"{run.pk}-before-{time.time_ns()}"))
    return run


def find_run(reference: str) -> TrainingRun:
    """The run with this id or name. Raises `GanError` if there is none."""
    run = TrainingRun.objects.find(reference)
    if run is None:
        raise GanError(TrainingRun.objects.missing(reference))
    return run


def snapshot_at(run: TrainingRun, step: int) -> TrainingRun:
    """The run's generator at a step that it kept, as a generator of its own, so that studies can compare them.

    Raises `GanError`, which names the available steps.
    """
    if run.is_snapshot:
        raise GanError(f"--step: run {run.pk} is a snapshot itself, of run {run.snapshot_of_id}.")
    if step not in (kept := run.kept_steps()):
        there = ", ".join(map(str, kept)) or "none; runs of earlier versions kept only their last snapshot"
        raise GanError(f"--step {step}: run {run.pk} kept no snapshot of that step (kept: {there}).")
    ending = f", step {step}"
    copied = (
        "diagnoses", "size", "uses_phantoms", "trained_on", "data_fingerprint", "data_count", "model", "settings",
        "seed", "device", "software",
    )  # fmt: skip
    values = {name: getattr(run, name) for name in copied} | {
        "name": run.name[: 80 - len(ending)] + ending,
        "status": TrainingRun.Status.FINISHED,
        "finished_at": timezone.now(),
    }
    with transaction.atomic():
        found, is_new = TrainingRun.objects.get_or_create(snapshot_of_id=run.pk, snapshot_step=step, defaults=values)
        if is_new:
            found.training_images.set(run.training_images.all())
            names = run.training_names.values_list("value", flat=True)
            TrainingName.objects.bulk_create([TrainingName(generator=found, value=one) for one in names])
    return found


# Settings that a resumed run may change: its length, and those that do not change the images that it sees.
CHANGEABLE = ("steps", "minutes", "cooldown", "precision", "snapshot_every", "evaluate_every")


def reopen_run(
    reference: str,
    asked: Mapping[str, Any] | None = None,
    diagnoses: Sequence[str] = (),
    folder: Path | None = None,
    name: str | None = None,
) -> tuple[TrainingRun, TrainingSet, Settings]:
    """A run to resume, its images and its settings, including new values for settings that may change.

    Raises `GanError` if a new value contradicts how the run was started, or if its snapshot is lost.
    """
    run = find_run(reference)
    if run.is_snapshot:
        raise GanError(f"run {run.pk} is a snapshot of run {run.snapshot_of_id}: only that one can be trained on.")
    _check_snapshots(run)
    settings = Settings.from_json(run.settings)
    asked = {key: value for key, value in (asked or {}).items() if value is not None}
    stored = {key: getattr(settings, key) for key in asked} | {"diagnosis": run.diagnoses, "name": run.name}
    stored["data"] = run.settings.get("data")
    fixed = {key: value for key, value in asked.items() if key not in CHANGEABLE}
    if diagnoses:
        fixed["diagnosis"] = list(dict.fromkeys(normalise_diagnosis(one) for one in diagnoses))
    if folder is not None:
        fixed["data"] = str(folder.resolve())
    if name is not None:
        fixed["name"] = name
    for key, value in fixed.items():
        if value != stored[key]:
            option = key.replace("_", "-")
            raise GanError(
                f"--{option} {_listed(value)}: run {run.pk} was started with {_listed(stored[key])}, and a resumed "
                "run keeps what it was started with. Leave the option out, or start another run."
            )
    changed = {key: value for key, value in asked.items() if key in CHANGEABLE}
    if "steps" in changed and "minutes" not in changed:
        changed["minutes"] = None
    new = replace(settings, **changed)
    done = run.last_step()
    if changed.get("steps") is not None and changed["steps"] < done:
        raise GanError(f"--steps {changed['steps']}: run {run.pk} has done {done} steps already.")
    for key in ("cooldown", "precision"):
        if getattr(new, key) != getattr(settings, key) and not has_work_left(run, new):
            # It would be recorded as a setting of weights that it had no part in.
            raise GanError(
                f"--{key} {changed[key]}: run {run.pk} has finished its training, so nothing would be trained with it. "
                "Make the run longer with --steps or --minutes."
            )
    return run, training_set_of(run), new


def _check_snapshots(run: TrainingRun) -> None:
    """Raise `GanError` if the run had a snapshot that is missing now.

    Training would begin anew and erase the run's figures, and images that it drew would be those of other networks.
    """
    for name in run.networks:
        folder = run.diagnosis_folder(name)
        if not (folder / SNAPSHOT).exists() and _had_snapshot(run, name):
            raise GanError(
                f"run {run.pk} ({run.name}) is trained up to step {run.last_step()}, but {folder / SNAPSHOT} is "
                "missing. Bring the run's folder back, from a backup made with --with-runs, or start another run. "
                "Training from the beginning would erase the run's figures."
            )


def _had_snapshot(run: TrainingRun, name: str) -> bool:
    """Whether the networks of this name got as far as a snapshot. A run may be killed before its first one."""
    last = run.steps.filter(diagnosis=name).order_by("-step").values_list("step", flat=True).first() or 0
    if not last:
        return False
    return (
        run.status == TrainingRun.Status.FINISHED
        or last > Settings.from_json(run.settings).snapshot_every
        or not (run.diagnosis_folder(name) / LOG).exists()  # it is there from before the first step
        or run.generated_images.filter(diagnosis__in=run.networks[name]).exists()
    )


def has_work_left(run: TrainingRun, settings: Settings) -> bool:
    """Whether some networks of the run have not reached the end that the settings ask for."""
    settings = _of_one_network(run, settings)
    for name in run.networks:
        path = run.diagnosis_folder(name) / SNAPSHOT
        state: dict[str, Any] = read_state(path) if path.exists() else {"step": 0, "seconds": 0.0}
        if settings.share_done(state["step"], state["seconds"]) < 1:
            return True
    return False


def _of_one_network(run: TrainingRun, settings: Settings) -> Settings:
    """The settings for each of the run's networks, which share the minutes."""
    return replace(settings, minutes=settings.minutes / len(run.networks)) if settings.minutes else settings


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def decode(sources: Iterable[Source], size: int) -> Tensor:
    """All images as one uint8 tensor (N, 3, size, size), for training."""
    pixels = decode_pixels(sources, size)
    if len(pixels) < MIN_IMAGES:
        raise GanError(f"{len(pixels)} training images; at least {MIN_IMAGES} are needed.")
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def build_trainer(
    run: TrainingRun,
    name: str,
    training_set: TrainingSet,
    settings: Settings,
    device: torch.device,
    processes: Processes,
) -> Trainer:
    """The trainer of the run's networks with this name."""
    stream = list(run.networks).index(name)
    images = [decode(training_set.sources[diagnosis], settings.size) for diagnosis in run.networks[name]]
    return TRAINERS[settings.model](images, settings, device, stream, processes)


def execute(
    run: TrainingRun,
    training_set: TrainingSet,
    settings: Settings,
    device_name: str,
    bar: BarFactory,
    processes: Processes | None = None,
) -> None:
    """Train all networks of the run in turn, from their last snapshots if there are any, and mark the run finished.

    Raises `GanError` with the reason if it fails. The run is then marked failed and can be resumed.
    """
    processes = processes or Processes()
    device = choose_device(device_name)
    with _alone(run) if processes.first else nullcontext():
        run.settings = run.settings | settings.as_json()  # a resumed run may have new settings
        _update(run, processes, status=TrainingRun.Status.RUNNING, error="", settings=run.settings)
        try:
            for name in run.networks:
                trainer = build_trainer(run, name, training_set, settings, device, processes)
                # `auto` chooses by a measurement, so what was chosen belongs to what a run needs to be repeated.
                run.software = run.software | {"arithmetic": str(trainer.dtype).removeprefix("torch.")}
                _update(run, processes, software=run.software)
                held_out = [training_set.held_out[diagnosis] for diagnosis in run.networks[name]]
                Recorder(run, name, trainer, held_out).train(_of_one_network(run, settings), bar)
        except BaseException as error:
            reason = _plain_reason(error)
            with suppress(DatabaseError):  # a full disk may be the reason of the failure
                _update(run, processes, status=TrainingRun.Status.FAILED, error=reason)
            if isinstance(error, RuntimeError | MemoryError | OSError | DatabaseError):
                raise GanError(f"run {run.pk} stopped: {reason}") from error
            raise
        _update(run, processes, status=TrainingRun.Status.FINISHED, finished_at=timezone.now())


def _update(run: TrainingRun, processes: Processes, **values: object) -> None:
    if processes.first:
        TrainingRun.objects.filter(pk=run.pk).update(**values)


@contextmanager
def _alone(run: TrainingRun) -> Iterator[None]:
    """Hold the run's lock. Raises `GanError` if another process trains the run."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(run.folder))
        except BlockingIOError:
            raise GanError(f"run {run.pk} is being trained by another process.") from None
        yield


def _plain_reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error).strip().splitlines()
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "can't allocate" in str(error):
        return "out of memory; use a smaller --batch-size or --size"
    if isinstance(error, OSError):
        return f"{error.filename or 'disk'}: {error.strerror or os.strerror(error.errno or 0)}"
    return text[0] if text else type(error).__name__


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU {platform.machine()}"
