"""Images in the database: their files, and for real images what their collection says about them."""

import re

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models, transaction
from PIL import Image

from gan.foundation.errors import GanError
from gan.foundation.patients import group_names, unrelated
from gan.imaging.image_files import centre_square, open_rgb

PHANTOM_PREFIX = "PHANTOM_"
# Bands of the individual typology angle by their lower limits in degrees, from light to dark (Del Bino, Bernerd 2013).
SKIN_TONES = {"very light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -91.0}


def skin_tone_of(ita: float) -> str:
    """The band of an individual typology angle in degrees."""
    return next(name for name, least in SKIN_TONES.items() if ita > least or name == "dark")


class LesionImageQuerySet(models.QuerySet):
    def with_diagnosis(self, diagnosis: str):
        return self.filter(diagnosis=diagnosis)

    def usable(self):
        """Images that curation has not rejected, whether or not it has looked at them."""
        return self.exclude(verdict=LesionImage.Verdict.REJECTED)

    def rejected(self):
        return self.filter(verdict=LesionImage.Verdict.REJECTED)

    def of_type(self, image_type: str):
        """Images of one type; `clinical` includes `clinical: close-up` and the like."""
        return self.filter(models.Q(image_type=image_type) | models.Q(image_type__startswith=f"{image_type}:"))

    def by_type(self):
        """Rows of image type and count, the most frequent first."""
        return self.values("image_type").annotate(count=models.Count("pk")).order_by("-count", "image_type")

    def kinds_of_type(self) -> list[str]:
        """The existing image types, without what follows a colon."""
        return sorted({row["image_type"].split(":")[0] for row in self.by_type()})

    def seen_by(self, generators):
        """Images that one of the generators is known to have seen, under any name.

        They are linked, have the same bytes as a linked one, or have a name or content that was recorded, even before
        the image came.
        """
        linked = LesionImage.objects.filter(generators__in=generators)
        told = apps.get_model("gan", "TrainingName").objects.filter(generator__in=generators).values("value")
        return self.filter(
            models.Q(pk__in=linked.values("pk"))
            | models.Q(sha256__in=linked.values("sha256"))
            | models.Q(sha256__in=told)
            | models.Q(isic_id__in=told)
        )

    def not_trained_on_by(self, generators):
        """Images that none of the generators is known to have seen, nor another one of the same lesion or patient.

        Copies that curation found count as one lesion.
        """
        return unrelated(self, LesionImage.objects.seen_by(generators))

    def unrelated_to(self, others):
        """Images that are not among the others and show no lesion or patient of the others, nor a copy of them."""
        return unrelated(self, others)

    def group_names(self) -> dict[int, str]:
        """For each image's key, a name that it shares with all images of its lesion or patient, and with copies."""
        return group_names(self)

    def by_diagnosis(self):
        """Rows of diagnosis, phantom or not, and count, the most frequent first."""
        return self.values("diagnosis", "is_phantom").annotate(count=models.Count("pk")).order_by("-count", "diagnosis")

    def by_collection(self):
        """Rows of collection and count, by name."""
        return self.values("collection").annotate(count=models.Count("pk")).order_by("collection")

    def attributions(self):
        """Rows of attribution, licence and count, which the licences require to be shown."""
        return (
            self.values("attribution", "licence", "is_phantom")
            .annotate(count=models.Count("pk"))
            .order_by("-count", "attribution", "licence")
        )


class StoredImage(models.Model):
    """An image file in the storage, named by its content's hash."""

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
        """The image as studies and training use it: RGB, the centred square, `size` x `size` pixels.

        Raises `GanError`, which names the image, if its file is missing or damaged.
        """
        return centre_square(self._decoded(), size)

    def whole(self, side: int) -> Image.Image:
        """The image uncropped; its longer side has at most `side` pixels. Raises `GanError` as `square` does."""
        image = self._decoded()
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        return image

    def _decoded(self) -> Image.Image:
        try:
            return open_rgb(self.read())
        except FileNotFoundError:
            raise GanError(f"{self}: its file {self.file} is missing from the store") from None
        except GanError as error:
            raise GanError(f"{self}: its file {self.file} is {error}") from error


class LesionImage(StoredImage):
    """A real image of a lesion, or a phantom that takes the place of one.

    `isic_id` is the unique id: an ISIC id, or the collection's short name with the id of that collection.
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
        indexes = [  # for counting and paging, because rows are long: they hold a collection's columns
            models.Index(fields=["verdict", "isic_id"], name="lesion_image_by_verdict"),
            models.Index(fields=["diagnosis", "is_phantom", "verdict", "image_type"], name="lesion_image_by_diagnosis"),
            models.Index(fields=["lesion_id", "patient_id"], name="lesion_image_lesion_patient"),
            models.Index(fields=["repeats"], name="lesion_image_repeats"),
        ]

    def __str__(self) -> str:
        return self.isic_id

    @property
    def is_non_commercial(self) -> bool:
        return is_non_commercial(self.licence)

    def overrule(self) -> None:
        """Reverse curation's verdict. Doing it twice restores curation's verdict."""
        with transaction.atomic():
            # Locked, so that two simultaneous requests run one after the other.
            now = LesionImage.objects.select_for_update().get(pk=self.pk)
            rejected = now.verdict == self.Verdict.REJECTED
            self.verdict = self.Verdict.ACCEPTED if rejected else self.Verdict.REJECTED
            self.overruled = not now.overruled
            self.save(update_fields=["verdict", "overruled"])


def is_non_commercial(licence: str) -> bool:
    """Whether the licence forbids commercial use, such as CC-BY-NC, CC BY-NC 4.0 or 'research only'."""
    return bool({"NC", "RESEARCH", "NONCOMMERCIAL"} & set(re.findall("[A-Z]+", licence.upper())))
