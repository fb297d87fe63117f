"""The record of a measurement: its figures, and sentences on what they show and on their limits."""

from collections.abc import Sequence
from typing import Any

from gan.models import Generator
from gan.utility.arms import ADDED, ALL, EVERY, GENERATED, MEANING
from gan.utility.image_pools import Images
from gan.utility.plan import FEATURES, NETWORK, Plan
from gan.utility.scores import REPLICATES
from gan.utility.small_network import SIDE

MARGIN = 0.02  # smaller differences of AUC count as none; fixed before anything was measured
LEVEL = 0.05
NAMES = {FEATURES: "frozen features", NETWORK: "a small network trained from scratch"}


def report_of(
    generator: Generator,
    images: Images,
    plan: Plan,
    extractor: str,
    curves: list[dict[str, Any]],
    comparisons: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything about one measurement, as JSON values."""
    rows = [row | {"verdict": verdict_of(row["auc"], row["p_holm"])} for row in comparisons]
    report = {
        "generator": generator.pk,
        "name": generator.name,
        "version": generator.version,
        "model": generator.model,
        "step": generator.last_step(),
        "trained_on": generator.trained_on,
        "phantoms": generator.uses_phantoms,
        "collection": plan.collection,
        "diagnoses": images.diagnoses,
        "left_out": images.left_out,
        "test": {
            "images": list(images.test.counts),
            "lesions": images.test.group_counts,
        },
        "real": list(images.real.counts),
        "generated": list(images.generated.counts),
        "classifiers": {
            key: {"name": NAMES[key], "about": _about(key, extractor, plan.steps, generator)}
            for key in dict.fromkeys(row["classifier"] for row in curves)
        },
        "arms": MEANING,
        "seeds": plan.seeds,
        "seed": plan.seed,
        "replicates": REPLICATES,
        "margin": MARGIN,
        "curves": curves,
        "comparisons": rows,
        "verdict": overall(rows, [row["auc"]["estimate"] for row in curves if row["arm"] == EVERY]),
    }
    return report | {"conclusion": conclusion(report), "weaknesses": weaknesses(report, images)}


def verdict_of(difference: dict[str, Any], p_value: float) -> str:
    """A difference of AUC in a word: higher, lower, alike (within the margin), not higher, not lower, or unclear.

    A difference that is certain and too small to matter is alike. One without any variation says nothing: every
    replicate was the same, as when both classifiers are always right.
    """
    low, high = difference["ci95"]
    if low == high:
        return "unclear"
    if low > -MARGIN and high < MARGIN:
        return "alike"
    if p_value < LEVEL:
        return "higher" if difference["estimate"] > 0 else "lower"
    if high < MARGIN:
        return "not higher"
    return "not lower" if low > -MARGIN else "unclear"


def overall(rows: Sequence[dict[str, Any]], real_alone: Sequence[float]) -> str:
    """Whether generated images help if every real one is used already: one verdict for all classifiers.

    `real_alone` holds each classifier's AUC with every real image and nothing else. Where that leaves less than the
    margin up to 1, nothing could have helped.
    """
    found = {row["verdict"] for row in rows if (row["arm"], row["against"]) == (ADDED, EVERY)}
    if {"higher", "lower"} <= found:
        return "mixed"
    if "higher" in found:
        return "helps"
    if "lower" in found:
        return "harms"
    if min(real_alone) > 1 - MARGIN:
        return "no room"
    return "does not help" if found <= {"alike", "not higher"} else "too few to say"


HEADLINES = {
    "helps": "Generated images help: added to every real one, they made a classifier better.",
    "harms": "Generated images harm: added to every real one, they made a classifier worse.",
    "mixed": "Generated images helped one classifier and harmed the other.",
    "does not help": "Generated images do not help: added to every real one, they made no classifier better by "
    f"{MARGIN:g} of AUC or more.",
    "no room": "This test is too easy to say whether generated images help: real images alone leave every classifier "
    f"less than {MARGIN:g} of AUC to gain.",
    "too few to say": "This test cannot say whether generated images help: there are too few held-out lesions, or "
    "trainings of the classifiers differ too much.",
}
ADDED_WORDS = {
    "higher": "helped", "lower": "harmed", "alike": "made no difference that matters", "not higher": "did not help",
    "not lower": "did not harm; whether they help cannot be said", "unclear": "may have helped or harmed",
}  # fmt: skip
ALONE_WORDS = {
    "higher": "better than real ones", "lower": "worse than as many real ones", "alike": "as good as real ones",
    "not higher": "no better than as many real ones; whether they are worse cannot be said",
    "not lower": "no worse than as many real ones", "unclear": "better or worse than real ones: it cannot be said",
}  # fmt: skip


def conclusion(report: dict[str, Any]) -> list[str]:
    """The headline, a sentence on what generated images add, and one on what they are worth alone."""
    found = [("Demonstration on drawn phantoms. " if report["phantoms"] else "") + HEADLINES[report["verdict"]]]
    areas = {(row["classifier"], row["arm"]): row["auc"] for row in report["curves"] if row["size"] == ALL}
    for row in report["comparisons"]:
        key = row["classifier"]
        now, before = areas[key, row["arm"]]["estimate"], areas[key, row["against"]]["estimate"]
        by = NAMES[key]
        figures = f"AUC {now:.3f} against {before:.3f}, {_difference(row)}"
        if row["arm"] == ADDED:
            found.append(f"With {by}, images added {ADDED_WORDS[row['verdict']]}: {figures}.")
        elif row["arm"] == GENERATED:
            found.append(f"With {by}, generated images alone were {ALONE_WORDS[row['verdict']]}: {figures}.")
    return found


def _difference(row: dict[str, Any]) -> str:
    low, high = row["auc"]["ci95"]
    p_value = "p < 0.01" if row["p_holm"] < 0.01 else f"p = {row['p_holm']:.2f}"
    return f"difference {row['auc']['estimate']:+.3f} (95% interval {low:+.3f} to {high:+.3f}, {p_value} by Holm)"


def weaknesses(report: dict[str, Any], images: Images) -> list[str]:
    """The objections of a careful reader."""
    lesions = ", ".join(
        f"{count} of {name}" for name, count in zip(report["diagnoses"], report["test"]["lesions"], strict=True)
    )
    found = [
        f"The test has {sum(report['test']['lesions'])} lesions ({lesions}) of the same collections as the training "
        "images: on images of another clinic it may be different.",
        "The generator saw all of its training images. So a few generated images carry what many real ones taught it, "
        "and a generator that copies them would do as well as they do: read this with the audit for copies.",
        f"The intervals are over lesions and {report['seeds']} trainings of the classifiers. They do not say how "
        "another training of the generator would have turned out, nor other real images: of the largest number, every "
        "training had the same.",
        "Classifiers this small are not the best there are; with larger ones the differences may change.",
    ]
    if not images.are_fresh(report["seeds"]):
        found.append(
            "There are too few generated images to give each training of a classifier others, so the intervals hardly "
            "know how other images of this generator would have done."
        )
    if report["seeds"] < 5:
        found.append("With so few trainings of the classifiers, the intervals hardly know how much these differ.")
    if not images.told:
        found.insert(
            0,
            "The generator's training images are not known. The real images here were split at random: it may have "
            "been trained on those of the test, which makes generated images look better than they are.",
        )
    if images.not_used:
        found.append(f"{images.not_used} more real images were there, and were not used (--limit).")
    if report["left_out"]:
        listed = "; ".join(f"{name} ({reason})" for name, reason in report["left_out"].items())
        found.append(f"Left out: {listed}.")
    return found


def _about(key: str, extractor: str, steps: int, generator: Generator) -> str:
    if key != FEATURES:
        return (
            f"Four convolutions at {SIDE} pixels, {steps} steps whatever the number of images. It shares nothing with "
            "the generator."
        )
    relation = {
        "projected": "The network is a relative of the one (EfficientNet-Lite0) through which this generator was "
        "trained: what the generator gained by it may flatter generated images here.",
        "dcgan": "The generator had no part in these features, nor they in it.",
        "r3gan": "The generator had no part in these features, nor they in it.",
    }
    unknown = "Whether the generator was trained by such features is not known."
    return (
        f"Logistic regression on {extractor}, which was trained on none of these images. "
        f"{relation.get(generator.model, unknown)}"
    )
