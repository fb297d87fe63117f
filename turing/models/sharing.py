"""Decides who may see and who may change a study. No other module decides this."""

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When


class Right(models.IntegerChoices):
    """What a researcher may do with one study. Each right includes those before it. `docs/studies.md` has the table."""

    NONE = 0
    VIEW = 1
    EDIT = 2
    OWN = 3


class SharedQuerySet(models.QuerySet):
    """Studies by the right that a researcher has in them."""

    def with_right_of(self, user):
        """Add `right`, the user's `Right`.

        Superusers own every study. Every researcher may see a study without owner.
        """
        if not user.is_authenticated or not user.is_researcher:
            return self.annotate(right=Value(Right.NONE, models.IntegerField()))
        if user.is_superuser:
            return self.annotate(right=Value(Right.OWN, models.IntegerField()))
        own = Collaborator.objects.of(user).filter(study=OuterRef("pk"))
        return self.annotate(
            right=Case(
                When(owner=user, then=Value(Right.OWN)),
                When(Exists(own.filter(role=Collaborator.Role.EDIT)), then=Value(Right.EDIT)),
                When(Q(owner=None) | Q(visible_to_researchers=True) | Exists(own), then=Value(Right.VIEW)),
                default=Value(Right.NONE),
                output_field=models.IntegerField(),
            )
        )

    def visible_to(self, user):
        return self.with_right_of(user).filter(right__gte=Right.VIEW)

    def editable_by(self, user):
        return self.with_right_of(user).filter(right__gte=Right.EDIT)


class CollaboratorQuerySet(models.QuerySet):
    def of(self, user):
        """The user's collaborations, including those that wait for a researcher with the user's address."""
        return self.filter(Q(user=user) | Q(user=None, email=user.email))

    def waiting_for(self, user):
        return self.filter(user=None, email=user.email)

    def at(self, address: str):
        """The collaborations of an address, whether or not its researcher has come."""
        return self.filter(Q(email=address) | Q(user__email=address))


class Collaborator(models.Model):
    """A researcher who may see or change another researcher's study.

    At first it is only an address, and nobody checks whose it is, so that nothing reveals whether a person is
    registered. It is linked to a user when a researcher with this address first opens the study. From then on, the
    address is that of the account.
    """

    class Role(models.TextChoices):
        VIEW = "view", "see it"
        EDIT = "edit", "see and change it"

    study = models.ForeignKey("turing.Study", models.CASCADE, related_name="collaborators")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="collaborations")
    email = models.EmailField("e-mail address", blank=True, help_text="Empty once the researcher has come.")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEW)

    objects = CollaboratorQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "user"], name="one_collaborator_per_user"),
            models.UniqueConstraint(
                fields=["study", "email"], condition=~Q(email=""), name="one_collaborator_per_address"
            ),
            models.CheckConstraint(
                name="collaborator_has_user_or_address",
                condition=Q(user__isnull=True) & ~Q(email="") | Q(user__isnull=False, email=""),
            ),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        return self.user.email if self.user else self.email
