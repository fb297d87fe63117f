"""What the image side keeps: lesion images, generators (training runs of ours and external ones), generated images."""

import re
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.urls import reverse
from PIL import Image

from gan.diagnoses import plain_slug, slug_of
from gan.images import centre_square, open_rgb
from gan.patients import group_names, unrelated

PHANTOM_PREFIX = "PHANTOM_"
# Bands of the individual typology angle by their lower limits in degrees, from light to dark (Del Bino, Bernerd 2013).
SKIN_TONES = {"very light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -91.0}
ALL_DIAGNOSES = "all diagnoses"  # the networks that draw every diagnosis of a run


def skin_tone_of(ita: float) -> str:
    """The band of an individual typology angle in degrees."""
    return next(name for name, least in SKIN_TONES.items() if ita > least or name == "dark")


class LesionImageQuerySet(models.QuerySet):
    def with_diagnosis(self, diagnosis: str):
        return self.filter(diagnosis=diagnosis)

    def usable(self):
        """Images that curation has not rejected, looked at or not."""
        return self.exclude(verdict=LesionImage.Verdict.REJECTED)

    def rejected(self):
        return self.filter(verdict=LesionImage.Verdict.REJECTED)

    def of_type(self, image_type: str):
        """Images taken in one way: `clinical` are also `clinical: close-up` and the like."""
        return self.filter(models.Q(image_type=image_type) | models.Q(image_type__startswith=f"{image_type}:"))

    def by_type(self):
        """Rows of image type and count, the most frequent first."""
        return self.values("image_type").annotate(count=models.Count("pk")).order_by("-count", "image_type")

    def kinds_of_type(self) -> list[str]:
        """The image types that are there, without what follows a colon."""
        return sorted({row["image_type"].split(":")[0] for row in self.by_type()})

    def not_trained_on_by(self, generators):
        """Images that none of the generators is known to have seen, nor another of a lesion or patient that one saw."""
        return unrelated(self, LesionImage.objects.filter(generators__in=generators))

    def group_names(self) -> dict[int, str]:
        """By each image's key a name that it shares with all of its lesion or its patient."""
        return group_names(self)

    def by_diagnosis(self):
        """Rows of diagnosis, phantom or not, and count, the most frequent first."""
        return self.values("diagnosis", "is_phantom").annotate(count=models.Count("pk")).order_by("-count", "diagnosis")

    def attributions(self):
        """Rows of attribution, licence and count: what the licences ask to be shown."""
        return (
            self.values("attribution", "licence", "is_phantom")
            .annotate(count=models.Count("pk"))
            .order_by("-count", "attribution", "licence")
        )


class StoredImage(models.Model):
    """An image file in the storage, under its content's hash."""

    diagnosis = models.CharField(max_length=120, db_index=True)
    file = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    ita = models.FloatField(null=True, help_text="Individual typology angle in degrees; empty: not to be told.")
    ita_share = models.FloatField(null=True, help_text="Share of pixels that counted as skin; empty: not measured.")

    class Meta:
        abstract = True

    def read(self) -> bytes:
        with default_storage.open(self.file) as stream:
            return stream.read()

    def square(self, size: int) -> Image.Image:
        """The image as studies and training see it: RGB, the centred square, `size` x `size` pixels."""
        return centre_square(open_rgb(self.read()), size)

    def whole(self, side: int) -> Image.Image:
        """The image uncropped, its longer side at most `side` pixels."""
        image = open_rgb(self.read())
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        return image


class LesionImage(StoredImage):
    """A real image of a lesion, or a phantom that stands in for one.

    `isic_id` is the unique id: an ISIC id, or that of another collection after the collection's short name.
    """

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "accepted"
        REJECTED = "rejected", "rejected"

    isic_id = models.CharField("id", max_length=120, unique=True)
    collection = models.CharField(max_length=80, blank=True, db_index=True, help_text="What it came with.")
    lesion_id = models.CharField(max_length=120, blank=True, db_index=True)
    patient_id = models.CharField(max_length=120, blank=True, db_index=True)
    image_type = models.CharField(max_length=40, default="dermoscopic", help_text="How it was taken.")
    age = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Years, as the collection rounds them.")
    sex = models.CharField(max_length=10, blank=True)
    site = models.CharField(max_length=80, blank=True, help_text="Where on the body.")
    fitzpatrick_skin_type = models.CharField(max_length=3, blank=True, help_text="I to VI.")
    licence = models.CharField(max_length=60)
    attribution = models.CharField(max_length=500)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    is_phantom = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, help_text="All columns of the export, as they came.")
    verdict = models.CharField(
        max_length=10, choices=Verdict, blank=True, help_text="Curation's; empty: not looked at."
    )
    reasons = models.JSONField(default=list, help_text="Why it would be rejected, as gan.curation.verdicts.REASONS.")
    scores = models.JSONField(default=dict, help_text="A score per reason; 1 or more rejects.")
    repeats = models.CharField(max_length=120, blank=True, help_text="Id of the image that this one repeats.")
    looks = models.CharField(max_length=16, blank=True, help_text="Perceptual hash; empty: curation has not seen it.")
    overruled = models.BooleanField(default=False, help_text="A researcher gave the verdict; curation keeps it.")

    objects = LesionImageQuerySet.as_manager()

    class Meta:
        ordering = ["isic_id"]
        indexes = [  # what pages count and page through: rows are long, since they hold a collection's columns
            models.Index(fields=["verdict", "isic_id"], name="lesion_image_by_verdict"),
            models.Index(fields=["diagnosis", "is_phantom", "verdict", "image_type"], name="lesion_image_by_diagnosis"),
            models.Index(fields=["lesion_id", "patient_id"], name="lesion_image_lesion_patient"),
        ]

    def __str__(self) -> str:
        return self.isic_id

    @property
    def is_non_commercial(self) -> bool:
        return is_non_commercial(self.licence)

    def overrule(self) -> None:
        """Turn curation's verdict round; done again, it stands as curation gave it."""
        with transaction.atomic():
            # Locked: two who overrule at once come one after the other.
            now = LesionImage.objects.select_for_update().get(pk=self.pk)
            rejected = now.verdict == self.Verdict.REJECTED
            self.verdict = self.Verdict.ACCEPTED if rejected else self.Verdict.REJECTED
            self.overruled = not now.overruled
            self.save(update_fields=["verdict", "overruled"])


def is_non_commercial(licence: str) -> bool:
    """Whether the licence forbids commercial use, such as CC-BY-NC, CC BY-NC 4.0 or 'research only'."""
    return bool({"NC", "RESEARCH", "NONCOMMERCIAL"} & set(re.findall("[A-Z]+", licence.upper())))


class GeneratorQuerySet(models.QuerySet):
    def external(self):
        return self.filter(kind=Generator.Kind.EXTERNAL)

    def finished(self):
        """Those that a study can take images of."""
        return self.filter(status=Generator.Status.FINISHED)

    def find(self, reference: str):
        """The generator with this id, else the newest with this name; None where there is neither."""
        text = str(reference)
        # Nineteen digits: what a database holds, and fewer than Python refuses to read.
        is_id = text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < 2**63
        by_id = self.filter(pk=int(text)).first() if is_id else None
        return by_id or self.filter(name=reference).order_by("-pk").first()


class Generator(models.Model):
    """What made generated images: a training run of ours, or somebody else's network whose images were imported.

    Studies, pages and exports treat both alike. What only one kind has is empty for the other.
    """

    class Kind(models.TextChoices):
        RUN = "run", "training run"
        EXTERNAL = "external", "external generator"

    class Status(models.TextChoices):
        RUNNING = "running", "running"
        FINISHED = "finished", "finished"
        FAILED = "failed", "failed"

    class TrainedOn(models.TextChoices):
        """What is known of its training images."""

        KNOWN = "known", "known"
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

    # Of an external generator, as whoever imported it said.
    version = models.CharField(max_length=40, blank=True)
    source = models.CharField("paper or address", max_length=300, blank=True)
    licence = models.CharField(max_length=60, blank=True)
    made_by = models.CharField(max_length=120, blank=True)
    training_data = models.JSONField(default=dict, help_text="What was said of the training images, as gan.external.")

    # Of a training run: everything needed to repeat it.
    model = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    error = models.TextField(blank=True)
    settings = models.JSONField(default=dict, help_text="The training's settings, as gan.training.Settings.")
    seed = models.BigIntegerField(default=0)
    device = models.CharField(max_length=60, blank=True)
    software = models.JSONField(default=dict, help_text="Versions that the run used.")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = GeneratorQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "version"],
                condition=models.Q(kind="external"),
                name="one_external_generator_of_a_name_and_version",
            )
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
    def knows_training_images(self) -> bool:
        return self.trained_on == self.TrainedOn.KNOWN

    @property
    def folder(self) -> Path:
        """Snapshots, logs and grids of a run; of any generator what its audit measured."""
        return Path(settings.RUNS_ROOT) / str(self.pk)


class TrainingRunManager(models.Manager):
    def get_queryset(self) -> GeneratorQuerySet:
        return GeneratorQuerySet(self.model, using=self._db).filter(kind=Generator.Kind.RUN)

    def finished(self) -> GeneratorQuerySet:
        return self.get_queryset().finished()

    def find(self, reference: str):
        return self.get_queryset().find(reference)


class TrainingRun(Generator):
    """One GAN training of ours: the kind of generator that can draw more images, and go on training."""

    objects = TrainingRunManager()  # type: ignore[misc, assignment]  # Django's managers are instances on the class

    class Meta:
        proxy = True
        ordering = ["-pk"]

    @property
    def networks(self) -> dict[str, list[str]]:
        """The diagnoses that each pair of networks draws, by the pair's name: the paper's DCGAN has one a diagnosis."""
        if self.model == "dcgan":
            return {diagnosis: [diagnosis] for diagnosis in self.diagnoses}
        return {ALL_DIAGNOSES: list(self.diagnoses)}

    def diagnosis_folder(self, diagnosis: str) -> Path:
        """Where the networks that draw a diagnosis, or are so named, keep their snapshot, log and grids."""
        name = next(name for name, drawn in self.networks.items() if diagnosis == name or diagnosis in drawn)
        return _named_folder(self.folder, name, self.networks)

    def grids_folder(self, diagnosis: str) -> Path:
        """Where the sample grids of one diagnosis are, one a snapshot."""
        return _named_folder(self.diagnosis_folder(diagnosis) / "grids", diagnosis, self.diagnoses)


def _named_folder(parent: Path, name: str, among: Iterable[str]) -> Path:
    """The folder of this name in `parent`; an older run's may have another name, which must be none of the others'."""
    folder, older = parent / slug_of(name), parent / plain_slug(name)
    is_another = plain_slug(name) in {slug_of(other) for other in among}
    return older if not is_another and older.is_dir() and not folder.is_dir() else folder


class TrainingStep(models.Model):
    """Both losses at one step of one pair of networks."""

    run = models.ForeignKey(Generator, models.CASCADE, related_name="steps")
    diagnosis = models.CharField(max_length=120, help_text="The networks' name, as in TrainingRun.networks.")
    step = models.PositiveIntegerField()
    generator_loss = models.FloatField()
    discriminator_loss = models.FloatField(help_text="Real plus generated.")

    class Meta:
        ordering = ["diagnosis", "step"]
        constraints = [models.UniqueConstraint(fields=["run", "diagnosis", "step"], name="one_row_per_step")]

    def __str__(self) -> str:
        return f"run {self.run_id}, {self.diagnosis}, step {self.step}"


class Evaluation(models.Model):
    """How good a generator's images of one diagnosis were, as `gan.evaluation.quality` measured them."""

    generator = models.ForeignKey(Generator, models.CASCADE, related_name="evaluations")
    diagnosis = models.CharField(max_length=120)
    step = models.PositiveIntegerField(default=0, help_text="Of the training; 0 for an external generator.")
    figures = models.JSONField(help_text="KID, precision, recall, density, coverage, floors, feature network, counts.")
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["diagnosis", "step"]
        constraints = [
            models.UniqueConstraint(fields=["generator", "diagnosis", "step"], name="one_evaluation_per_step")
        ]

    def __str__(self) -> str:
        return f"generator {self.generator_id}, {self.diagnosis}, step {self.step}"


class GeneratedImageQuerySet(models.QuerySet):
    def of_generators(self, generators):
        return self.filter(generator__in=generators)

    def unaudited(self):
        """Images that nobody compared with what their generator may have copied."""
        return self.filter(audited_at=None)

    def not_copies(self):
        """Images without those that the memorisation audit suspects to be copies."""
        return self.exclude(suspected_copy=True)


class GeneratedImage(StoredImage):
    """An image of a generator. Of a training run, the same run and latent seed give the same image again."""

    generator = models.ForeignKey(Generator, models.PROTECT, related_name="generated_images")
    latent_seed = models.PositiveBigIntegerField(null=True, help_text="Of a training run's sample.")
    truncation = models.FloatField(default=1.0, help_text="By which the latent was multiplied.")
    name = models.CharField(max_length=200, blank=True, help_text="Of an imported image, its file as it came.")
    audited_at = models.DateTimeField(null=True, blank=True, help_text="When it was looked up for copying.")
    suspected_copy = models.BooleanField(default=False)
    nearest = models.ForeignKey(LesionImage, models.SET_NULL, null=True, blank=True, related_name="+")
    nearest_name = models.CharField(max_length=200, blank=True, help_text="The nearest of the images compared with.")
    nearest_distance = models.FloatField(null=True, blank=True, help_text="In limits of the audit: below 1 is a copy.")

    objects = GeneratedImageQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["generator", "diagnosis", "latent_seed", "truncation"], name="one_image_per_latent_seed"
            ),
            models.UniqueConstraint(
                fields=["generator", "sha256"],
                condition=models.Q(latent_seed=None),
                name="one_imported_image_per_content",
            ),
        ]

    def __str__(self) -> str:
        if self.latent_seed is None:
            return f"{self.generator}, {self.diagnosis}, {self.name}"
        return f"run {self.generator_id}, {self.diagnosis}, latent seed {self.latent_seed}"
