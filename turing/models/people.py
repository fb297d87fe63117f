"""Users, and the readers among them."""

import secrets

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MaxValueValidator
from django.db import models
from django_countries.fields import CountryField

from turing.accounts import RESEARCHERS, Profession, Specialty


class UserManager(BaseUserManager):
    """Users are known by their e-mail address, whatever its capitals."""

    def create_user(self, email: str, password: str | None = None, **fields):
        """Without a password the user cannot log in."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, email):
        return self.get(email=email.strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    name = models.CharField("name", max_length=150)
    email = models.EmailField("e-mail address", unique=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = EMAIL_FIELD = "email"
    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_researcher(self) -> bool:
        return self.is_superuser or self.groups.filter(name=RESEARCHERS).exists()


def new_pseudonym() -> str:
    """Random, so that neither the order nor the time of registration shows in it."""
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
