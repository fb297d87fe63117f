"""The images that a study shows, blinded: their files and addresses do not reveal their truth."""

import hashlib
import uuid

from django.core.files.storage import default_storage
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gan.models import GeneratedImage, LesionImage
from turing.errors import LostImageError
from turing.models.studies import Study


class Truth(models.TextChoices):
    """What a stimulus is, and what a response says it is."""

    # Shown to readers. The first letters are keys, so they must differ in every language.
    REAL = "real", _("real")
    GENERATED = "generated", _("generated")


class Side(models.TextChoices):
    """The side of an image in a pair, and the rule for storing a choice between two images.

    A reader says which image of a pair is generated. `Response.answer` keeps its meaning: the reader's judgement of
    `Trial.stimulus`, which is the image on the left. To choose the left image is stored as `generated`, to choose the
    right one as `real`. So an answer is right if it equals the truth of the image on the left, as for single images.
    """

    LEFT = "left", _("left")
    RIGHT = "right", _("right")

    @property
    def as_answer(self) -> Truth:
        """The stored answer if the image on this side is called generated."""
        return Truth.GENERATED if self == Side.LEFT else Truth.REAL

    @classmethod
    def of_answer(cls, answer: str) -> "Side":
        """The side whose image the stored answer calls generated."""
        return cls.LEFT if answer == Truth.GENERATED else cls.RIGHT


class StimulusQuerySet(models.QuerySet):
    def of_test(self):
        """Stimuli that count in results: neither practice nor controls."""
        return self.filter(is_practice=False, is_control=False)

    def of_control(self):
        return self.filter(is_control=True)


class Stimulus(models.Model):
    """The blinded copy of one real or generated image inside one study."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, models.CASCADE, related_name="stimuli")
    truth = models.CharField(max_length=10, choices=Truth)
    diagnosis = models.CharField(max_length=120)
    lesion_image = models.ForeignKey(LesionImage, models.PROTECT, null=True, related_name="stimuli")
    generated_image = models.ForeignKey(GeneratedImage, models.PROTECT, null=True, related_name="stimuli")
    is_practice = models.BooleanField(default=False)
    is_control = models.BooleanField(default=False, help_text="Answers to it are reported apart.")
    pair = models.PositiveIntegerField(
        null=True, help_text="Where readers choose between two images: the number that both of them have."
    )
    file = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)

    objects = StimulusQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stimuli"
        constraints = [
            models.CheckConstraint(
                name="truth_matches_source",
                condition=models.Q(truth=Truth.REAL, lesion_image__isnull=False, generated_image__isnull=True)
                | models.Q(truth=Truth.GENERATED, lesion_image__isnull=True, generated_image__isnull=False),
            ),
            models.UniqueConstraint(fields=["study", "lesion_image"], name="lesion_image_once_per_study"),
            models.UniqueConstraint(fields=["study", "generated_image"], name="generated_image_once_per_study"),
            models.UniqueConstraint(fields=["study", "pair", "truth"], name="one_of_each_truth_in_a_pair"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def get_absolute_url(self) -> str:
        return reverse("stimulus", args=[self.pk])

    @property
    def is_of_test(self) -> bool:
        return not (self.is_practice or self.is_control)

    @property
    def kind(self) -> str:
        """Its kind for researchers: its truth, or that it is a control."""
        return f"control, {self.get_truth_display()}" if self.is_control else str(self.get_truth_display())

    def read(self) -> bytes:
        """The bytes of its file, whatever they are. Raises `LostImageError` if the file is missing."""
        try:
            with default_storage.open(self.file) as stream:
                return stream.read()
        except FileNotFoundError:
            raise LostImageError(
                f"stimulus {self.pk}: its file {self.file} is missing from the store. Restore it from a backup."
            ) from None

    def read_unchanged(self) -> bytes:
        """The bytes with which the study was opened. Raises `LostImageError` if the file is missing or damaged."""
        content = self.read()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise LostImageError(
                f"stimulus {self.pk}: its file {self.file} was damaged or changed in the store. Restore it from a "
                "backup."
            )
        return content
