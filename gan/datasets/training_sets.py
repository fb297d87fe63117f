"""Which images a training run trains on and which it holds out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gan.datasets.sources import Source, fingerprint, from_database, from_folder, sources_of, split_all
from gan.foundation.diagnoses import normalise_diagnosis
from gan.foundation.errors import GanError
from gan.models import LesionImage, TrainingRun
from gan.training.settings import Settings


@dataclass(frozen=True)
class TrainingSet:
    """Training and held-out images for each diagnosis. With `folder`, they come from files and not from the database.

    If a generator's training images are not known (`told` is False), both are halves of the real images at hand.
    """

    sources: dict[str, list[Source]]
    held_out: dict[str, list[Source]]
    folder: Path | None = None
    told: bool = True
    others: list[Source] = field(default_factory=list)  # real images of other diagnoses, if `told` is False

    @property
    def all(self) -> list[Source]:
        return [source for diagnosis in sorted(self.sources) for source in self.sources[diagnosis]]


def gather(
    diagnoses: list[str], folder: Path | None, settings: Settings, warn: Callable[[str], None] = lambda text: None
) -> TrainingSet:
    """Images of the diagnoses (all in the folder, if none are named), split by lesion and by patient.

    `warn` is told about anything odd.
    """
    wanted = list(dict.fromkeys(normalise_diagnosis(diagnosis) for diagnosis in diagnoses))
    if folder is not None:
        found = from_folder(folder, warn)
        missing = [diagnosis for diagnosis in wanted if diagnosis not in found]
        if missing:
            raise GanError(f"{folder}: no subfolder for {', '.join(missing)} (found: {', '.join(found)}).")
    elif wanted:
        found = {diagnosis: from_database(diagnosis, settings.phantoms, settings.image_type) for diagnosis in wanted}
    else:
        raise GanError("name at least one --diagnosis to train on, or a --data folder.")
    split = split_all({name: found[name] for name in wanted or found}, settings.held_out, settings.seed)
    for diagnosis, (training, held_out) in split.items():
        if settings.held_out and not held_out:
            lesions = len({source.lesion or source.name for source in training})
            warn(f"{diagnosis}: none of {len(training)} images of {lesions} lesions is held out.")
    return TrainingSet(
        {diagnosis: training for diagnosis, (training, _) in split.items()},
        {diagnosis: held_out for diagnosis, (_, held_out) in split.items()},
        folder.resolve() if folder else None,
    )


def training_set_of(run: TrainingRun) -> TrainingSet:
    """The images that a run saw, and those that it did not. Raises `GanError` if what it saw has changed.

    A run from the database remembers its images, so later curation and imports do not matter. Its held-out images are
    then all usable ones of lesions that it did not see.
    """
    settings = Settings.from_json(run.settings)
    if data := run.settings.get("data"):
        found = gather(run.diagnoses, Path(data), settings)
    else:
        pool = LesionImage.objects.usable().filter(is_phantom=run.uses_phantoms).of_type(settings.image_type)
        unseen = pool.not_trained_on_by([run])
        seen = run.training_images.order_by("isic_id")
        found = TrainingSet(
            {diagnosis: sources_of(seen.with_diagnosis(diagnosis)) for diagnosis in run.diagnoses},
            {diagnosis: sources_of(unseen.with_diagnosis(diagnosis)) for diagnosis in run.diagnoses},
        )
    if fingerprint(found.all) != run.data_fingerprint:
        raise GanError(f"run {run.pk}: its training images have changed since it started.")
    return found
