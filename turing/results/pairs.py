"""Results of a study of pairs: its tables, figures, formats and sentences.

An analysis of pairs has figures only under `forced_choice`. There are no figures of single images.
"""

from collections.abc import Iterable
from typing import Any

from turing.models import Study
from turing.results.corrections import corrections_in_words
from turing.results.counting import Flow, Population
from turing.results.phrases import analysed_readers, one_size
from turing.results.supporting_tables import limits
from turing.studies.provenance import of_generators, of_lesions
from turing.templatetags.figures import interval, number_of, percent

Analysis = dict[str, Any]
Row = dict[str, Any]
TABLES = ("forced-choice", "forced-choice-readers", "forced-choice-pairs")
# These hold for pairs as well as for single images.
SHARED_TABLES = ("calibration", "times", "course", "exclusions", "corrections")
FIGURES = ("forced-choice", "calibration", "course", "times", "strip", "flow")
NO_FORMATS = ("imrmc", "machines")  # these need a score for each image


def groups_of(analysis: Analysis) -> dict[str, Row]:
    """All pairs, the pairs of each diagnosis if there are several, and the pairs of each generator."""
    pairs = analysis["forced_choice"]
    diagnoses = pairs["by_diagnosis"] if len(pairs["by_diagnosis"]) > 1 else {}
    return {"all": pairs} | diagnoses | pairs["by_run"]


def rates(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for group, values in groups_of(analysis).items():
        share, dprime = values["proportion_correct"], values["dprime"]
        yield _rate("proportion correct", group, values["pairs"], share)
        yield {
            "measure": "d'",
            "pairs": group,
            "number": values["pairs"],
            "estimate": dprime["estimate"],
            **limits(dprime["ci95"], "mrmc_"),
            **limits(None, "wilson_naive_"),
            "note": dprime["reason"],
        }
    pairs = analysis["forced_choice"]
    yield _rate("left image chosen", "all", pairs["pairs"], pairs["left"])


def _rate(measure: str, group: str, number: int, rate: Row) -> Row:
    return {
        "measure": measure,
        "pairs": group,
        "number": number,
        "estimate": rate["estimate"],
        **limits(rate["ci95"], "mrmc_"),
        **limits(rate["naive"]["wilson"], "wilson_naive_"),
        "note": None,
    }


def readers(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis["forced_choice"]["by_reader"]:
        yield {key: value for key, value in row.items() if key != "wilson"} | limits(row["wilson"], "wilson_")


def pairs(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    return analysis["forced_choice"]["by_pair"]


def headlines(analysis: Analysis, population: Population) -> list[str]:
    """A sentence for all pairs, one for each diagnosis if there are several, and one for each generator."""
    who = "Simulated readers" if population.simulated else "Readers"
    found = analysis["forced_choice"]
    which = {name: f"pairs with images of {name}" for name in found["by_run"]}
    which |= {"all": "pairs"} | {name: f"pairs of {name}" for name in found["by_diagnosis"]}
    return [
        _headline(who, which[name], one)
        for name, one in groups_of(analysis).items()
        if one["proportion_correct"]["estimate"] is not None
    ]


def _headline(who: str, which: str, values: Row) -> str:
    """The headline in whole per cent. The tables have more digits."""
    share = values["proportion_correct"]
    low_high = share["ci95"]
    known = f"95% interval {low_high[0]:.0%} to {low_high[1]:.0%}" if low_high else "no interval can be given"
    return f"{who} found the generated image in {share['estimate']:.0%} of the {which}; {known}; chance is 50%."


def supporting_sentences(analysis: Analysis) -> list[str]:
    """A sentence about d' and one about bias to a side; none without answers."""
    found = analysis["forced_choice"]
    if not found or found["left"]["estimate"] is None:
        return []
    dprime, left = found["dprime"], found["left"]
    if dprime["estimate"] is None:
        told = f"No d' can be given: {dprime['reason']}."
    elif dprime["ci95"]:
        low, high = dprime["ci95"]
        told = f"d' is {dprime['estimate']:.2f} (95% interval {low:.2f} to {high:.2f}); 0 is guessing."
    else:
        told = f"d' is {dprime['estimate']:.2f}; it has no interval, since {dprime['reason']}."
    known = f" (95% interval {interval(left['ci95'])})" if left["ci95"] else ""
    return [told, f"The left image was chosen in {percent(left['estimate'])} of the answers{known}; 50% is no bias."]


def methods_of_pairs(study: Study, analysis: Analysis, flow: Flow, population: Population) -> str:
    """The methods paragraph of a study of pairs. Keys in brackets are those of `references.REFERENCES`."""
    real = "a drawn phantom standing in for a real image" if study.uses_phantoms else f"a real {study.image_type} image"
    confidence = (
        f" and gave their confidence on a scale from 1 to {study.confidence_levels}" if study.asks_confidence else ""
    )
    part = f" {study.images_per_reader} of them by each reader, every pair about equally often;" * bool(
        study.images_per_reader
    )
    practice = f" {number_of(study.practice_images, 'other pair')} came first for practice, with feedback." * bool(
        study.practice_images
    )
    blocks = ", diagnoses in blocks" if study.block_by_diagnosis else ""
    return (
        f"In a blinded reader study by two-alternative forced choice, {analysed_readers(flow, population)} "
        f"saw pairs of {real} and a generated image of one diagnosis side by side, and said which of the two "
        f"was generated{confidence}. Per diagnosis ({', '.join(study.diagnoses)}), {study.real_per_diagnosis} pairs "
        f"were judged:{part} real images {of_lesions(study)} and generated ones ({of_generators(study)}), drawn and "
        f"matched at random before the study opened, {one_size(study)}. "
        f"The order of the pairs was randomised for each reader{blocks}. The side of "
        f"the generated image was balanced within each reader and, over readers, for each pair.{practice} "
        f"{corrections_in_words(study, population)}The design was fixed before the first answer (SHA-256 "
        f"{study.design_hash[:16]}). Analyses rest on "
        f"{analysis['counts']['responses']:,} answers. The primary outcome was the proportion correct, the share of "
        "answers that found the generated image. Readers and pairs were both taken as random samples: variances are "
        "multi-reader multi-case U-statistics [@gallas2006,@gallas2007,@gallas2009], and 95% intervals combine the "
        "readers' and pairs' parts with "
        "their own degrees of freedom [@graybill1980,@hillis2007], with fewer than ten readers at a nominal 97%. "
        "Sensitivity is d' = sqrt(2) "
        "z(proportion correct) [@macmillan2005], its limits those of the proportion correct carried through. Readers "
        "were called "
        "unable to tell the images apart only if the "
        f"proportion correct was shown to lie within 0.5 +- {study.equivalence_margin:g} by two one-sided tests "
        "[@schuirmann1987]. "
        "The share of choices of the left image tells a bias to a side. Binomial intervals, which take answers as "
        "independent, are shown for comparison only."
    )
