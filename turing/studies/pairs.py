"""Pairs of a real and a generated image (two-alternative forced choice): what a study of them needs, and who is whose.

`turing.models.stimuli.Side` says how a choice is stored, `turing.reading.pairs` which image stands where.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from turing.models import Stimulus, Study, Truth

# Fields that a study of pairs leaves at their default, and why.
NOT_WITH_PAIRS = {
    "control_per_diagnosis": "images of a control belong to no pair",
    "repeats": "a pair cannot be repeated yet",
    "timed": "two images cannot be shown for a moment",
    "zoom": "two images cannot be zoomed together yet",
    "images_per_page": "pairs come one on a page",
    "one_row": "the choice and the confidence have a row each",
    "questions": "further questions are about one image, and here there are two",
    "looks": "looks are planned for the fooling rate, and pairs have none",
    "tell_share": "readers of pairs know that one of two is real",
    "purpose_blinded": "readers of pairs know that one of two is generated",
    "feedback_after": "the page of what each image was shows single images",
}


def conflicts(design: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields of the design that do not go with pairs, each with a sentence; none where the study shows no pairs."""
    if not design.get("forced_choice"):
        return
    if design.get("real_per_diagnosis") != design.get("generated_per_diagnosis"):
        yield "generated_per_diagnosis", "Pairs need as many generated as real images per diagnosis."
    for name, why in NOT_WITH_PAIRS.items():
        default = Study._meta.get_field(name).get_default()
        if (design.get(name) or default) != default:
            yield name, f"Not with pairs (forced_choice): {why}."


def pair_up(study: Study, stimuli: Iterable[Stimulus]) -> None:
    """Give every stimulus of a study of pairs its `pair`; the caller saves them.

    Within each diagnosis, practice apart, real and generated images are matched at random by the study's seed. Each
    image is in one pair, so that the pairs hold every generator as often as the images do. Numbers count from 1 in an
    order that the seed gives, too: they tell neither diagnosis nor generator. A study that shows the same images as an
    earlier one shows them in its pairs.
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
    """The generated image's source of each real one's, in the test's pairs of the study."""
    rows = study.stimuli.of_test().values_list("pair", "lesion_image", "generated_image")
    real = {pair: lesion for pair, lesion, _ in rows if lesion}
    return {real[pair]: generated for pair, _, generated in rows if generated}
