"""Long work that a worker does in the background: its settings, progress and outcome."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from turing.models.people import User

LOST_AFTER = timedelta(seconds=60)  # without a heartbeat


class JobQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """The user's own jobs; for a superuser, all jobs."""
        return self if user.is_superuser else self.filter(started_by=user)

    def unfinished(self):
        return self.filter(state__in=(Job.State.WAITING, Job.State.RUNNING))

    def of_upload(self, key: str):
        """All jobs of an upload, locked until the transaction ends.

        This way, of two decisions about the upload one waits for the other. SQLite can only lock the whole database,
        and every transaction does that at its beginning.
        """
        found = self.filter(arguments__upload=key)
        list(found.order_by("pk").select_for_update().values_list("pk"))
        return found

    def lost(self):
        """Running jobs whose worker has given no sign of life for a while.

        This uses the database's clock, as heartbeats do, because the clocks of several machines may differ.
        """
        return self.filter(state=Job.State.RUNNING, heartbeat_at__lt=Now() - LOST_AFTER)


class Job(models.Model):
    """One piece of long work. `turing/jobs/` moves it from state to state; each move is one conditional update."""

    class Kind(models.TextChoices):
        CURATE = "curate", "Curate lesion images"
        TRAIN = "train", "Train a GAN"
        SAMPLE = "sample", "Draw samples"
        AUDIT = "audit", "Look for copies"
        EVALUATE = "evaluate", "Evaluate a generator"
        DETECTOR = "detector", "Add a detector"
        CHECK = "check", "Check an upload"
        IMPORT = "import", "Import an upload"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        FINISHED = "finished", "finished"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    kind = models.CharField(max_length=20, choices=Kind)
    arguments = models.JSONField(default=dict, help_text="As the kind's form cleaned them.")
    started_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="jobs")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    cancel_asked = models.BooleanField(default=False)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True, help_text="Empty: nobody knows.")
    label = models.CharField(max_length=200, blank=True, help_text="What is being counted.")
    log = models.TextField(blank=True, help_text="The last lines that the work wrote for people.")
    result = models.TextField(blank=True, help_text="What the work said at its end.")
    report = models.JSONField(null=True, help_text="What an import recognised, took and rejected.")
    error = models.TextField(blank=True, help_text="Why it failed, and what to do.")
    attempt = models.PositiveIntegerField(default=1, help_text="How often it was put in the queue.")
    times_lost = models.PositiveIntegerField(default=0, help_text="How often a worker ended in the middle.")
    worker = models.CharField(max_length=100, blank=True)
    queue_id = models.UUIDField(null=True, editable=False, help_text="Its entry in the queue.")
    created_at = models.DateTimeField(auto_now_add=True)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True, help_text="The worker's last sign of life.")

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state"], name="jobs_by_state")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} (job {self.pk})"

    def get_absolute_url(self) -> str:
        return reverse("job", args=[self.pk])

    @property
    def is_unfinished(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def may_start_again(self) -> bool:
        return self.state in (self.State.FAILED, self.State.CANCELLED)

    @property
    def is_imported(self) -> bool:
        """Whether all of an upload is in the record, however the job itself ended."""
        return bool(self.report and self.report.get("complete"))

    @property
    def share(self) -> float | None:
        """The share of the work that is done, 0 to 1; None if it is unknown."""
        return min(1.0, self.done / self.total) if self.total else None
