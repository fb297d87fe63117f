"""Readers in studies: invitations, readings, trials, responses, and debriefings."""

import secrets
from functools import cache

from django.db import models

from gan.models import Generator
from turing.models.people import Reader
from turing.models.stimuli import Stimulus, Truth
from turing.models.studies import Study

# The fields that form pages and answers read. Any other field of a reading or study costs another query.
ON_FORM_PAGES = ("study", "reader", "completed_at", "withdrawn_at")
STUDY_ON_FORM_PAGES = (
    "slug", "title", "language", "state", "timed", "scaling", "stimulus_size", "images_per_page", "break_every",
    "confidence_levels", "zoom", "questions", "one_row", "corrections", "looks", "forced_choice",
    "purpose_blinded",
)  # fmt: skip


class ReadingQuerySet(models.QuerySet):
    def for_form(self, user, slug: str) -> "Reading | None":
        """The user's reading of the study as a form page needs it: with the study and `shows_phantoms`."""
        # first() would add an ordering for at most one row, which takes a fifth of the time.
        return next(iter(_with_study().filter(study__slug=slug, reader__user=user.pk)), None)

    def of_people(self):
        return self.filter(reader__is_simulated=False)

    def with_progress(self):
        """Add `trial_count`, `answer_count` and `last_answer_at`."""
        return self.annotate(
            trial_count=models.Count("trials"),
            answer_count=models.Count("trials__response"),
            last_answer_at=models.Max("trials__response__answered_at"),
        )


class Reading(models.Model):
    """One reader's passage through one study."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="readings")
    reader = models.ForeignKey(Reader, models.CASCADE, related_name="readings")
    consent_version = models.CharField(max_length=12)
    consented_at = models.DateTimeField()
    seed = models.PositiveBigIntegerField(help_text="Gives the order of the form.")
    language = models.CharField(max_length=10, default="en", help_text="Of the pages when the reader began.")
    completed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True, help_text="Consent withdrawn: the answers leave every analysis.")
    reminded_at = models.DateTimeField(null=True)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study", "reader"], name="one_reading_per_study")]

    def __str__(self) -> str:
        return f"reading {self.pk}"


@cache
def _with_study() -> ReadingQuerySet:
    """The queryset, built only once.

    Building it takes as long as running it, and every page and every answer needs it.
    """
    phantoms = Generator.objects.filter(studies=models.OuterRef("study"), uses_phantoms=True)
    fields = [*ON_FORM_PAGES, *(f"study__{name}" for name in STUDY_ON_FORM_PAGES)]
    return Reading.objects.select_related("study").only(*fields).annotate(shows_phantoms=models.Exists(phantoms))


class TrialQuerySet(models.QuerySet):
    def unanswered(self):
        return self.filter(response__isnull=True)

    def answered(self):
        return self.filter(response__isnull=False)

    def on_page(self, page: int, images_per_page: int):
        """Trials of one form page; pages count from 1."""
        first = (page - 1) * images_per_page + 1
        return self.filter(position__gte=first, position__lt=first + images_per_page)


class Trial(models.Model):
    """One stimulus at one position of one reading."""

    class Phase(models.TextChoices):
        PRACTICE = "practice", "practice"
        TEST = "test", "test"
        REPEAT = "repeat", "repeat"
        CONTROL = "control", "control"

    reading = models.ForeignKey(Reading, models.CASCADE, related_name="trials")
    position = models.PositiveIntegerField(help_text="From 1.")
    stimulus = models.ForeignKey(Stimulus, models.PROTECT, related_name="trials")
    partner = models.ForeignKey(
        Stimulus,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Of a pair the image on the right; `stimulus` is the one on the left.",
    )
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.TEST)

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ["reading", "position"]
        constraints = [models.UniqueConstraint(fields=["reading", "position"], name="one_trial_per_position")]

    def __str__(self) -> str:
        return f"trial {self.position} of reading {self.reading_id}"


class Response(models.Model):
    """The answer to a trial that counts. It is inserted once and never changed.

    A correction is a new row with a new key. The answer that it replaces becomes a `ReplacedAnswer`.
    """

    trial = models.OneToOneField(Trial, models.CASCADE, related_name="response")
    number = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="0: the first answer; above: a correction."
    )
    answer = models.CharField(
        max_length=10, choices=Truth, blank=True, help_text="Empty where the study does not ask for the judgement."
    )
    confidence = models.PositiveSmallIntegerField(null=True)
    response_time_ms = models.PositiveIntegerField(null=True, help_text="From first paint to choice, in the browser.")
    # Only in studies that show images for a moment.
    exposure_ms = models.PositiveIntegerField(null=True, help_text="For which the image was to be shown.")
    shown_ms = models.PositiveIntegerField(null=True, help_text="For which the browser showed it.")
    dropped_frames = models.PositiveIntegerField(null=True, help_text="That the screen skipped while it was shown.")
    away_ms = models.PositiveIntegerField(
        null=True, help_text="Of the response time: the page was hidden, or another window had the keyboard."
    )
    # Only in studies with zoom.
    zoom_percent = models.PositiveIntegerField(null=True, help_text="The largest enlargement; 100: none.")
    zoomed_ms = models.PositiveIntegerField(null=True, help_text="For which a part of the image was enlarged.")
    answered_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.answer} to {self.trial_id}"


class FurtherAnswer(models.Model):
    """The answer to one further question about an image. It is inserted with the response and never changed.

    `value` is an option, a level, yes or no, free text, or the cues as a JSON list. A question without an answer has no
    row.
    """

    response = models.ForeignKey(Response, models.CASCADE, related_name="further")
    question = models.CharField(max_length=40, help_text="Its name in the study's design.")
    value = models.CharField(max_length=1000)
    confidence = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["response", "question"], name="one_further_answer_per_question")]

    def __str__(self) -> str:
        return f"{self.question}: {self.value}"


class ReplacedAnswer(models.Model):
    """An earlier answer to a trial that its reader corrected. It counts only in the numbers of corrections."""

    trial = models.ForeignKey(Trial, models.CASCADE, related_name="replaced")
    number = models.PositiveSmallIntegerField(help_text="0: the first answer; above: a correction.")
    answer = models.CharField(max_length=10, choices=Truth, blank=True)
    confidence = models.PositiveSmallIntegerField(null=True)
    further = models.JSONField(default=list, help_text="Question, value and confidence of each further answer.")
    response_time_ms = models.PositiveIntegerField(null=True)
    away_ms = models.PositiveIntegerField(null=True)
    zoom_percent = models.PositiveIntegerField(null=True)
    zoomed_ms = models.PositiveIntegerField(null=True)
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["trial", "number"]
        constraints = [models.UniqueConstraint(fields=["trial", "number"], name="one_replaced_answer_per_number")]

    def __str__(self) -> str:
        return f"{self.answer} to {self.trial_id}, replaced"


class Debriefing(models.Model):
    """What a reader of a purpose-blinded study noticed, asked after the last image and before the debriefing.

    The free text comes first, because the second question reveals what the study is about. Each answer is stored once.
    """

    reading = models.OneToOneField(Reading, models.CASCADE, related_name="debriefing")
    noticed = models.TextField(max_length=2000, blank=True, help_text="In the reader's own words; empty: nothing.")
    noticed_at = models.DateTimeField()
    suspected = models.BooleanField(null=True, help_text="That some images were generated by a computer.")
    answered_at = models.DateTimeField(null=True, help_text="Since when the reader may know the purpose.")

    def __str__(self) -> str:
        return f"debriefing of reading {self.reading_id}"


def new_code() -> str:
    return secrets.token_urlsafe(9)


class Invitation(models.Model):
    """A link by which one reader may begin one study."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="invitations")
    code = models.CharField(max_length=20, unique=True, default=new_code, editable=False)
    email = models.EmailField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    reading = models.OneToOneField(Reading, models.SET_NULL, null=True, related_name="invitation")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "email"], condition=~models.Q(email=""), name="one_invitation_per_address"
            )
        ]

    def __str__(self) -> str:
        return self.email or self.code

    def get_absolute_url(self) -> str:
        return f"{self.study.get_absolute_url()}?invitation={self.code}"
