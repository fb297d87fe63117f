"""Twins: images by whose likeness a reader knows that both are real, or that both are generated.

Real twins show one lesion or one patient; archives hold several photographs of many lesions. Generated twins come from
networks of one training and one latent: a generator for all diagnoses draws similar shapes from it in every diagnosis,
at every truncation and in every snapshot. Samples of earlier versions have such twins. If one of them comes for
practice, it tells the truth of the other.
"""

import random
from collections.abc import Collection, Hashable, Iterable, Mapping

from gan.models import GeneratedImage, LesionImage
from turing.errors import StudyError
from turing.studies.pools import Source

Origin = Hashable  # what twins have in common


def origins_of(images: Iterable[Source], lesions: Mapping[int, str]) -> list[Origin]:
    """The origins of those images that have one.

    `lesions` is `group_names()` of real images, from one call. Real images that it leaves out have no origin. The
    others have their group, which may be a patient's, and their lesion.
    """
    found: list[Origin] = []
    for image in images:
        if isinstance(image, LesionImage):
            if image.pk in lesions:
                found.append(lesions[image.pk])
                found += [("lesion", image.lesion_id)] if image.lesion_id else []
        elif image.latent_seed is not None:
            run = image.generator
            found.append((run.snapshot_of_id or run.pk, run.network_of(image.diagnosis), image.latent_seed))
    return found


def without_twins(
    rng: random.Random, images: list[Source], count: int, avoid: Collection[Origin], lesions: Mapping[int, str]
) -> list[Source]:
    """Choose `count` of the images, twins of each other or of images with an origin in `avoid` only if others lack.

    Of one patient, another lesion is chosen before the same one.
    """
    origins = origins_of(images, lesions)
    if len(set(origins)) == len(origins) and set(origins).isdisjoint(avoid):
        return rng.sample(images, count)
    if count > len(images):
        raise StudyError(f"{count} images are wanted, but only {len(images)} are there.")
    seen = set(avoid)
    shared: list[tuple[int, Source]] = []  # how many of an image's origins others have had before
    for image in rng.sample(images, len(images)):
        own = origins_of([image], lesions)
        shared.append((len(seen.intersection(own)), image))
        seen.update(own)
    return [image for _, image in sorted(shared, key=lambda one: one[0])][:count]


def told_of_twins(images: Collection[Source]) -> list[str]:
    """A message about generated twins, and one about real ones, if there are any among the images."""
    generated = [image for image in images if isinstance(image, GeneratedImage)]
    real = [image for image in images if isinstance(image, LesionImage)]
    lesions = LesionImage.objects.filter(pk__in=[image.pk for image in real]).group_names()
    found = []
    if count := _repeated(origins_of(generated, {})):
        found.append(
            f"{count} of the generated images come from the same latent as another one. They look alike, which tells "
            "readers that both are generated. Draw more images: sample_gan takes other latents for each diagnosis."
        )
    if count := _repeated(list(lesions.values())):
        found.append(
            f"{count} of the real images show the lesion or the patient of another one. A reader who notices it knows "
            "that both are real. A study of images of more lesions, or of fewer real images, avoids this."
        )
    return found


def _repeated(origins: list[Origin]) -> int:
    return len(origins) - len(set(origins))
