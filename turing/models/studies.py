"""Studies: their states and owners. Their designs are in `designs`, their images in `stimuli`."""

from django.db import models
from django.urls import reverse

from turing.models.designs import Design
from turing.models.people import User
from turing.models.sharing import SharedQuerySet


class StudyQuerySet(SharedQuerySet):
    def open(self):
        return self.filter(state=Study.State.OPEN)

    def running(self):
        """Open or paused studies, which may still get answers."""
        return self.filter(state__in=(Study.State.OPEN, Study.State.PAUSED))

    def listed(self):
        """Open studies that everyone may begin."""
        return self.open().filter(by_invitation=False)

    def published(self):
        """Studies that are over and have a public page of results."""
        return self.filter(published_at__isnull=False)

    def with_progress(self):
        """Add `reading_count` and `response_count` of people who still consent, without simulated readers."""
        people = models.Q(readings__reader__is_simulated=False, readings__withdrawn_at=None)
        return self.annotate(
            reading_count=models.Count("readings", filter=people, distinct=True),
            response_count=models.Count("readings__trials__response", filter=people, distinct=True),
        )


class Study(Design):
    """A reader study: its design and its state."""

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        OPEN = "open", "open"
        PAUSED = "paused", "paused"
        CLOSED = "closed", "closed"
        ARCHIVED = "archived", "archived"

    slug = models.SlugField(max_length=60, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    design_hash = models.CharField(max_length=64, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False, help_text="Counts the draft's changes.")
    # PROTECT, because a study without its owner's account would be visible to every researcher.
    owner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="studies")
    visible_to_researchers = models.BooleanField("every researcher may see it", default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False, help_text="Since when everybody may see results.")
    publishes_archive = models.BooleanField(default=False, editable=False, help_text="Everybody may download it, too.")
    cited_authors = models.CharField(
        max_length=500, blank=True, editable=False, help_text="Whom the public page asks to cite, split by semicolons."
    )

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "studies"
        constraints = [
            models.CheckConstraint(
                name="published_study_is_over",
                condition=models.Q(published_at=None) | models.Q(state__in=["closed", "archived"]),
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("study", args=[self.slug])

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def is_over(self) -> bool:
        """Whether the study will never take answers again."""
        return self.state in (self.State.CLOSED, self.State.ARCHIVED)

    @property
    def is_published(self) -> bool:
        return self.published_at is not None
