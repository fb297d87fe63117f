"""What the image side keeps: lesion images, generators (training runs of ours and external ones), generated images."""

from gan.diagnoses import normalise_diagnosis
from gan.models.generated import GeneratedImage
from gan.models.generators import ALL_DIAGNOSES, Evaluation, Generator, TrainingName, TrainingRun, TrainingStep
from gan.models.images import PHANTOM_PREFIX, LesionImage, is_non_commercial

__all__ = [
    "ALL_DIAGNOSES", "PHANTOM_PREFIX", "Evaluation", "GeneratedImage", "Generator", "LesionImage", "TrainingName",
    "TrainingRun", "TrainingStep", "is_non_commercial",
    "normalise_diagnosis",
]  # fmt: skip
