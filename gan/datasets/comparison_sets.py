"""Chooses the real images to compare a generator's images with: its training images, and images that it did not see."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from files import is_folder, shown, walk
from gan.datasets.sources import Source, read_image, sources_of, split_by_lesion
from gan.datasets.training_sets import TrainingSet, training_set_of
from gan.foundation.errors import GanError
from gan.imaging.image_files import SUFFIXES, sha256
from gan.models import Generator, LesionImage, TrainingRun
from gan.models.images import LesionImageQuerySet

OTHERS = "training images"  # key of a folder's images, whose diagnosis is unknown
MEASURING_SHARE = 0.3  # share of the real images at hand, by lesion, that measures how close others come
AT_ONCE = 500  # most values in one SQL query
FEW = 100  # half of these are used, and the audit needs twenty


def find_generator(reference: str) -> Generator:
    """The generator with this id or name. Raises `GanError` if there is none."""
    found = Generator.objects.find(reference)
    if found is None:
        raise GanError(Generator.objects.missing(reference))
    return found


def as_run(generator: Generator) -> TrainingRun:
    """The same row as a training run. Raises `GanError` for an external generator, which cannot draw images."""
    if not generator.is_run:
        raise GanError(
            f"{generator} is an external generator. It cannot draw images; only its imported images are here."
        )
    return TrainingRun.objects.get(pk=generator.pk)


def comparison_set_of(generator: Generator) -> TrainingSet:
    """Training and held-out images of a run or of an external generator.

    If the training images are not known, the real images at hand are split by lesion. One part then serves as the
    measure of how close one real image comes to the others. Raises `GanError` if the images no longer exist.
    """
    if generator.is_run:
        return training_set_of(as_run(generator))
    seen = LesionImage.objects.seen_by([generator])
    if not generator.knows_training_images or not seen.exists():
        return _all_real(generator)
    unseen = LesionImage.objects.usable().filter(is_phantom=generator.uses_phantoms).not_trained_on_by([generator])
    held_out = _by_diagnosis(unseen, generator)
    said = generator.training_data
    if said["kind"] == "folder" and said["is_all"] and is_folder(Path(said["path"])):
        return TrainingSet(_from_folder(Path(said["path"]), generator), held_out, Path(said["path"]))
    sources = _by_diagnosis(seen, generator)
    return TrainingSet({name: found for name, found in sources.items() if found}, held_out)


def _by_diagnosis(images: LesionImageQuerySet, generator: Generator) -> dict[str, list[Source]]:
    ordered = images.order_by("isic_id")
    return {name: sources_of(ordered.with_diagnosis(name)) for name in generator.diagnoses}


def only_collection(found: TrainingSet, collection: str) -> TrainingSet:
    """The same set with held-out images of only one collection. Raises `GanError` if there is no such collection."""
    of_it = set(LesionImage.objects.filter(collection=collection).values_list("pk", flat=True))
    if not of_it:
        known = ", ".join(sorted(set(LesionImage.objects.values_list("collection", flat=True)))) or "none"
        raise GanError(f"--collection {collection!r}: no such collection (there are: {known}).")
    held_out = {
        name: [source for source in sources if source.lesion_image_id in of_it]
        for name, sources in found.held_out.items()
    }
    return replace(found, held_out=held_out)


def _all_real(generator: Generator) -> TrainingSet:
    real = LesionImage.objects.filter(is_phantom=generator.uses_phantoms)
    others = sources_of(real.exclude(diagnosis__in=generator.diagnoses).order_by("isic_id"))
    sources, measure = {}, {}
    for name, found in _by_diagnosis(real, generator).items():
        sources[name], measure[name] = split_by_lesion(found, 0.5 if len(found) < FEW else MEASURING_SHARE, seed=0)
    return TrainingSet(sources, measure, told=False, others=others)


def _from_folder(folder: Path, generator: Generator) -> dict[str, list[Source]]:
    """The images below the folder as they were when the generator was imported."""
    sources = []
    for path in walk(folder, SUFFIXES).files:
        content = read_image(path)
        sources.append(Source(shown(path.stem)[-200:], "", sha256(content), partial(read_image, path)))
    if not generator.training_names.filter(value__in=[source.sha256 for source in sources[:AT_ONCE]]).exists():
        raise GanError(f"{generator}: the images in {shown(folder)} are not those that it was imported with.")
    known = dict(generator.training_images.values_list("sha256", "pk"))
    return {OTHERS: [Source(s.name, s.lesion, s.sha256, s.read, known.get(s.sha256)) for s in sources]}
