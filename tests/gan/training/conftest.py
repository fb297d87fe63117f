"""Small trainings of the projected GAN on phantoms."""

import pytest

from gan.datasets.training_sets import gather
from gan.imaging.phantoms import DIAGNOSES
from gan.runs.execution import decode
from gan.training.settings import Settings


@pytest.fixture
def settings_and_images(phantoms):
    """Settings of 64 pixels and 4 images in a step, and the training images of each diagnosis."""
    settings = Settings(model="projected", size=64, batch_size=4, phantoms=True, precision="float32", held_out=0.5)
    sources = gather(list(DIAGNOSES), None, settings).sources
    return settings, [decode(sources[name], settings.size) for name in DIAGNOSES]
