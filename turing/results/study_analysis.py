"""Analyses one study, and caches the analysis until another answer comes in."""

from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from turing.models import Stimulus, Study
from turing.results.counting import Population, load_responses, version_of
from turing.results.looks import analysed_looks

Analysis = dict[str, Any]  # the analysis contract's JSON

KEPT_SECONDS = 7 * 24 * 60 * 60  # a shared cache must not grow without end
# Raise this with each new key of the analysis and each new rule of what is left out: it makes older cached ones stale.
SHAPE = 8
SHOWN = 6  # images in the strips of most and least convincing


def analyse_study(study: Study, population: Population) -> Analysis:
    """The analysis of the counted responses, as the JSON that exports and pages rely on."""
    from turing.statistics.analysis import (
        analyse,
    )  # imports SciPy, which a web worker loads only with the first analysis

    key = f"analysis-{SHAPE}-{version_of(study, population)}"

    def compute() -> Analysis:
        looks = analysed_looks(study, population)
        return analyse(load_responses(study, population), study.equivalence_margin, looks, study.questions)

    return cache.get_or_set(key, compute, KEPT_SECONDS)


def with_generators_named(study: Study, analysis: Analysis) -> Analysis:
    """The analysis for people to read: comparisons show generators by name instead of by id."""
    names = {str(one.pk): str(one) for one in study.generators.all()}
    rows = [
        row | {"factor": "generator", "first": names.get(row["first"], ""), "second": names.get(row["second"], "")}
        if row["factor"] == "run"
        else row
        for row in analysis["comparisons"]
    ]
    if made_by := makers(study):
        by_image = [row | {"generator": made_by.get(row["image"], "")} for row in analysis["by_image"]]
        analysis = analysis | {"by_image": by_image}
    by_run = {names.get(key, key): values for key, values in analysis["by_run"].items()}
    if pairs := analysis["forced_choice"]:
        of_pairs = {names.get(key, key): values for key, values in pairs["by_run"].items()}
        by_pair = [row | {"run": names.get(row["run"], row["run"])} for row in pairs["by_pair"]]
        analysis = analysis | {"forced_choice": pairs | {"by_run": of_pairs, "by_pair": by_pair}}
    model = analysis["model"]
    if of := model["by_generator"]:
        model = model | {"by_generator": {names.get(key, key): value for key, value in of.items()}}
    return analysis | {"comparisons": rows, "by_run": by_run, "model": model}


def makers(study: Study) -> dict[str, str]:
    """The generator of each generated image of the test, by the stimulus's id; empty if the study has only one."""
    names = {one.pk: str(one) for one in study.tested_generators}
    if len(names) < 2:
        return {}
    rows = study.stimuli.of_test().exclude(generated_image=None).values_list("pk", "generated_image__generator")
    return {str(key): names.get(generator, "") for key, generator in rows}


@dataclass(frozen=True)
class RatedStimulus:
    """A stimulus, and the share of its responses that said 'real'."""

    stimulus: Stimulus
    rate: float
    responses: int
    ranks: list[int] | None  # 95% interval of the rank by the model, 1 being the most convincing
    generator: str  # '' if the study has only one


def extremes(study: Study, analysis: dict[str, Any]) -> tuple[list[RatedStimulus], list[RatedStimulus]]:
    """The generated images most often and least often taken for real. No image is in both lists.

    An image that nobody took for real is not among the former, and one that everybody took for real not among the
    latter.
    """
    ranks = {row["image"]: row["rank95"] for row in analysis["model"]["by_image"] or ()}
    generated = [row for row in analysis["by_image"] if row["truth"] == "generated"]
    generated.sort(key=lambda row: (-row["rate"], -row["responses"], row["image"]))
    half = min(SHOWN, len(generated) // 2)
    most = [row for row in generated[:half] if row["rate"] > 0]
    least = [row for row in generated[len(generated) - half :][::-1] if row["rate"] < 1]
    stimuli = Stimulus.objects.in_bulk([row["image"] for row in most + least])
    by_id = {str(key): value for key, value in stimuli.items()}
    made_by = makers(study)
    return tuple(  # type: ignore[return-value]
        [
            RatedStimulus(
                by_id[row["image"]],
                row["rate"],
                row["responses"],
                ranks.get(row["image"]),
                made_by.get(row["image"], ""),
            )
            for row in rows
        ]
        for rows in (most, least)
    )
