"""Choices about who a person is."""

from django.db import models

RESEARCHERS = "researchers"


class Profession(models.TextChoices):
    DERMATOLOGIST = "dermatologist", "Dermatologist"
    RESIDENT = "resident", "Dermatology resident"
    PHYSICIAN = "physician", "Physician, other specialty"
    GENERAL = "general", "General practitioner"
    NURSE = "nurse", "Nurse"
    STUDENT = "student", "Medical student"
    OTHER = "other", "Other health profession"


BANDS = ((5, "0-4"), (10, "5-9"), (20, "10-19"))


def experience_band(years: int) -> str:
    """Years of experience in bands: the exact figure beside a profession could name a person."""
    return next((band for limit, band in BANDS if years < limit), "20+")


class Specialty(models.TextChoices):
    DERMATOLOGY = "dermatology", "Dermatology"
    DERMATOPATHOLOGY = "dermatopathology", "Dermatopathology"
    ONCOLOGY = "oncology", "Oncology"
    SURGERY = "surgery", "Surgery"
    FAMILY = "family", "Family medicine"
    OTHER = "other", "Other"
    NONE = "none", "None yet"
