"""What was measured of generators: the losses of trainings, the quality of images, and whether they are useful."""

from django.db import models

from gan.models.generators import Generator


class TrainingStep(models.Model):
    """The losses of one pair of networks at one step."""

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
    """How good a generator's images of one diagnosis were, as measured by `gan.quality.held_out`."""

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


class UtilityEvaluation(models.Model):
    """Whether a generator's images help to train a classifier, as measured by `gan.utility`. Every one is kept."""

    generator = models.ForeignKey(Generator, models.CASCADE, related_name="utilities")
    step = models.PositiveIntegerField(default=0, help_text="Of the training; 0 for an external generator.")
    collection = models.CharField(max_length=80, blank=True, help_text="Of the test images; empty: any.")
    figures = models.JSONField(help_text="Curves, comparisons, verdict and conclusion, as gan.utility.report.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"utility of generator {self.generator_id}, {self.created_at:%Y-%m-%d}"
