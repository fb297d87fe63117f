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


class Specialty(models.TextChoices):
    DERMATOLOGY = "dermatology", "Dermatology"
    DERMATOPATHOLOGY = "dermatopathology", "Dermatopathology"
    ONCOLOGY = "oncology", "Oncology"
    SURGERY = "surgery", "Surgery"
    FAMILY = "family", "Family medicine"
    OTHER = "other", "Other"
    NONE = "none", "None yet"
