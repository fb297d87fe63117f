"""The memorisation audit of a run: statistics of its samples, with their null and their power."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from console import Progress
from gan.memorisation.closer import closer_p_value
from gan.memorisation.copying_tests import authenticity, cells_of, data_copying_z
from gan.memorisation.distances import MEASURES, Nearness, Reference, limits_of

PLANTED_SHARES = (0.01, 0.05, 0.10)
ALARM = 0.01  # with a smaller p-value, more samples are close than chance explains
COPYING_Z = -3.0
CERTAIN = 0.1  # of the limit; the closest of 480 held-out images of our ISIC export was at 0.88
JPEG_QUALITY = 75
NOTHING_FOUND = "No copying detected at these limits. This does not make the samples anonymous."


@dataclass(frozen=True)
class Statistics:
    """The statistics of one set of images: shares, and how surprising they are."""

    share_closer: float
    p_value: float
    authenticity: float
    data_copying_z: float

    @property
    def alarming(self) -> list[str]:
        found = []
        if self.p_value < ALARM:
            found.append("more images closer to training images than held-out lesions come")
        if self.data_copying_z < COPYING_Z:
            found.append(f"data-copying statistic below {COPYING_Z:g}")
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "share_closer": self.share_closer,
            "p_value": self.p_value,
            "authenticity": self.authenticity,
            "data_copying_z": None if np.isnan(self.data_copying_z) else self.data_copying_z,
            "alarms": self.alarming,
        }


def audit(
    images: np.ndarray,
    training: np.ndarray,
    reference: Reference,
    progress: Progress,
    diagnosis: np.ndarray | None = None,
) -> dict[str, Any]:
    """The report on samples `images` (N, S, S, 3) against the `training` images (M, S, S, 3) of the reference.

    `diagnosis` (N,) names what each sample shows. For each sample, `closeness` says how close it came (below 1 is
    closer than the limit), and `nearest` to which image. Raises `ValueError` if only samples or only the reference's
    held-out images have diagnoses: tests within diagnoses would then compare nothing, and never raise an alarm.
    """
    if (diagnosis is None) != (reference.held_out.diagnosis is None):
        raise ValueError("either both samples and held-out images have diagnoses, or neither")
    near = replace(reference.nearness(images, progress), diagnosis=diagnosis)
    alone = reference.trained == len(reference.features)
    searched = near if alone else replace(reference.search(images, progress), diagnosis=diagnosis)
    found = statistics_of(near, reference, reference.held_out)
    closeness = searched.over(reference.search_limits)
    alarms = found.alarming + certain_copies(closeness)
    if searched is not near:
        alarms += too_many_close(searched, reference.searched)
    copies = planted_copies(training, max(1, round(PLANTED_SHARES[-1] * len(images))))
    copied = reference.nearness(copies, progress)
    power = [power_at(share, near, copied, reference) for share in PLANTED_SHARES]
    return {
        **found.as_json(),
        "alarms": alarms,
        "samples": len(images),
        "training_images": len(training),
        "held_out_images": len(reference.held_out.features),
        "limits": reference.limits,
        "null": null_of(reference),
        "power": power,
        "sensitivity": None if alarms else sensitivity(power),
        "feature_extractor": reference.extractor.name,
        "conclusion": f"{'; '.join(alarms).capitalize()}. Look at the pairs." if alarms else NOTHING_FOUND,
        "closeness": closeness.tolist(),
        "nearest": [reference.names[index] for index in searched.nearest_by(reference.search_limits)],
    }


def certain_copies(closeness: np.ndarray) -> list[str]:
    """How many images (N,), whose distances are in units of the limits, are too close to be honest; none: no alarm."""
    copies = int((closeness < CERTAIN).sum())
    return [f"{copies} of {len(closeness)} images at less than a tenth of the limit from a real one"] if copies else []


def too_many_close(searched: Nearness, held_out: Nearness) -> list[str]:
    """Whether more images are closer than the limits of the search than chance explains.

    Where the search compares with more than the training images, copies of the others show only here.
    """
    if closer_p_value(searched, held_out) >= ALARM:
        return []
    closer = int((searched.over(limits_of(held_out)) < 1).sum())
    return [f"{closer} of {len(searched.features)} images closer to a real image than the limit"]


def statistics_of(near: Nearness, reference: Reference, held_out: Nearness) -> Statistics:
    """The statistics of some images, with limits and the data-copying test taken from `held_out`.

    The data-copying test uses the distance in units of the limits, the smaller of both measures. Compression alone can
    move a copy's features further than the next lesion is.
    """
    limits = limits_of(held_out)
    theirs, ours = cells_of(held_out.features, held_out.diagnoses, near.features, near.diagnoses)
    return Statistics(
        float((near.over(limits) < 1).mean()),
        closer_p_value(near, held_out),
        authenticity(near.distance["features"], near.nearest["features"], reference.training_features),
        data_copying_z(near.over(limits), held_out.over(limits), ours, theirs),
    )


def null_of(reference: Reference) -> dict[str, Any]:
    """The statistics of held-out lesions, which cannot be copies.

    A random half of the lesions, with all of their images, judged by the limits of the other half.
    """
    held_out = reference.held_out
    codes = np.arange(len(held_out.features)) if held_out.group is None else held_out.group
    order = np.random.default_rng(0).permutation(np.unique(codes))
    in_one = np.isin(codes, order[: len(order) // 2])
    one, other = np.flatnonzero(in_one), np.flatnonzero(~in_one)
    return statistics_of(held_out.part(one), reference, held_out.part(other)).as_json()


def power_at(share: float, near: Nearness, copied: Nearness, reference: Reference) -> dict[str, Any]:
    """The statistics if a share of the samples is planted copies, and the share of those that is found.

    Copies take the place of samples at equal distances, so that each diagnosis has its share of them.
    """
    total = len(near.features)
    count = min(max(1, round(share * total)), len(copied.features))
    replaced = np.linspace(0, total - 1, count).round().astype(int)
    order = np.concatenate([np.delete(np.arange(total), replaced), replaced])
    kept, planted = near.part(order[: total - count]), copied.part(slice(0, count))
    mixed = Nearness(
        {measure: np.concatenate([kept.distance[measure], planted.distance[measure]]) for measure in MEASURES},
        {measure: np.concatenate([kept.nearest[measure], planted.nearest[measure]]) for measure in MEASURES},
        np.concatenate([kept.features, planted.features]),
        diagnosis=None if near.diagnosis is None else near.diagnosis[order],
    )
    recall = float((planted.over(reference.limits) < 1).mean())
    return {"planted_share": share, "planted": count, "samples": total, "recall": recall} | statistics_of(
        mixed, reference, reference.held_out
    ).as_json()


def sensitivity(power: Sequence[Mapping[str, Any]]) -> str:
    """What share of copies the audit would notice, by the rows of `power_at`, whose shares rise."""
    planted, samples = power[-1]["planted"], power[-1]["samples"]
    shares = {row["planted"] / samples: bool(row["alarms"]) for row in power}
    found = round(power[-1]["recall"] * planted)
    one_by_one = f"Compared one by one, {found} of {planted} planted copies came closer than the limit."
    missed = [share for share, alarm in shares.items() if not alarm]
    seen = [share for share in shares if share > max(missed, default=0)]
    if not seen:
        return f"All images together would raise no alarm, even if {missed[-1]:.1%} of them were copies. {one_by_one}"
    unseen = f", and not if {missed[-1]:.1%} were" if missed else ""
    return f"All images together would raise an alarm if {seen[0]:.1%} of them were copies{unseen}. {one_by_one}"


def planted_copies(training: np.ndarray, count: int) -> np.ndarray:
    """`count` training images, turned, with slightly shifted colours, saved as JPEG, as copies would look."""
    random = np.random.default_rng(0)
    copies = []
    for index in random.permutation(len(training))[:count]:
        turned = np.rot90(training[index], int(random.integers(4)))
        turned = turned[:, ::-1] if random.integers(2) else turned
        shifted = np.clip(turned + random.normal(0, 3, 3), 0, 255).astype(np.uint8)
        buffer = BytesIO()
        Image.fromarray(np.ascontiguousarray(shifted)).save(buffer, "JPEG", quality=JPEG_QUALITY)
        copies.append(np.asarray(Image.open(buffer)))
    return np.stack(copies)
