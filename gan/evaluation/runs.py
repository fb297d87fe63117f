"""The full report on a run: quality per diagnosis and the memorisation audit."""

from typing import Any

import numpy as np
import torch

from gan.auditing import CopyDetector
from gan.dataset import decode_pixels
from gan.errors import GanError
from gan.evaluation.extractors import Extractor
from gan.evaluation.metrics import FEWEST
from gan.evaluation.quality import Progress, evaluate
from gan.memorisation.audit import audit
from gan.memorisation.statistics import membership_auc
from gan.models import Evaluation, TrainingRun
from gan.runs import TrainingSet, build_trainer
from gan.sampling import draw_samples
from gan.snapshots import SNAPSHOT, read_snapshot
from gan.training.processes import Processes
from gan.training.settings import Settings

AVERAGED = ("kid", "kid_std", "fid", "precision", "recall", "density", "coverage")
LISTED = 20  # pairs of sample and nearest training image in the report


def evaluate_run(
    run: TrainingRun,
    training_set: TrainingSet,
    count: int,
    seed: int,
    extractor: Extractor,
    progress: Progress,
) -> dict[str, Any]:
    """Figures of `count` samples per diagnosis against held-out lesions, their mean, and the memorisation audit.

    Keeps both with the run. Raises `GanError` where too few lesions are held out.
    """
    few = [name for name in run.diagnoses if len(training_set.held_out[name]) < FEWEST]
    if few:
        raise GanError(f"run {run.pk}: fewer than {FEWEST} held-out images of {', '.join(few)} to compare with.")
    by_diagnosis, pixels, seeds = {}, [], []
    for name in run.diagnoses:
        samples = list(progress(draw_samples(run, name, count, seed), f"Sampling {name}", count, "image"))
        drawn = np.stack([sample.pixels for sample in samples])
        training, held_out = training_set.sources[name], training_set.held_out[name]
        by_diagnosis[name] = evaluate(drawn, training, held_out, extractor, progress)
        pixels.append(drawn)
        seeds += [(name, sample.latent_seed) for sample in samples]
    detector = CopyDetector(run, training_set, progress)
    memorisation = audit(
        np.concatenate(pixels), decode_pixels(training_set.all, run.size), detector.reference, progress
    )
    # Of the figures per sample, the report keeps those that a researcher would look at.
    memorisation["closest"] = closest_pairs(seeds, memorisation.pop("closeness"), memorisation.pop("nearest"))
    memorisation["membership"] = membership(run, training_set)
    _keep(run, by_diagnosis, memorisation)
    means = {figure: float(np.mean([one[figure] for one in by_diagnosis.values()])) for figure in AVERAGED}
    return {
        "run": run.pk,
        "name": run.name,
        "model": run.model,
        **means,
        "feature_extractor": extractor.name,
        "memorisation": memorisation,
        "by_diagnosis": by_diagnosis,
    }


def membership(run: TrainingRun, training_set: TrainingSet) -> dict[str, Any]:
    """Can the discriminator tell training images from held-out ones? Per diagnosis, the AUC of its scores."""
    settings = Settings.from_json(run.settings)
    found: dict[str, Any] = {}
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
            found[diagnosis] = membership_auc(*scores)
    return found


def closest_pairs(seeds: list[tuple[str, int]], closeness: list[float], nearest: list[str]) -> list[dict[str, Any]]:
    """The samples that come closest to a training image, in units of the limit."""
    order = np.argsort(closeness, kind="stable")[:LISTED]
    return [
        {
            "diagnosis": seeds[index][0],
            "latent_seed": seeds[index][1],
            "nearest": nearest[index],
            "distance": closeness[index],
        }
        for index in order
    ]


def _keep(run: TrainingRun, by_diagnosis: dict[str, Any], memorisation: dict[str, Any]) -> None:
    for diagnosis, figures in by_diagnosis.items():
        last = run.steps.filter(diagnosis__in=(diagnosis, *run.networks)).order_by("-step").first()
        Evaluation.objects.update_or_create(
            generator=run, diagnosis=diagnosis, step=last.step if last else 0, defaults={"figures": figures}
        )
    run.memorisation = memorisation
    run.save(update_fields=["memorisation"])
