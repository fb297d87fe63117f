"""The full report on a generator: quality by diagnosis, and the memorisation audit."""

from typing import Any

import numpy as np
import torch

from gan.datasets.comparison_sets import as_run
from gan.datasets.sources import decode_pixels, group_codes, labels_of
from gan.datasets.training_sets import TrainingSet
from gan.foundation.errors import GanError
from gan.memorisation.audit import audit
from gan.memorisation.copy_detector import CopyDetector
from gan.memorisation.copying_tests import membership_auc
from gan.memorisation.distances import Reference, nearness_among
from gan.models import Evaluation, Generator, TrainingRun
from gan.quality.extractors import Extractor
from gan.quality.held_out import Progress, evaluate
from gan.quality.metrics import FEWEST
from gan.runs.execution import build_trainer
from gan.runs.sampling import draw_samples
from gan.runs.snapshots import SNAPSHOT, read_snapshot
from gan.training.processes import Processes
from gan.training.settings import Settings

AVERAGED = ("kid", "kid_std", "fid", "precision", "recall", "density", "coverage")
LISTED = 20  # number of pairs of sample and nearest training image in the report


def evaluate_generator(
    generator: Generator,
    training_set: TrainingSet,
    count: int,
    seed: int,
    extractor: Extractor,
    progress: Progress,
) -> dict[str, Any]:
    """Compare up to `count` images per diagnosis with held-out lesions, and run the memorisation audit.

    A run draws the images. For an external generator they are a random choice of the imported ones. Figures and audit
    are stored with the generator. Raises `GanError` if too few lesions are held out.
    """
    few = [name for name in generator.diagnoses if len(training_set.held_out[name]) < FEWEST]
    if few:
        raise GanError(f"{generator}: fewer than {FEWEST} held-out images of {', '.join(few)} to compare with.")
    by_diagnosis, pixels, names = {}, [], []
    for name in generator.diagnoses:
        images, marks = images_of(generator, name, count, seed, progress)
        training = training_set.sources.get(name) or training_set.all
        by_diagnosis[name] = evaluate(images, training, training_set.held_out[name], extractor, progress)
        pixels.append(images)
        names += marks
    try:
        memorisation = _audited(generator, training_set, np.concatenate(pixels), names, progress)
    except GanError as error:  # too few images are held out for the audit, but the figures of quality are valid
        memorisation = {"not_audited": str(error)}
    _keep(generator, by_diagnosis, memorisation)
    means = {figure: float(np.mean([one[figure] for one in by_diagnosis.values()])) for figure in AVERAGED}
    return {
        "run": generator.pk,
        "name": generator.name,
        "version": generator.version,
        "trained_on": generator.trained_on,
        "model": generator.model,
        **means,
        "feature_extractor": extractor.name,
        "memorisation": memorisation,
        "by_diagnosis": by_diagnosis,
    }


def _audited(
    generator: Generator,
    training_set: TrainingSet,
    images: np.ndarray,
    marks: list[dict[str, Any]],
    progress: Progress,
) -> dict[str, Any]:
    detector = CopyDetector(generator, training_set, progress)
    has_discriminator = generator.is_run and not generator.is_snapshot
    training = decode_pixels(training_set.all, generator.size)
    shown = np.array([mark["diagnosis"] for mark in marks])
    found = audit(images, training, detector.reference, progress, shown)
    # The report keeps only those figures per image that a researcher would look at.
    return found | {
        "told": training_set.told,
        "between": between(images, training_set, generator.size, detector.reference, progress),
        "closest": closest_pairs(marks, found.pop("closeness"), found.pop("nearest")),
        "membership": membership(as_run(generator), training_set) if has_discriminator else {},
    }


def images_of(
    generator: Generator, diagnosis: str, count: int, seed: int, progress: Progress
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Images (N, S, S, 3) of one diagnosis, at most `count`, and their names in the report."""
    if generator.is_run:
        drawn = draw_samples(as_run(generator), diagnosis, count, seed)
        samples = list(progress(drawn, f"Sampling {diagnosis}", count, "image"))
        marks = [{"diagnosis": diagnosis, "latent_seed": sample.latent_seed} for sample in samples]
        return np.stack([sample.pixels for sample in samples]), marks
    kept = list(generator.generated_images.filter(diagnosis=diagnosis).order_by("sha256"))
    if len(kept) < FEWEST:
        raise GanError(f"{generator}: {len(kept)} images of {diagnosis}; at least {FEWEST} are needed.")
    chosen = [kept[index] for index in np.random.default_rng(seed).permutation(len(kept))[:count]]
    shown = progress(chosen, f"Reading {diagnosis}", len(chosen), "image")
    images = np.stack([np.asarray(image.square(generator.size)) for image in shown])
    return images, [{"diagnosis": diagnosis, "name": image.name} for image in chosen]


def between(
    images: np.ndarray, training_set: TrainingSet, size: int, reference: Reference, progress: Progress
) -> dict[str, Any]:
    """How many images nearly repeat another one of the generator, and how many held-out real ones repeat one another.

    The measure is the audit's limit. Equal numbers of both are compared, because larger sets have closer neighbours.
    """
    # A second photograph of a lesion is no repetition, so each lesion has one image.
    every = [source for sources in training_set.held_out.values() for source in sources]
    held_out = [every[index] for index in np.unique(labels_of(training_set.held_out)[0], return_index=True)[1]]
    number = min(len(images), len(held_out))
    shares = [
        float((nearness_among(part, reference.extractor, progress).over(reference.limits) < 1).mean())
        for part in (_some(images, number), decode_pixels([held_out[i] for i in _order(len(held_out), number)], size))
    ]
    return {"images": number, "share_closer": shares[0], "held_out_share_closer": shares[1]}


def _order(count: int, number: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(count)[:number]


def _some(images: np.ndarray, number: int) -> np.ndarray:
    return images[_order(len(images), number)]


def membership(run: TrainingRun, training_set: TrainingSet) -> dict[str, Any]:
    """The AUC, per diagnosis, with which the discriminator's scores separate training images from held-out ones."""
    settings = Settings.from_json(run.settings)
    found: dict[str, Any] = {}
    codes = [group_codes(part) for part in (training_set.sources, training_set.held_out)]
    for networks, diagnoses in run.networks.items():
        trainer = build_trainer(run, networks, training_set, settings, torch.device("cpu"), Processes())
        tensors, state = read_snapshot(run.diagnosis_folder(networks) / SNAPSHOT)
        trainer.load(tensors, state["step"])
        for index, diagnosis in enumerate(diagnoses):
            held_out = torch.from_numpy(decode_pixels(training_set.held_out[diagnosis], run.size)).permute(0, 3, 1, 2)
            scores = [
                torch.cat([trainer.score(part, index) for part in images.split(32)]).numpy()
                for images in (trainer.images[index], held_out)
            ]
            found[diagnosis] = membership_auc(*scores, *(one[diagnosis] for one in codes))
    return found


def closest_pairs(marks: list[dict[str, Any]], closeness: list[float], nearest: list[str]) -> list[dict[str, Any]]:
    """The images that come closest to a training image, with distances in units of the limit."""
    order = np.argsort(closeness, kind="stable")[:LISTED]
    return [marks[index] | {"nearest": nearest[index], "distance": closeness[index]} for index in order]


def _keep(run: Generator, by_diagnosis: dict[str, Any], memorisation: dict[str, Any]) -> None:
    networks = as_run(run).networks if run.is_run else {}
    for diagnosis, figures in by_diagnosis.items():
        last = run.steps.filter(diagnosis__in=(diagnosis, *networks)).order_by("-step").first()
        step = last.step if last else run.snapshot_step
        Evaluation.objects.update_or_create(
            generator=run, diagnosis=diagnosis, step=step, defaults={"figures": figures}
        )
    run.memorisation = memorisation
    run.save(update_fields=["memorisation"])
