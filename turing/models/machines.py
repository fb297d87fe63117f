"""Machine readers: detectors and models whose scores of a study's images are compared with people's answers.

They are fixed readers, not a sample. No interval over readers includes them.
"""

from django.db import models

from turing.models.stimuli import Stimulus, Truth
from turing.models.studies import Study


class MachineReader(models.Model):
    """One machine that scored a study's stimuli."""

    class Kind(models.TextChoices):
        DETECTOR = "detector", "detector, cross-validated on the study's own images"
        PREDICTIONS = "predictions", "predictions that somebody brought"

    study = models.ForeignKey(Study, models.CASCADE, related_name="machines")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=20, choices=Kind)
    source = models.CharField(max_length=300, blank=True, help_text="Paper, address or version, as who added it said.")
    settings = models.JSONField(default=dict, help_text="How the scores were made: features, folds, threshold.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["study", "name"], name="one_machine_of_a_name_per_study")]

    def __str__(self) -> str:
        return self.name


class MachineScore(models.Model):
    """A machine's judgement of one stimulus."""

    machine = models.ForeignKey(MachineReader, models.CASCADE, related_name="scores")
    stimulus = models.ForeignKey(Stimulus, models.CASCADE, related_name="machine_scores")
    score = models.FloatField(help_text="The higher, the more like generated.")
    answer = models.CharField(max_length=10, choices=Truth)
    confidence = models.FloatField(null=True)
    fold = models.PositiveSmallIntegerField(null=True, help_text="Of the cross-validation, from 0.")
    group = models.CharField(max_length=40, help_text="Images of one lesion, patient or picture are in one group.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["machine", "stimulus"], name="one_score_per_stimulus")]

    def __str__(self) -> str:
        return f"{self.score:g} for {self.stimulus_id}"
