"""Users, and the readers among them."""

import secrets

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django_countries.fields import CountryField

from turing.accounts import RESEARCHERS, Profession, Specialty


class UserManager(BaseUserManager):
    """Finds users by their e-mail address, whatever its capitals."""

    def create_user(self, email: str, password: str | None = None, **fields):
        """Create a user. Without a password the user cannot log in."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields):
        """Create an administrator, who may see and change every study. Whoever may do so vouches for the address."""
        return self.create_user(
            email, password, **{"is_superuser": True, "email_confirmed_at": timezone.now()} | fields
        )

    def get_by_natural_key(self, email):
        return self.get(email=email.strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    name = models.CharField("name", max_length=150)
    email = models.EmailField("e-mail address", unique=True)
    email_confirmed_at = models.DateTimeField(
        null=True, editable=False, help_text="When its owner followed the link sent to it."
    )
    claimed_email = models.EmailField(
        blank=True,
        default="",
        db_index=True,
        editable=False,
        help_text="Given at registration, held by another account.",
    )
    times_logged_out = models.PositiveIntegerField(
        default=0, editable=False, help_text="Everywhere at once: sessions of before are no longer good."
    )
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = EMAIL_FIELD = "email"
    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.address

    @property
    def address(self) -> str:
        """The e-mail address that the user gave, whether or not it is confirmed."""
        return self.claimed_email or self.email

    @property
    def can_be_written_to(self) -> bool:
        """False if the account only claims its address, is erased, or is simulated."""
        return not self.email.endswith(".invalid")

    # The log-in backend loads the next two together with a request's user, so that no page queries for them again.

    @property
    def is_researcher(self) -> bool:
        if "loaded_as_researcher" in self.__dict__:
            return self.is_superuser or self.loaded_as_researcher
        return self.is_superuser or self.groups.filter(name=RESEARCHERS).exists()

    @property
    def has_second_factor(self) -> bool:
        if "loaded_with_device" in self.__dict__:
            return self.loaded_with_device
        return self.totpdevice_set.filter(confirmed=True).exists()

    def _get_session_auth_hash(self, secret=None) -> str:
        """A hash that ends sessions when the password changes and when the user logs out everywhere."""
        if not self.times_logged_out:
            return super()._get_session_auth_hash(secret)
        value = f"{self.password} {self.times_logged_out}"
        return salted_hmac("turing.User.session", value, secret=secret, algorithm="sha256").hexdigest()


def new_pseudonym() -> str:
    """A random pseudonym, so that it reveals neither the order nor the time of registration."""
    return f"R-{secrets.token_hex(4)}"


class Reader(models.Model):
    """A registered clinician."""

    user = models.OneToOneField(User, models.CASCADE, related_name="reader")
    pseudonym = models.CharField(max_length=20, unique=True, default=new_pseudonym, editable=False)
    profession = models.CharField(max_length=20, choices=Profession)
    specialty = models.CharField(max_length=20, choices=Specialty)
    years_experience = models.PositiveSmallIntegerField("years of experience", validators=[MaxValueValidator(80)])
    country = CountryField()
    is_simulated = models.BooleanField(default=False)
    registered_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.pseudonym
