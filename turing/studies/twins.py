"""Twins: images that networks of one training drew from one latent, which look alike.

A generator for all diagnoses draws similar shapes from one latent in every diagnosis, at every truncation and in every
snapshot. A reader who sees twins knows that both are generated, and practice shows the truth of one of them. Images
sampled by earlier versions have twins in other diagnoses and snapshots.
"""

import random
from collections.abc import Collection, Iterable

from gan.models import GeneratedImage
from turing.errors import StudyError
from turing.studies.pools import Source

Latent = tuple[int, str, int]  # training run, name of its networks, latent seed


def latents_of(images: Iterable[Source]) -> list[Latent]:
    """The latents of those images that have one."""
    found = []
    for image in images:
        if isinstance(image, GeneratedImage) and image.latent_seed is not None:
            run = image.generator
            found.append((run.snapshot_of_id or run.pk, run.network_of(image.diagnosis), image.latent_seed))
    return found


def without_twins(rng: random.Random, images: list[Source], count: int, avoid: Collection[Latent]) -> list[Source]:
    """Choose `count` of the images, twins of each other or of images with a latent in `avoid` only if others lack."""
    latents = latents_of(images)
    if len(set(latents)) == len(latents) and set(latents).isdisjoint(avoid):
        return rng.sample(images, count)
    if count > len(images):
        raise StudyError(f"{count} images are wanted, but only {len(images)} are there.")
    seen = set(avoid)
    others: list[Source] = []
    twins: list[Source] = []
    for image in rng.sample(images, len(images)):
        own = latents_of([image])
        (others if seen.isdisjoint(own) else twins).append(image)
        seen.update(own)
    return (others + twins)[:count]


def told_of_twins(images: Iterable[Source]) -> list[str]:
    """A message if there are twins among the images."""
    latents = latents_of(images)
    count = len(latents) - len(set(latents))
    if not count:
        return []
    return [
        f"{count} of the generated images come from the same latent as another one. They look alike, which tells "
        "readers that both are generated. Draw more images: sample_gan takes other latents for each diagnosis."
    ]
