"""The results in sentences: headlines for clinicians, and a methods paragraph ready to paste."""

from typing import Any

from turing.models import Study
from turing.results import pairs
from turing.results.corrections import corrections_in_words
from turing.results.counting import Flow, Population
from turing.results.looks import looks_in_words
from turing.results.unjudged import unjudged_headlines, unjudged_methods
from turing.results.utility import utility_in_words
from turing.statistics.staircase import LONGER_MS, LONGEST_MS, SHORTER_MS, SHORTEST_MS, START_MS, TARGET
from turing.studies.controls import controls_in_words
from turing.studies.provenance import of_generators, of_lesions
from turing.studies.question_words import methods_of_questions
from turing.templatetags.figures import percent

REFERENCES = (
    "Gallas BD. One-shot estimate of MRMC variance: AUC. Acad Radiol 2006;13:353-362.",
    "Gallas BD, Pennello GA, Myers KJ. Multireader multicase variance analysis for binary data. J Opt Soc Am A "
    "2007;24:B70-B80.",
    "Gallas BD, Bandos A, Samuelson FW, Wagner RF. A framework for random-effects ROC analysis: biases with the "
    "bootstrap and other variance estimators. Commun Stat Theory Methods 2009;38:2586-2603.",
    "Graybill FA, Wang CM. Confidence intervals on nonnegative linear combinations of variances. J Am Stat Assoc "
    "1980;75:869-873.",
    "Hillis SL. A comparison of denominator degrees of freedom methods for multiple observer ROC analysis. Stat Med "
    "2007;26:596-619.",
    "Hautus MJ. Corrections for extreme proportions and their biasing effects on estimated values of d'. Behav Res "
    "Methods Instrum Comput 1995;27:46-51.",
    "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for assessing the "
    "equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680.",
    "Krippendorff K. Content analysis: an introduction to its methodology. 4th ed. Sage; 2019.",
    "Gwet KL. Computing inter-rater reliability and its variance in the presence of high agreement. Br J Math Stat "
    "Psychol 2008;61:29-48.",
    "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.",
    "Zhou S, Gordon M, Krishna R, et al. HYPE: a benchmark for human eye perceptual evaluation of generative models. "
    "Adv Neural Inf Process Syst 2019;32.",
    "Kontsevich LL, Tyler CW. Bayesian adaptive estimation of psychometric slope and threshold. Vision Res "
    "1999;39:2729-2737.",
    "Owen AB. Empirical likelihood ratio confidence intervals for a single functional. Biometrika 1988;75:237-249.",
    "DeCarlo LT. Signal detection theory and generalized linear models. Psychol Methods 1998;3:186-205.",
    "Lan KKG, DeMets DL. Discrete sequential boundaries for clinical trials. Biometrika 1983;70:659-663.",
    "Jennison C, Turnbull BW. Interim analyses: the repeated confidence interval approach. J R Stat Soc B "
    "1989;51:305-361.",
    "Owen AB. The pigeonhole bootstrap. Ann Appl Stat 2007;1:386-411.",
    "Zou GY, Donner A. Construction of confidence limits about effect measures: a general approach. Stat Med "
    "2008;27:1693-1702.",
    "Macmillan NA, Creelman CD. Detection theory: a user's guide. 2nd ed. Lawrence Erlbaum; 2005.",
)


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
        return equivalence_sentence(of_pairs | {"asks_judgement": True})
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
            f"has not been established (TOST, {p_value})."
        )
    shown = f"{band}, the margin fixed beforehand, is shown (TOST, {p_value})"
    if differs:
        return (
            f"Readers came close to guessing: {shown}. Within it they told the images apart {differs} by guessing: "
            f"accuracy {percent(accuracy['estimate'])}, 95% interval {percent(low)} to {percent(high)}."
        )
    return f"Readers could not tell the images apart: {shown}."


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


def methods_paragraph(study: Study, analysis: dict[str, Any], flow: Flow, population: Population) -> str:
    """The study's methods in the past tense, with the figures of its design.

    Numbers in brackets refer to `REFERENCES`.
    """
    if study.forced_choice:
        return pairs.methods_of_pairs(study, analysis, flow, population)
    if not study.asks_judgement:
        return unjudged_methods(study, analysis, flow, population)
    counts = analysis["counts"]
    who = "simulated readers" if population.simulated else "readers"
    shown = "drawn phantoms standing in for real images" if study.uses_phantoms else f"real {study.image_type} images"
    confidence = (
        f" and gave their confidence on a scale from 1 to {study.confidence_levels}" if study.asks_confidence else ""
    )
    return (
        f"In a blinded reader study, {flow.analysed} {who} ({flow.completed} complete) judged images as real or "
        f"generated{confidence}. Per diagnosis ({', '.join(study.diagnoses)}), {study.real_per_diagnosis} {shown} "
        f"{of_lesions(study)} and {study.generated_per_diagnosis} generated images ({of_generators(study)}) were "
        f"drawn at random, brought to {study.stimulus_size} x {study.stimulus_size} pixels by one procedure (by way of "
        f"{study.drawn_size} x {study.drawn_size} pixels) and shown in an order randomised for each "
        f"reader. {_form_in_words(study)}{methods_of_questions(study)}{_controls_in_words(study)}"
        f"{corrections_in_words(study, population)}"
        "The design was fixed before the first "
        f"answer (SHA-256 {study.design_hash[:16]}). Analyses rest on {counts['responses']:,} answers. "
        "The primary outcome was the fooling rate, the share of answers to generated images that were 'real'. Readers "
        "and images were both taken as random samples: variances are multi-reader multi-case U-statistics [1-3], and "
        "95% intervals combine the readers' and images' parts with their own degrees of freedom [4,5]. "
        "Accuracy was analysed with real and "
        "generated images as fixed strata. Detection is given as the area under the ROC curve averaged over readers "
        "(answers ordered by confidence) and as d' and criterion with log-linear correction [6]. Readers were called "
        f"unable to tell the images apart only if accuracy was shown to lie within 0.5 +- {study.equivalence_margin:g} "
        "by two one-sided tests [7]. Agreement is given as Fleiss' kappa, Krippendorff's alpha [8] and Gwet's AC1 [9]; "
        "p-values of group differences are adjusted by Holm's method within each factor [10]; HYPE-infinity [11] is "
        "the share of wrong answers. Beside the headline stand a likelihood ratio for readers of two kinds, with an "
        "interval by empirical likelihood over readers [13], the readers who stopped early against those who finished, "
        f"{_model_in_words(analysis)}. {looks_in_words(study, population)}Binomial intervals, which take answers as "
        f"independent, are shown for comparison only.{utility_in_words(study)}"
    )


def _model_in_words(analysis: dict[str, Any]) -> str:
    if analysis["model"]["reason"]:
        return "and, where it can be fitted, a signal detection model with crossed random effects [14]"
    return (
        "and a probit signal detection model with crossed random effects of readers and images [14], fitted by Laplace "
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
        found.append(f"{study.practice_images} other images came first for practice, with feedback. ")
    if study.repeats:
        found.append(f"{study.repeats} images came a second time, for agreement within readers alone. ")
    if study.timed:
        found.append(
            f"Each image was shown for a moment and then masked: for {START_MS} ms at first, for {SHORTER_MS} ms less "
            f"after three right answers in a row and {LONGER_MS} ms more after a wrong one, between {SHORTEST_MS} and "
            f"{LONGEST_MS:,} ms [11]. Thresholds, at {TARGET:.0%} right, are of Weibull functions fitted to all "
            "answers, averaged over slopes and ceilings [12]. "
        )
    if study.zoom != Study.Zoom.OFF:
        how = "by any factor up to 8" if study.zoom == Study.Zoom.FREE else "2 and 4 times"
        found.append(f"Readers could enlarge a part of an image {how}. ")
    if study.block_by_diagnosis:
        found.append("Diagnoses came in blocks. ")
    return "".join(found)
