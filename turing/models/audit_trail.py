"""The audit trail: who did what with a study, and when. Lines are added, never changed or deleted."""

from typing import Literal

from django.db import models
from django.utils import timezone

from turing.models.people import Reader, User
from turing.models.studies import Study

COMMAND_LINE: Literal["command line"] = "command line"
Actor = User | Reader | Literal["command line"]


class AuditLineQuerySet(models.QuerySet):
    """Refuses every change. The database's triggers (`append_only.py`) refuse changes that bypass it."""

    def record(self, what: str, actor: Actor, study: Study | None = None, *, reader: Reader | None = None, **detail):
        """Add a line. Call it in the transaction of the act itself.

        `reader` is the reader concerned. `detail` holds short words and numbers: no name, address, answer or truth of
        an image. A person in it appears as the number of the account.
        """
        return self.create(**_values(what, actor, study, reader, detail))

    def record_once_an_hour(self, what: str, actor: Actor, study: Study, **detail) -> None:
        """As `record`, but at most one line for the same actor, study and detail in one hour of the clock."""
        values = _values(what, actor, study, None, detail)
        hour = timezone.now().strftime("%Y%m%d%H")
        once = f"{what}/{study.pk}/{values['account'] or values['by']}/{'/'.join(map(str, detail.values()))}/{hour}"
        if not self.filter(
            once=once
        ).exists():  # pages call this often, so read before taking the database's lock to write
            self.bulk_create([self.model(**values, once=once)], ignore_conflicts=True)

    def update(self, **kwargs):
        raise RuntimeError("The audit trail is only added to.")

    def delete(self):
        raise RuntimeError("The audit trail is only added to.")

    def bulk_update(self, *args, **kwargs):
        raise RuntimeError("The audit trail is only added to.")


def _values(what: str, actor: Actor, study: Study | None, reader: Reader | None, detail: dict) -> dict:
    values = {"what": what, "study": study, "detail": detail, "pseudonym": reader.pseudonym if reader else ""}
    if isinstance(actor, Reader):
        return values | {"by": AuditLine.By.READER, "pseudonym": actor.pseudonym, "account": None}
    if isinstance(actor, User):
        return values | {"by": AuditLine.By.RESEARCHER, "account": actor.pk}
    return values | {"by": AuditLine.By.COMMAND, "account": None}


class AuditLine(models.Model):
    """One act: what was done, when and by whom.

    A researcher is stored as the account's number and not as a foreign key. A foreign key would have to be changed or
    removed with the account, and neither is allowed here. The name is looked up when the line is shown, so erasing an
    account's name also erases it from the trail. Readers appear under their pseudonyms.
    """

    class What(models.TextChoices):
        CREATED = "created", "created the study"
        EDITED = "edited", "edited the draft"
        OPENED = "opened", "opened the study"
        PAUSED = "paused", "paused the study"
        RESUMED = "resumed", "resumed the study"
        CLOSED = "closed", "closed the study"
        ARCHIVED = "archived", "archived the study"
        RESTORED = "restored", "restored the study from the archive"
        CLONED = "cloned", "cloned the study"
        PUBLISHED = "published", "published the results"
        UNPUBLISHED = "unpublished", "took the published results back"
        MACHINE = "machine", "added or removed a machine reader"
        VIEWED = "viewed", "saw results before the study was closed"
        LOOKED = "looked", "took a look at results"
        EXPORTED = "exported", "exported results"
        INVITED = "invited", "invited readers"
        REMINDED = "reminded", "sent a reminder"
        SHARED = "shared", "let a collaborator in"
        JOINED = "joined", "came as a collaborator"
        UNSHARED = "unshared", "removed a collaborator"
        OWNED = "owned", "gave the study an owner"
        VISIBLE = "visible", "changed whether every researcher sees it"
        RENAMED = "renamed", "renamed a generator or a collection"
        DELETED = "deleted", "deleted a generator or a collection"
        OVERRULED = "overruled", "overruled a verdict of curation"
        WITHDREW = "withdrew", "withdrew consent"
        ERASED = "erased", "had personal data erased"

    class By(models.TextChoices):
        RESEARCHER = "researcher", "researcher"
        READER = "reader", "reader"
        COMMAND = "command", "command line"

    at = models.DateTimeField(auto_now_add=True)
    what = models.CharField(max_length=20, choices=What)
    by = models.CharField(max_length=10, choices=By)
    account = models.PositiveBigIntegerField(null=True, help_text="Number of the researcher's account.")
    pseudonym = models.CharField(max_length=20, blank=True, help_text="Of the reader who acted, or was reminded.")
    study = models.ForeignKey(Study, models.PROTECT, null=True, related_name="audit_lines")
    detail = models.JSONField(default=dict)
    once = models.CharField(  # noqa: DJ001 (several lines may have none, no two the same)
        max_length=120, null=True, unique=True, editable=False, help_text="What is recorded once an hour."
    )

    objects = AuditLineQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="audit_line_has_an_actor",
                condition=models.Q(by="researcher", account__isnull=False)
                | models.Q(models.Q(by="reader"), ~models.Q(pseudonym=""), account__isnull=True)
                | models.Q(by="command", account__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.get_what_display()}"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise RuntimeError("The audit trail is only added to.")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise RuntimeError("The audit trail is only added to.")

    @property
    def actor(self) -> str:
        """The actor without a name: the account's number, the reader's pseudonym or 'command line'."""
        if self.by == self.By.RESEARCHER:
            return f"researcher {self.account}"
        return self.pseudonym if self.by == self.By.READER else COMMAND_LINE

    def about(self, detail: dict | None = None) -> str:
        """The detail, or what replaces it, as text such as 'format csv, readers people'."""
        words = [self.pseudonym] if self.pseudonym and self.by != self.By.READER else []
        detail = self.detail if detail is None else detail
        return ", ".join(words + [f"{key.replace('_', ' ')} {value}" for key, value in detail.items()])
