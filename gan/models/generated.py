"""Images that generators made."""

from django.db import models

from gan.models.generators import Generator
from gan.models.images import LesionImage, StoredImage


class GeneratedImageQuerySet(models.QuerySet):
    def of_generators(self, generators):
        return self.filter(generator__in=generators)

    def unaudited(self):
        """Images that nobody has compared with what their generator may have copied."""
        return self.filter(audited_at=None)

    def not_copies(self):
        """Images except those that the memorisation audit suspects to be copies."""
        return self.exclude(suspected_copy=True)


class GeneratedImage(StoredImage):
    """An image of a generator. For a training run, the same run and latent seed give the same image again."""

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
