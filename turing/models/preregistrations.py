"""Preregistrations: what was planned before the first answer."""

from django.db import models

from turing.errors import StudyError
from turing.models.studies import Study


class Preregistration(models.Model):
    """A study's plan. It is drawn up from the draft, sealed when the study opens, and never changed after that."""

    study = models.OneToOneField(Study, models.CASCADE, related_name="preregistration")
    own_words = models.JSONField(default=dict, help_text="What the researcher adds, as PreregistrationForm's fields.")
    document = models.TextField(help_text="The plan as JSON, as turing.studies.preregistration writes it.")
    sha256 = models.CharField(max_length=64, help_text="Of the document.")
    software = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    is_sealed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"preregistration of {self.study}"

    def save(self, *args, **kwargs):
        if Preregistration.objects.filter(pk=self.pk, is_sealed=True).exists():
            raise StudyError("The preregistration was sealed when the study opened and cannot be changed.")
        super().save(*args, **kwargs)
