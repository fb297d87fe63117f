"""Two sittings: how the accuracy of the same readers changed from the study that this one follows to this one."""

from typing import Any

from django.core.cache import cache

from turing.models import Study
from turing.results.analysis import KEPT_SECONDS, Analysis
from turing.results.counting import Population, counted, version_of
from turing.templatetags.figures import percent, points

EARLIER, LATER = "earlier", "later"
Row = dict[str, Any]
Answer = tuple[str, str, bool]  # reader, image, whether it was right


def with_sittings(study: Study, population: Population, analysis: Analysis) -> Analysis:
    """The analysis with the key `sittings`; None where the study follows none, or one of both asks for no judgement."""
    earlier = study.follows
    if earlier is None or not study.asks_judgement or not earlier.asks_judgement:
        return analysis | {"sittings": None}
    key = f"sittings-{version_of(study, population)}-{version_of(earlier, population)}"
    return analysis | {"sittings": cache.get_or_set(key, lambda: _compare(earlier, study, population), KEPT_SECONDS)}


def _answers(study: Study, population: Population) -> list[Answer]:
    """An image is known by its source: the same in both studies where they show the same images."""
    rows = counted(study, population).values_list(
        "trial__reading__reader__pseudonym", "trial__stimulus__lesion_image", "trial__stimulus__generated_image",
        "trial__stimulus__truth", "answer",
    )  # fmt: skip
    return [(reader, f"{lesion} {generated}", truth == answer) for reader, lesion, generated, truth, answer in rows]


def _compare(earlier: Study, later: Study, population: Population) -> Row:
    """Accuracy of the readers of both, later less earlier; readers and images that both share make it paired."""
    import numpy as np

    from turing.statistics.comparisons import compare  # SciPy: loaded with the first figures
    from turing.statistics.responses import Responses
    from turing.statistics.withheld import WHOLE_SCALES

    found = {EARLIER: _answers(earlier, population), LATER: _answers(later, population)}
    both = {one[0] for one in found[EARLIER]} & {one[0] for one in found[LATER]}
    kept = [(sitting, *one) for sitting, rows in found.items() for one in rows if one[0] in both]
    result: Row = {"earlier": earlier.slug, "readers": len(both), "same_images": later.same_images}
    nothing = {"accuracy": None, "difference": None, "ci95": None, "p_value": None}
    if not kept:
        return result | nothing
    sitting, reader, image, right = map(np.array, zip(*kept, strict=True))
    # `compare` takes the share of 'judged real' among generated images: here, of right answers among all.
    responses = Responses.from_labels(reader, image, np.zeros(len(right), bool), right)
    rows, _ = compare(responses, "sitting", sitting)
    if not rows:
        return result | nothing
    [row] = rows
    interval = [-row["ci95"][1], -row["ci95"][0]] if row["ci95"] else None
    return result | {
        "accuracy": {row["first"]: row["rates"][0], row["second"]: row["rates"][1]},
        "difference": -row["difference"],
        "ci95": None if interval in WHOLE_SCALES else interval,
        "p_value": row["p_value"],
    }


def sittings_sentence(analysis: Analysis) -> str:
    """The change in a sentence; empty where there is nothing to compare."""
    found = analysis.get("sittings")
    if not found or not found["accuracy"]:
        return ""
    known = "no interval can be given"
    if found["ci95"]:
        known = f"95% interval {points(found['ci95'][0])} to {points(found['ci95'][1])}"
    return (
        f"{found['readers']} readers also read {found['earlier']}. Their accuracy was "
        f"{percent(found['accuracy'][EARLIER])} there and {percent(found['accuracy'][LATER])} here: a change of "
        f"{points(found['difference'])} percentage points, {known}."
    )
