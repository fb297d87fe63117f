"""What every account has: choices for the profile of a person, and an address to which e-mails can be sent."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils.translation import gettext_lazy as _

RESEARCHERS = "researchers"
LONGEST_ADDRESS = 254  # of the database, and of SMTP


def check_address(address: str) -> None:
    """Raises `ValidationError` if no e-mail can be sent there, or if the database has no room for the address."""
    validate_email(address)
    check_host(address)
    if len(address) > LONGEST_ADDRESS:
        raise ValidationError(validate_email.message)


def check_host(address: str) -> None:
    """Raises `ValidationError` if the host's name cannot be encoded (IDNA), because a part is too long, for example."""
    try:
        address.rpartition("@")[2].encode("idna")
    except UnicodeError:
        raise ValidationError(validate_email.message) from None


class Profession(models.TextChoices):
    DERMATOLOGIST = "dermatologist", _("Dermatologist")
    RESIDENT = "resident", _("Dermatology resident")
    PHYSICIAN = "physician", _("Physician, other specialty")
    GENERAL = "general", _("General practitioner")
    NURSE = "nurse", _("Nurse")
    STUDENT = "student", _("Medical student")
    OTHER = "other", _("Other health profession")


BANDS = ((5, "0-4"), (10, "5-9"), (20, "10-19"))


def experience_band(years: int) -> str:
    """Years of experience in bands, because the exact number together with a profession could name a person."""
    return next((band for limit, band in BANDS if years < limit), "20+")


class Specialty(models.TextChoices):
    DERMATOLOGY = "dermatology", _("Dermatology")
    DERMATOPATHOLOGY = "dermatopathology", _("Dermatopathology")
    ONCOLOGY = "oncology", _("Oncology")
    SURGERY = "surgery", _("Surgery")
    FAMILY = "family", _("Family medicine")
    OTHER = "other", _("Other")
    NONE = "none", _("None yet")
