"""Generators, that is training runs and external generators."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from gan.foundation.diagnoses import plain_slug, slug_of
from gan.foundation.errors import GanError
from gan.foundation.kept_snapshots import kept_steps, step_path, steps_in
from gan.foundation.run_lock import is_locked
from gan.models.images import LesionImage

logger = logging.getLogger(__name__)
MOST_NAMED = 20  # generators in a message
BEGINS_WITHIN = timedelta(days=1)  # of its start, a run whose folder has no lock counts as being trained
GRID = ".png"  # how the names of sample grids end
ALL_DIAGNOSES = "all diagnoses"  # name of the networks that draw every diagnosis of a run


class GeneratorQuerySet(models.QuerySet):
    def external(self):
        return self.filter(kind=Generator.Kind.EXTERNAL)

    def finished(self):
        """Generators that a study can take images from."""
        return self.filter(status=Generator.Status.FINISHED)

    def missing(self, reference: str) -> str:
        """That there is no such generator, and the names of the newest ones that there are."""
        what = "training run" if self.model is TrainingRun else "generator"
        known = ", ".join(map(str, self.order_by("-pk")[:MOST_NAMED])) or "none"
        return f"no {what} {str(reference)!r} ({what}s: {known})."

    def find(self, reference: str):
        """The generator with this id, this name and version, or only this name; None if there is none.

        If several training runs have the name, the newest is used, and the log says so. Raises `GanError` if an
        external generator is in the record in several versions, because these have different images.
        """
        text = str(reference)
        # Nineteen digits fit into the database, and Python refuses to read very long numbers.
        is_id = text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < 2**63
        by_id = self.filter(pk=int(text)).first() if is_id else None
        if by_id:
            return by_id
        named: list[Any] = list(self.filter(name=reference).order_by("-pk"))
        if not named:
            whole = [one for one in self.exclude(version="") if str(one) == text]
            return whole[0] if whole else None
        exact = [one for one in named if str(one) == text]  # of no version
        if any(not one.is_run for one in named) and len(named) > 1 and not exact:
            listed = ", ".join(f"{one} (id {one.pk})" for one in named)
            raise GanError(f"{text!r} names several generators: {listed}. Name one with its version, or by its id.")
        found = (exact or named)[0]
        if len(named) > 1:
            logger.warning("%r names %s generators; %s is taken", text, len(named), found)
        return found


class Generator(models.Model):
    """A source of generated images: a training run, or somebody else's network whose images were imported.

    Studies, pages and exports treat both in the same way. Fields that only one kind has are empty for the other.
    """

    class Kind(models.TextChoices):
        RUN = "run", "training run"
        EXTERNAL = "external", "external generator"

    class Status(models.TextChoices):
        RUNNING = "running", "running"
        FINISHED = "finished", "finished"
        FAILED = "failed", "failed"

    class TrainedOn(models.TextChoices):
        """What is known about its training images."""

        KNOWN = "known", "known"
        NOT_FOUND = "not_found", "told, but none of them is in this record"
        NOT_TOLD = "not_told", "not told"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RUN)
    name = models.CharField(max_length=80)
    diagnoses = models.JSONField(default=list)
    size = models.PositiveIntegerField(help_text="Pixels on each side; of images of several sizes the smallest.")
    uses_phantoms = models.BooleanField(default=False)
    trained_on = models.CharField(max_length=10, choices=TrainedOn, default=TrainedOn.KNOWN)
    training_images = models.ManyToManyField(LesionImage, related_name="generators", blank=True)
    data_fingerprint = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 over the training images, in order; empty where not told."
    )
    data_count = models.PositiveIntegerField(default=0, help_text="Training images; 0 where not told.")
    memorisation = models.JSONField(default=dict, help_text="The last audit's report, as gan.memorisation.audit.")
    started_at = models.DateTimeField(auto_now_add=True)

    # Fields of an external generator, as given at its import.
    version = models.CharField(max_length=40, blank=True)
    source = models.CharField("paper or address", max_length=300, blank=True)
    licence = models.CharField(max_length=60, blank=True)
    made_by = models.CharField(max_length=120, blank=True)
    training_data = models.JSONField(default=dict, help_text="How they were told, as gan.importing.trained_on.")

    # Fields of a training run: everything needed to repeat it.
    model = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    error = models.TextField(blank=True)
    settings = models.JSONField(default=dict, help_text="The training's settings, as gan.training.Settings.")
    seed = models.BigIntegerField(default=0)
    device = models.CharField(max_length=60, blank=True)
    software = models.JSONField(default=dict, help_text="Versions that the run used.")
    finished_at = models.DateTimeField(null=True, blank=True)
    snapshot_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="snapshots",
        help_text="The run it is a snapshot of.",
    )
    snapshot_step = models.PositiveIntegerField(default=0, help_text="Of a snapshot, the step it was kept at.")

    objects = GeneratorQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "version"],
                condition=models.Q(kind="external"),
                name="one_external_generator_of_a_name_and_version",
            ),
            models.UniqueConstraint(
                fields=["snapshot_of", "snapshot_step"],
                condition=models.Q(snapshot_of__isnull=False),
                name="one_generator_of_a_snapshot",
            ),
        ]

    def __str__(self) -> str:
        if self.is_run:
            return f"{self.name} (run {self.pk})"
        return f"{self.name} {self.version}".strip()

    def get_absolute_url(self) -> str:
        return reverse("run" if self.is_run else "generator", args=[self.pk])

    @property
    def is_run(self) -> bool:
        return self.kind == self.Kind.RUN

    @property
    def is_being_trained(self) -> bool:
        """Whether a process trains it now. A training that was killed leaves a run that says it is running."""
        if self.status != self.Status.RUNNING:
            return False
        held = is_locked(self.folder)
        # A new run has no lock yet. An old one without a lock has lost its folder, or is trained on another machine.
        return timezone.now() - self.started_at < BEGINS_WITHIN if held is None else held

    @property
    def is_snapshot(self) -> bool:
        """Whether it is an earlier state of a training run. It can draw images but not be trained."""
        return self.snapshot_of_id is not None

    @property
    def knows_training_images(self) -> bool:
        """Whether its training images are known.

        Somebody said so, and at least one image of this record confirms it.
        """
        return self.trained_on == self.TrainedOn.KNOWN

    @property
    def networks(self) -> dict[str, list[str]]:
        """The diagnoses that each pair of a run's networks draws, by the pair's name.

        The paper's DCGAN has one pair a diagnosis.
        """
        if self.model == "dcgan":
            return {diagnosis: [diagnosis] for diagnosis in self.diagnoses}
        return {ALL_DIAGNOSES: list(self.diagnoses)}

    def network_of(self, diagnosis: str) -> str:
        """The name of the pair of networks that draws the diagnosis or has this name."""
        return next(name for name, drawn in self.networks.items() if diagnosis == name or diagnosis in drawn)

    def last_step(self) -> int:
        """The step up to which it is trained; 0 for an external generator."""
        if self.is_snapshot:
            return self.snapshot_step
        return self.steps.order_by("-step").values_list("step", flat=True).first() or 0

    @property
    def folder(self) -> Path:
        """The folder of a run's snapshots, logs and grids; for any generator, of measurements of its audit."""
        return Path(settings.RUNS_ROOT) / str(self.pk)


class TrainingRunManager(models.Manager):
    def get_queryset(self) -> GeneratorQuerySet:
        return GeneratorQuerySet(self.model, using=self._db).filter(kind=Generator.Kind.RUN)

    def finished(self) -> GeneratorQuerySet:
        return self.get_queryset().finished()

    def find(self, reference: str):
        return self.get_queryset().find(reference)

    def missing(self, reference: str) -> str:
        return self.get_queryset().missing(reference)


class TrainingRun(Generator):
    """One GAN training of ours. It is the kind of generator that can draw more images and continue training."""

    objects = TrainingRunManager()  # type: ignore[misc, assignment]  # Django's managers are instances on the class

    class Meta:
        proxy = True
        ordering = ["-pk"]

    def diagnosis_folder(self, diagnosis: str) -> Path:
        """The folder in which networks with this diagnosis or name keep their snapshot, log and grids."""
        return _named_folder(self.folder, self.network_of(diagnosis), self.networks)

    def kept_steps(self) -> list[int]:
        """The steps whose generators every pair of networks keeps, ascending."""
        kept = [set(kept_steps(self.diagnosis_folder(name))) for name in self.networks]
        return sorted(set.intersection(*kept)) if kept else []

    def grids_folder(self, diagnosis: str) -> Path:
        """The folder of the sample grids of one diagnosis, one for each snapshot."""
        return _named_folder(self.diagnosis_folder(diagnosis) / "grids", diagnosis, self.diagnoses)

    def grid_path(self, diagnosis: str, step: int) -> Path:
        return step_path(self.grids_folder(diagnosis), step, GRID)

    def grid_steps(self, diagnosis: str) -> list[int]:
        """The steps that have a sample grid of the diagnosis, ascending."""
        return steps_in(self.grids_folder(diagnosis), GRID)


def _named_folder(parent: Path, name: str, among: Iterable[str]) -> Path:
    """The folder of this name in `parent`. An older run's folder may have its old name, if no other one has it."""
    folder, older = parent / slug_of(name), parent / plain_slug(name)
    is_another = plain_slug(name) in {slug_of(other) for other in among}
    return older if not is_another and older.is_dir() and not folder.is_dir() else folder


class TrainingNameManager(models.Manager):
    def remember(self, generator: Generator, names: Iterable[str]) -> None:
        """Add names, ids or content hashes by which the generator's training images are known."""
        rows = [self.model(generator=generator, value=name) for name in dict.fromkeys(names) if 0 < len(name) <= 200]
        self.bulk_create(rows, batch_size=500, ignore_conflicts=True)
        found = LesionImage.objects.seen_by([generator]).exists()
        generator.trained_on = Generator.TrainedOn.KNOWN if found else Generator.TrainedOn.NOT_FOUND
        generator.save(update_fields=["trained_on"])


class TrainingName(models.Model):
    """One content hash or id of a training image that may not be in this record, or not yet."""

    generator = models.ForeignKey(Generator, models.CASCADE, related_name="training_names")
    value = models.CharField(max_length=200, db_index=True)

    objects = TrainingNameManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["generator", "value"], name="one_training_name_of_a_generator")]

    def __str__(self) -> str:
        return f"{self.value} of generator {self.generator_id}"
