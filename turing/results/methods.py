"""The results in sentences: headlines for clinicians, and a methods paragraph ready to paste."""

from typing import Any

from turing.models import Study
from turing.results import pairs
from turing.results.corrections import corrections_in_words
from turing.results.counting import Flow, Population
from turing.results.looks import looks_in_words
from turing.results.phrases import analysed_readers, one_size
from turing.results.references import numbered
from turing.results.unjudged import unjudged_headlines, unjudged_methods
from turing.results.utility import utility_in_words
from turing.statistics.caveats import FEW_READERS, NOT_POSITIVE
from turing.statistics.staircase import LONGER_MS, LONGEST_MS, SHORTER_MS, SHORTEST_MS, START_MS, TARGET
from turing.studies.controls import controls_in_words
from turing.studies.provenance import of_generators, of_lesions
from turing.studies.question_words import methods_of_questions
from turing.templatetags.figures import number_of, percent


def headlines(analysis: dict[str, Any], population: Population) -> list[str]:
    """A sentence for all generated images, and one for each diagnosis if there are several.

    Studies of pairs and purpose-blinded studies have sentences of their own.
    """
    if analysis["forced_choice"]:
        return pairs.headlines(analysis, population)
    if not analysis["asks_judgement"]:
        return unjudged_headlines(analysis, population)
    who = "Simulated readers" if population.simulated else "Readers"
    diagnoses = analysis["by_diagnosis"] if len(analysis["by_diagnosis"]) > 1 else {}
    groups = {"images": analysis} | {f"{name} images": values for name, values in diagnoses.items()}
    groups |= {f"images of {name}": values for name, values in analysis.get("by_run", {}).items()}
    return [
        _headline(who, group, values["fooling_rate"])
        for group, values in groups.items()
        if values["fooling_rate"]["estimate"] is not None
    ]


def _headline(who: str, group: str, rate: dict[str, Any]) -> str:
    """The headline in whole per cent. The tables have more digits."""
    interval = rate["ci95"]
    known = f"95% interval {interval[0]:.0%} to {interval[1]:.0%}" if interval else "no interval can be given"
    return f"{who} took {rate['estimate']:.0%} of generated {group} for real; {known}; chance is 50%."


def equivalence_sentence(analysis: dict[str, Any]) -> str:
    """What the data show about telling the images apart. Absence of evidence is called absence of evidence.

    Accuracy can be close to chance and also differ from chance; then the sentence says both. Empty if the judgement was
    not asked.
    """
    if found := analysis.get("forced_choice"):
        of_pairs = {"equivalence": found["equivalence"], "accuracy": found["proportion_correct"]}
        kept = {name: analysis[name] for name in ("counts", "warnings")}
        return equivalence_sentence(of_pairs | kept | {"asks_judgement": True})
    test, accuracy = analysis["equivalence"], analysis["accuracy"]
    if not analysis["asks_judgement"]:
        return ""
    if test is None:
        return "Whether readers can tell the images apart could not be tested."
    band = f"accuracy between {percent(0.5 - test['margin'])} and {percent(0.5 + test['margin'])}"
    p_value = f"p = {test['p_value']:.3f}" if test["p_value"] >= 0.001 else "p < 0.001"
    if looks := analysis.get("looks"):
        p_value += f", where a look asks for p < {looks['alpha']:.4f}"
    low, high = accuracy["ci95"] or (0, 1)
    differs = "better than" if low > 0.5 else "worse than" if high < 0.5 else ""
    if not test["equivalent"]:
        told = (
            f"They told them apart {differs} by guessing: accuracy {percent(accuracy['estimate'])}. " if differs else ""
        )
        return (
            f"{told}It is not shown that readers cannot tell the images apart. The margin fixed beforehand, {band}, "
            f"has not been established (TOST, {p_value}).{_doubts(analysis) if differs else ''}"
        )
    shown = f"{band}, the margin fixed beforehand, is shown (TOST, {p_value})"
    if differs:
        return (
            f"Readers came close to guessing: {shown}. Within it they told the images apart {differs} by guessing: "
            f"accuracy {percent(accuracy['estimate'])}, 95% interval {percent(low)} to {percent(high)}."
            f"{_doubts(analysis)}"
        )
    return f"Readers could not tell the images apart: {shown}.{_doubts(analysis)}"


def _doubts(analysis: dict[str, Any]) -> str:
    """Why the test may claim too much; empty if nothing is known against it."""
    found, readers = "", analysis["counts"]["readers"]
    if readers < FEW_READERS:
        of_readers = number_of(readers, "reader")
        found = f" This rests on {of_readers}: the test was not validated with so few, and may claim too much."
    tested = tuple(f"{figure}: {NOT_POSITIVE}" for figure in ("accuracy", "forced_choice, proportion_correct"))
    if any(text.startswith(tested) for text in analysis["warnings"]):
        found += (
            " Readers and images differed no more than chance makes them differ, so their part of the interval could "
            "not be estimated, and the interval may be too narrow."
        )
    return found


def exposure_sentence(analysis: dict[str, Any]) -> str:
    """How long readers must see an image to tell what it is; empty if images were not shown for a set time."""
    found = analysis["exposure_threshold"]
    if not found:
        return ""
    known = "one reader says nothing about others"
    if found["ci95"]:
        known = f"95% credible interval {_exposure(found['ci95'][0])} to {_exposure(found['ci95'][1])}"
    return (
        f"The median reader tells {found['accuracy']:.0%} of the images right when each is shown for "
        f"{_exposure(found['estimate_ms'])}; {known}."
    )


def _exposure(milliseconds: float) -> str:
    """A time in words. Beyond the times that were shown, only the limit is named."""
    if milliseconds > LONGEST_MS:
        return f"more than {LONGEST_MS:,} ms"
    return f"less than {SHORTEST_MS} ms" if milliseconds < SHORTEST_MS else f"{milliseconds:.0f} ms"


def methods_and_references(
    study: Study, analysis: dict[str, Any], flow: Flow, population: Population
) -> tuple[str, list[str]]:
    """A paragraph on the study's methods in the past tense, with the figures of its design, and what it cites.

    Numbers in brackets, such as [1-3], are places in the list of references.
    """
    return numbered(_methods(study, analysis, flow, population))


def _methods(study: Study, analysis: dict[str, Any], flow: Flow, population: Population) -> str:
    """The paragraph with keys of `REFERENCES` instead of numbers."""
    if study.forced_choice:
        return pairs.methods_of_pairs(study, analysis, flow, population)
    if not study.asks_judgement:
        return unjudged_methods(study, analysis, flow, population)
    counts = analysis["counts"]
    shown = "drawn phantoms standing in for real images" if study.uses_phantoms else f"real {study.image_type} images"
    confidence = (
        f" and gave their confidence on a scale from 1 to {study.confidence_levels}" if study.asks_confidence else ""
    )
    return (
        f"In a blinded reader study, {analysed_readers(flow, population)} judged images as real or "
        f"generated{confidence}. Per diagnosis ({', '.join(study.diagnoses)}), {study.real_per_diagnosis} {shown} "
        f"{of_lesions(study)} and {study.generated_per_diagnosis} generated images ({of_generators(study)}) were "
        f"drawn at random, {one_size(study)} and shown in an order randomised for each reader. "
        f"{_form_in_words(study)}{methods_of_questions(study)}{_controls_in_words(study)}"
        f"{corrections_in_words(study, population)}"
        "The design was fixed before the first "
        f"answer (SHA-256 {study.design_hash[:16]}). Analyses rest on {counts['responses']:,} answers. "
        "The primary outcome was the fooling rate, the share of answers to generated images that were 'real'. Readers "
        "and images were both taken as random samples: variances are multi-reader multi-case U-statistics "
        "[@gallas2006,@gallas2007,@gallas2009], and "
        "95% intervals combine the readers' and images' parts with their own degrees of freedom "
        "[@graybill1980,@hillis2007]. "
        "Accuracy was analysed with real and "
        "generated images as fixed strata. Detection is given as the area under the ROC curve averaged over readers "
        "(answers ordered by confidence) and as d' and criterion with log-linear correction [@hautus1995]. Readers "
        "were called "
        f"unable to tell the images apart only if accuracy was shown to lie within 0.5 +- {study.equivalence_margin:g} "
        "by two one-sided tests [@schuirmann1987]. Agreement is given as Fleiss' kappa, Krippendorff's alpha "
        "[@krippendorff2019] and Gwet's AC1 [@gwet2008]; "
        "p-values of group differences are adjusted by Holm's method within each factor [@holm1979]; HYPE-infinity "
        "[@zhou2019] is "
        "the share of wrong answers. Beside the headline stand a likelihood ratio for readers of two kinds, with an "
        "interval by empirical likelihood over readers [@owen1988], the readers who stopped early against those who "
        "finished, "
        f"{_model_in_words(analysis)}. {looks_in_words(study, population)}Binomial intervals, which take answers as "
        f"independent, are shown for comparison only.{utility_in_words(study)}"
    )


def _model_in_words(analysis: dict[str, Any]) -> str:
    if analysis["model"]["reason"]:
        return "and, where it can be fitted, a signal detection model with crossed random effects [@decarlo1998]"
    return (
        "and a probit signal detection model with crossed random effects of readers and images [@decarlo1998], fitted "
        "by Laplace "
        "approximation of the restricted likelihood"
    )


def _controls_in_words(study: Study) -> str:
    """The controls in a sentence. It ends in a space, or is empty."""
    return f"{told} " if (told := controls_in_words(study)) else ""


def _form_in_words(study: Study) -> str:
    """What a reader's form held besides one view of every image. It ends in a space, or is empty."""
    found = []
    if study.images_per_reader:
        found.append(f"Each reader judged {study.images_per_reader} of them, every image about equally often. ")
    if study.practice_images:
        found.append(f"{number_of(study.practice_images, 'other image')} came first for practice, with feedback. ")
    if study.repeats:
        found.append(f"{number_of(study.repeats, 'image')} came a second time, for agreement within readers alone. ")
    if study.timed:
        found.append(
            f"Each image was shown for a moment and then masked: for {START_MS} ms at first, for {SHORTER_MS} ms less "
            f"after three right answers in a row and {LONGER_MS} ms more after a wrong one, between {SHORTEST_MS} and "
            f"{LONGEST_MS:,} ms [@zhou2019]. Thresholds, at {TARGET:.0%} right, are of Weibull functions fitted to all "
            "answers, averaged over slopes and ceilings [@kontsevich1999]. "
        )
    if study.zoom != Study.Zoom.OFF:
        how = "by any factor up to 8" if study.zoom == Study.Zoom.FREE else "2 and 4 times"
        found.append(f"Readers could enlarge a part of an image {how}. ")
    if study.block_by_diagnosis:
        found.append("Diagnoses came in blocks. ")
    return "".join(found)
