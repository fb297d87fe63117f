"""Pairs of a real and a generated image (two-alternative forced choice): rules for the design, and the pairing.

`turing.models.stimuli.Side` says how a choice is stored. `turing.reading.pairs` decides the sides of the images.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from turing.models import Stimulus, Study, Truth

# Fields that a study of pairs leaves at their default, and why.
NOT_WITH_PAIRS = {
    "control_per_diagnosis": "images of a control do not belong to any pair",
    "repeats": "a pair cannot be repeated yet",
    "timed": "two images cannot be shown for a moment",
    "zoom": "two images cannot be zoomed together yet",
    "images_per_page": "a page shows one pair",
    "one_row": "the choice and the confidence each have their own row",
    "questions": "further questions are about one image, and a pair has two",
    "looks": "looks are planned for the fooling rate, and pairs have no fooling rate",
    "tell_share": "readers of pairs know that one of the two images is real",
    "purpose_blinded": "readers of pairs know that one of the two images is generated",
    "feedback_after": "the feedback page shows single images",
}


def conflicts(design: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields of the design that pairs do not allow, each with a sentence; none if the study shows no pairs."""
    if not design.get("forced_choice"):
        return
    if design.get("real_per_diagnosis") != design.get("generated_per_diagnosis"):
        yield "generated_per_diagnosis", "Pairs need the same number of generated and real images per diagnosis."
    for name, why in NOT_WITH_PAIRS.items():
        default = Study._meta.get_field(name).get_default()
        if (design.get(name) or default) != default:
            yield name, f"Pairs (forced_choice) do not allow this: {why}."


def pair_up(study: Study, stimuli: Iterable[Stimulus]) -> None:
    """Give every stimulus of a study of pairs its `pair`. The caller saves the stimuli.

    Within each diagnosis, and separately for practice, real and generated images are matched at random by the study's
    seed. Each image is in one pair, so each generator is in as many pairs as it has images. The numbers of the pairs
    count from 1 in a random order given by the seed, so that they reveal neither diagnosis nor generator. A study that
    shows the same images as an earlier one shows the same pairs.
    """
    source = random.Random(f"{study.seed} pairs")
    known = _partners_in(study.follows) if study.same_images and study.follows else {}
    groups: dict[tuple[bool, str], dict[str, list[Stimulus]]] = {}
    for one in stimuli:
        by_truth = groups.setdefault((one.is_practice, one.diagnosis), {truth: [] for truth in Truth.values})
        by_truth[one.truth].append(one)
    pairs: list[tuple[Stimulus, Stimulus]] = []
    for (is_practice, _), by_truth in sorted(groups.items(), key=lambda item: item[0]):
        real, generated = by_truth[Truth.REAL], by_truth[Truth.GENERATED]
        source.shuffle(generated)
        if known and not is_practice:
            by_source = {one.generated_image_id: one for one in generated}
            generated = [by_source[known[one.lesion_image_id]] for one in real]
        pairs += zip(real, generated, strict=True)
    source.shuffle(pairs)
    for number, pair in enumerate(pairs, start=1):
        for one in pair:
            one.pair = number


def _partners_in(study: Study) -> dict[int, int]:
    """The source of the generated image for each real image's source, in the test's pairs of the study."""
    rows = study.stimuli.of_test().values_list("pair", "lesion_image", "generated_image")
    real = {pair: lesion for pair, lesion, _ in rows if lesion}
    return {real[pair]: generated for pair, _, generated in rows if generated}
