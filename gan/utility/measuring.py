"""Measures a generator's utility.

Trains every arm with every seed, tests on the test lesions, and stores the record.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from console import Progress, no_progress
from gan.evaluation.detection import one_thread
from gan.foundation.seeds import derive_seed
from gan.models import Generator, UtilityEvaluation
from gan.quality.extractors import lite2
from gan.utility.arms import ADDED, ALL, EVERY, GENERATED, HALF, REAL, Arm, arms_of, training_images
from gan.utility.image_pools import Images, Pool, load_images
from gan.utility.plan import FEATURES, NETWORK, Plan
from gan.utility.regression import probabilities_by_regression
from gan.utility.report import report_of
from gan.utility.scores import Replicates, difference, draw_replicates, holm, measured, summary
from gan.utility.small_network import probabilities_by_network

# Each arm is compared with another one at `ALL`, to show what generated images add and what they are worth alone.
CONTRASTS = ((ADDED, EVERY), (GENERATED, REAL), (HALF, REAL))
COMPARED = ("auc", "accuracy", "brier")

# A function from training images, test images and a seed to probabilities (M, K) of the test images.
Classifier = Callable[[Pool, Pool, int], np.ndarray]


def evaluate_utility(generator: Generator, plan: Plan, progress: Progress = no_progress) -> UtilityEvaluation:
    """Measure, and store the record. Raises `GanError` if too few diagnoses have enough images and lesions."""
    extractor = lite2()
    images = load_images(generator, plan.collection, plan.limit, plan.seeds, plan.seed, extractor, progress)
    figures = report_of(generator, images, plan, extractor.name, *measure(images, plan, progress))
    return UtilityEvaluation.objects.create(
        generator=generator, step=generator.last_step(), collection=plan.collection, figures=figures
    )


def measure(images: Images, plan: Plan, progress: Progress) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of `curves` and those of `comparisons`."""
    arms = arms_of(images.real.counts, images.generated.counts, plan.sizes)
    replicates = draw_replicates(images.test.label, images.test.group, plan.seeds, np.random.default_rng(plan.seed))
    found = judged(images, arms, classifiers(plan.steps), plan, replicates, progress)
    return curves(arms, found, replicates), comparisons(found, replicates)


def classifiers(steps: int) -> dict[str, Classifier]:
    found: dict[str, Classifier] = {FEATURES: _by_features}
    return found | ({NETWORK: partial(_by_network, steps)} if steps else {})


def _by_features(training: Pool, test: Pool, seed: int) -> np.ndarray:
    return probabilities_by_regression(training.features, training.label, training.group, test.features, seed)


def _by_network(steps: int, training: Pool, test: Pool, seed: int) -> np.ndarray:
    return probabilities_by_network(training.small, training.label, test.small, seed, steps)


Judged = dict[tuple[str, str, str], dict[str, np.ndarray]]  # measures (B, S) by classifier, arm and size


def judged(
    images: Images,
    arms: Sequence[Arm],
    by: Mapping[str, Classifier],
    plan: Plan,
    replicates: Replicates,
    progress: Progress,
) -> Judged:
    """Every measure of every arm by every classifier. Arms with the same images are trained once."""
    kinds = list(dict.fromkeys((arm.real, arm.generated) for arm in arms))
    fits = [(key, kind, seed) for key in by for kind in kinds for seed in range(plan.seeds)]
    predicted: dict[tuple[str, Any], list[np.ndarray]] = {}
    with one_thread():
        for key, kind, number in progress(fits, f"Training with {plan.seeds} seeds", len(fits), "fit"):
            seed = derive_seed(plan.seed, number)
            training = training_images(images, Arm("", "", *kind), seed, number, plan.seeds)
            predicted.setdefault((key, kind), []).append(by[key](training, images.test, seed))
    measures = {name: measured(found, images.test.label, replicates) for name, found in predicted.items()}
    return {(key, arm.name, arm.size): measures[key, (arm.real, arm.generated)] for key in by for arm in arms}


def curves(arms: Sequence[Arm], found: Judged, replicates: Replicates) -> list[dict[str, Any]]:
    """A row for each classifier and arm: the training images, and every measure with its interval."""
    sizes = {(arm.name, arm.size): arm for arm in arms}
    return [
        {
            "classifier": key,
            "arm": name,
            "size": size,
            "real": list(sizes[name, size].real),
            "generated": list(sizes[name, size].generated),
            **{measure: summary(values, replicates) for measure, values in measures.items()},
        }
        for (key, name, size), measures in found.items()
    ]


def comparisons(found: Judged, replicates: Replicates) -> list[dict[str, Any]]:
    """A row for each classifier and contrast at `ALL`: differences of each measure.

    AUC's p-values are adjusted over all rows.
    """
    rows: list[dict[str, Any]] = [
        {
            "classifier": key,
            "arm": arm,
            "against": against,
            **{
                name: difference(found[key, arm, ALL][name], found[key, against, ALL][name], replicates)
                for name in COMPARED
            },
        }
        for key in dict.fromkeys(key for key, *_ in found)
        for arm, against in CONTRASTS
    ]
    adjusted = holm([row["auc"]["p_value"] for row in rows])
    return [row | {"p_holm": p_value} for row, p_value in zip(rows, adjusted, strict=True)]
