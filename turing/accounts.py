"""Choices for the profile of a person."""

from django.db import models
from django.utils.translation import gettext_lazy as _

RESEARCHERS = "researchers"


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
