"""Two sittings: how the accuracy of the same readers changed from the study that this one follows."""

from typing import Any

from django.core.cache import cache

from turing.models import Study
from turing.results.counting import Population, counted, version_of
from turing.results.study_analysis import KEPT_SECONDS, Analysis
from turing.templatetags.figures import percent, points

Row = dict[str, Any]


def with_sittings(study: Study, population: Population, analysis: Analysis) -> Analysis:
    """The analysis with the key `sittings`; None if the study follows no comparable study.

    Both studies must ask for the judgement, and both must show single images or both pairs. Everybody who may see the
    results of this study must also be allowed to see those of the earlier one.
    """
    earlier = study.follows
    if earlier is None or not _are_alike(earlier, study) or not _is_seen_by_all(earlier, study):
        return analysis | {"sittings": None}
    key = f"sittings-{version_of(study, population)}-{version_of(earlier, population)}"
    return analysis | {"sittings": cache.get_or_set(key, lambda: _compare(earlier, study, population), KEPT_SECONDS)}


def _are_alike(earlier: Study, study: Study) -> bool:
    """Whether both show single images or both pairs.

    Chance differs with two images in sight, so they cannot be compared.
    """
    asked = study.asks_judgement and earlier.asks_judgement
    return asked and study.forced_choice == earlier.forced_choice


def _is_seen_by_all(earlier: Study, study: Study) -> bool:
    """Whether everybody who may see `study` may see `earlier`. Every researcher sees a study without owner."""
    if earlier.visible_to_researchers or earlier.owner_id is None:
        return True
    if study.visible_to_researchers or study.owner_id != earlier.owner_id:
        return False
    who = [set(one.collaborators.values_list("user", "email")) for one in (study, earlier)]
    return who[0] <= who[1]


def _answers(study: Study, population: Population) -> dict[tuple[str, str], bool]:
    """Whether each answer was right, by reader and image. The image is known by its source, the same in both studies.

    A pair is known by both of its images, whichever was on the left.
    """
    rows = counted(study, population).values_list(
        "trial__reading__reader__pseudonym", "trial__stimulus__truth", "answer",
        *(f"trial__{of}__{kind}" for of in ("stimulus", "partner") for kind in ("lesion_image", "generated_image")),
    )  # fmt: skip
    found = {}
    for reader, truth, answer, *sources in rows:
        images = sorted([f"{sources[0]} {sources[1]}", f"{sources[2]} {sources[3]}"])
        found[reader, " and ".join(images)] = truth == answer
    return found


def _compare(earlier: Study, later: Study, population: Population) -> Row:
    """Accuracy of the readers of both studies, later minus earlier."""
    from turing.statistics.sittings import sitting_change  # imports SciPy, which is loaded only with the first figures
    from turing.statistics.withheld import WHOLE_SCALES

    before, after = _answers(earlier, population), _answers(later, population)
    both = {reader for reader, _ in before} & {reader for reader, _ in after}
    found = sitting_change(*({key: right for key, right in of.items() if key[0] in both} for of in (before, after)))
    if found["ci95"] in WHOLE_SCALES:
        found = found | {"ci95": None}
    return {"earlier": earlier.slug, "readers": len(both), "same_images": later.same_images, **found}


def sittings_sentence(analysis: Analysis) -> str:
    """The change in a sentence; empty if there is nothing to compare."""
    found = analysis.get("sittings")
    if not found or not found["accuracy"]:
        return ""
    known = "no interval can be given"
    if found["ci95"]:
        known = f"95% interval {points(found['ci95'][0])} to {points(found['ci95'][1])}"
    return (
        f"{found['readers']} readers also read {found['earlier']}. Their accuracy was "
        f"{percent(found['accuracy']['earlier'])} there and {percent(found['accuracy']['later'])} here: a change of "
        f"{points(found['difference'])} percentage points, {known}."
    )
