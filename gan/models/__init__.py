"""Database models of images: lesion images, generators (training runs and external ones), and generated images."""

from gan.foundation.diagnoses import normalise_diagnosis
from gan.foundation.trainable import MODELS
from gan.imaging.image_files import SUFFIXES
from gan.models.generated import GeneratedImage
from gan.models.generators import ALL_DIAGNOSES, Generator, TrainingName, TrainingRun
from gan.models.images import PHANTOM_PREFIX, SKIN_TONES, LesionImage, is_non_commercial, skin_tone_of
from gan.models.measurements import Evaluation, TrainingStep, UtilityEvaluation
from gan.models.unused_files import remove_unused_files

__all__ = [
    "ALL_DIAGNOSES", "MODELS", "PHANTOM_PREFIX", "SKIN_TONES", "SUFFIXES", "Evaluation", "GeneratedImage", "Generator",
    "LesionImage", "TrainingName", "TrainingRun", "TrainingStep", "UtilityEvaluation", "is_non_commercial",
    "normalise_diagnosis", "remove_unused_files", "skin_tone_of",
]  # fmt: skip
