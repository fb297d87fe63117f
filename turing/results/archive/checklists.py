"""Reporting checklists, filled in where the software knows the answer.

Items are worded by us and have the guidelines' numbers: STARD 2015 (Bossuyt et al. 2015) with the topics that STARD-AI
(Sounderajah et al. 2025) adds; the items of CLAIM (Mongan et al. 2020) that concern a reader study; GRRAS (Kottner et
al. 2011).
"""

from typing import Any

from turing.models import Study
from turing.results.archive.citation import AUTHOR
from turing.results.archive.packing import Files
from turing.results.counting import Flow, Population, readings_of
from turing.results.pairs import headlines
from turing.studies.controls import controls_in_words
from turing.studies.provenance import describe, of_lesions
from turing.templatetags.figures import interval, number_of, percent
from turing.version import name_and_version

Item = tuple[str, str, str]  # number, topic, answer; an empty answer is for the author to write


def checklist_files(study: Study, population: Population, analysis: dict[str, Any], flow: Flow) -> Files:
    known = facts(study, population, analysis, flow)
    return {
        f"checklists/{name}.md": lambda title=title, note=note, items=items: _page(title, note, items(known))
        for name, (title, note, items) in CHECKLISTS.items()
        if not (study.forced_choice and name == "grras")  # agreement is not computed for pairs
    }


def facts(study: Study, population: Population, analysis: dict[str, Any], flow: Flow) -> dict[str, str]:
    """What the software knows about the study, in sentences that several checklists use."""
    counts, rate, accuracy = analysis["counts"], analysis["fooling_rate"], analysis["accuracy"]
    who = "simulated readers" if population.simulated else "readers"
    when = [at.date().isoformat() for at in (study.opened_at, study.closed_at) if at]
    dates = readings_of(study, population).exclude(completed_at=None)
    answered = f"{counts['responses']:,} answers of {counts['readers']} {who} to {counts['images']} images"
    real = "drawn phantoms in the place of real images" if study.uses_phantoms else "real images"
    known = {
        "design": f"Prospective: the design was fixed before the first answer (SHA-256 {study.design_hash}).",
        "objective": "Primary outcome: the share of answers to generated images that were 'real'. Accuracy is tested "
        f"for equivalence to guessing within 0.5 +- {study.equivalence_margin:g}."
        if study.asks_judgement
        else "Whether answers to the study's questions differ between real and generated images, and how many readers "
        "notice by themselves.",
        "images": f"Per diagnosis ({', '.join(study.diagnoses)}) {study.real_per_diagnosis} {real}, "
        f"{of_lesions(study)}, and {study.generated_per_diagnosis} generated images, drawn at random by the seed "
        f"{study.seed}; stimuli.csv lists them. {controls_in_words(study)}".strip(),
        "preparation": f"All by one procedure: cropped, resampled to {study.stimulus_size} x {study.stimulus_size} "
        "pixels, without metadata, equal in bytes.",
        "origin": "ISIC ids, licences and attributions are in stimuli.csv." if not study.uses_phantoms
        else "Phantoms, drawn by the software; stimuli.csv lists them.",
        "dates": f"Open {' to '.join(when)}." if when else "",
        "blinding": "Readers did not know what an image was; ids, files, order and timing do not depend on it. "
        + "They were not told that some were generated before the debriefing, after the last image."
        if not study.asks_judgement
        else "Readers did not know what an image was; ids, files, order and timing do not depend on it. "
        + ("They were told how many were real." if study.tell_share else "They were not told how many were real."),
        "order": "Each reader saw the images in a random order of their own"
        + (", one diagnosis after the other." if study.block_by_diagnosis else "."),
        "truth": "Known by construction: whether the image came from a camera or from a generator; nobody judged it."
        if not study.uses_phantoms else "Known by construction: drawn phantom or generated image.",
        "practice": _practice(study, "other image"),
        "repeats": f"{number_of(study.repeats, 'image')} came a second time, hidden among the others." if study.repeats
        else "No image was repeated: agreement within readers is not known.",
        "independence": "Each reader judged alone in a browser and saw no other reader's answer.",
        "analysed": f"{answered}. {flow.consented} began, {flow.withdrawn} withdrew consent, {flow.incomplete} "
        "answered in "
        "part and count as far as they answered (figures/flow.svg).",
        "missing": "Unanswered trials are left out, not imputed; the methods take any pattern of missing answers.",
        "methods": "Variances over readers and images (MRMC U-statistics), in methods.md with references.",
        "agreement": "Fleiss' kappa, Krippendorff's alpha and Gwet's AC1 with jackknife intervals: "
        "tables/agreement.csv.",
        "result": "tables/questions.csv and tables/noticed.csv."
        if not study.asks_judgement
        else f"Fooling rate {percent(rate['estimate'])} (95% interval {interval(rate['ci95'])}); accuracy "
        f"{percent(accuracy['estimate'])} ({interval(accuracy['ci95'])}).",
        "generators": "; ".join(describe(one) for one in study.generators.order_by("pk"))
        + ". Settings are in design.json.",
        "software": f"{name_and_version()}; versions in software.json.",
        "sharing": "Data, design, analysis and code are in this archive; reproduce.py computes every number again.",
        "readers": f"{counts['readers']} {who}; profession, specialty and experience are in data/responses.csv.",
        "confidence": f"Confidence from 1 to {study.confidence_levels}." if study.asks_confidence
        else "Confidence was not asked.",
        "subgroups": "tables/comparisons.csv; p-values adjusted by Holm within each factor.",
        "completed": f"{dates.count()} readings were completed.",
        "answers": "Two answers, real or generated; no cut-off was chosen afterwards.",
        "indeterminate": "None are possible: each answer is real or generated.",
        "tabulation": "counts in analysis.json; tables/images.csv by image.",
        "errors": "tables/images.csv ranks every image.",
    }  # fmt: skip
    return known | _of_pairs(study, population, analysis, answered) if study.forced_choice else known


def _of_pairs(study: Study, population: Population, analysis: dict[str, Any], answered: str) -> dict[str, str]:
    """The facts that differ in a study of pairs."""
    dprime = analysis["forced_choice"]["dprime"]
    return {
        "objective": "Primary outcome: the share of pairs in which the generated image was found (proportion correct). "
        f"It is tested for equivalence to guessing within 0.5 +- {study.equivalence_margin:g}.",
        "order": "Each reader saw the pairs in a random order of their own; the side of the generated image was "
        "balanced within each reader and over readers.",
        "blinding": "Readers knew that one image of each pair is generated, not which; ids, files, sides, order and "
        "timing do not depend on it.",
        "practice": _practice(study, "other pair"),
        "repeats": "No pair was repeated: agreement within readers is not known.",
        "agreement": "Not given: a choice between two images judges neither of them.",
        "result": " ".join(headlines(analysis, population)[:1])
        + (f" d' {dprime['estimate']:.2f}." if dprime["estimate"] is not None else ""),
        "subgroups": "tables/forced-choice.csv; no tests of differences.",
        "answers": "Two answers, left or right; no cut-off was chosen afterwards.",
        "indeterminate": "None are possible: each answer is left or right.",
        "tabulation": "tables/forced-choice-pairs.csv by pair.",
        "errors": "tables/forced-choice-pairs.csv has every pair.",
    }  # fmt: skip


def _practice(study: Study, noun: str) -> str:
    if not study.practice_images:
        return "No practice."
    return f"{number_of(study.practice_images, noun)} came first, with feedback."


def stard_ai(known: dict[str, str]) -> list[Item]:
    return [
        ("1", "Title names a study of accuracy and the AI", ""),
        ("2", "Structured abstract", ""),
        ("3", "Background, intended use, role of the test", ""),
        ("4", "Objectives and hypotheses", known["objective"]),
        ("5", "Prospective or retrospective", known["design"]),
        ("6", "Eligibility of images", f"{known['images']} Why these diagnoses: {AUTHOR}."),
        ("7", "How eligible images were found", known["origin"]),
        ("8", "Setting, place and dates", f"{known['dates']} Recruitment of readers: {AUTHOR}."),
        ("9", "Consecutive, random or convenience series", known["images"]),
        ("10a", "Index test, here the reader's judgement", f"{known['order']} {known['confidence']}"),
        ("10b", "Reference standard", known["truth"]),
        ("11", "Why that reference standard", known["truth"]),
        ("12a", "Cut-offs of the index test", known["answers"]),
        ("12b", "Categories of the reference standard", known["truth"]),
        ("13a", "What readers knew", known["blinding"]),
        ("13b", "What assessors of the reference standard knew", "Nobody assessed it."),
        ("14", "Methods for accuracy", known["methods"]),
        ("15", "Indeterminate results", known["indeterminate"]),
        ("16", "Missing data", known["missing"]),
        ("17", "Variability and subgroups, which were planned", f"{known['subgroups']} See the preregistration."),
        ("18", "Sample size and why", f"{known['analysed']} Why: see the preregistration, or {AUTHOR}."),
        ("19", "Flow", known["analysed"]),
        ("20", "Characteristics of the participants", f"{known['readers']} Patients behind the images: {AUTHOR}."),
        ("21a", "Severity among those with the condition", ""),
        ("21b", "Other diagnoses among those without", "Not applicable: both truths show the same diagnoses."),
        ("22", "Time between test and reference standard", "Not applicable: the truth does not change."),
        ("23", "Cross tabulation", known["tabulation"]),
        ("24", "Estimates with their precision", known["result"]),
        ("25", "Adverse events", "None are possible for patients."),
        ("26", "Limitations", ""),
        ("27", "Implications for practice", ""),
        ("28", "Registration", f"See preregistration.md; number of a public registry: {AUTHOR}."),
        ("29", "Where the protocol is", known["design"]),
        ("30", "Funding", ""),
        ("AI", "Data sets: origin, licences, consent for their use", f"{known['origin']} Ethics: {AUTHOR}."),
        ("AI", "Preparation of the images", known["preparation"]),
        ("AI", "Separation of training from test images", known["images"]),
        ("AI", "The AI itself: networks, training, version", known["generators"]),
        ("AI", "Hardware and software", known["software"]),
        ("AI", "Bias and fairness: skin tones, ages, sites", ""),
        ("AI", "Errors: what was misjudged", known["errors"]),
        ("AI", "Sharing of data, code and models", known["sharing"]),
        ("AI", "Commercial interests", ""),
    ]


def claim(known: dict[str, str]) -> list[Item]:
    return [
        ("5", "Prospective or retrospective", known["design"]),
        ("6", "Goal of the study", known["objective"]),
        ("7", "Sources of the data", known["origin"]),
        ("8", "Eligibility, dates, places", f"{known['images']} {known['dates']}"),
        ("9", "Preprocessing", known["preparation"]),
        ("10", "Subsets of the data", known["images"]),
        ("12", "De-identification", f"Readers: pseudonyms, small groups withheld (README.md). Images: {AUTHOR}."),
        ("13", "Missing data", known["missing"]),
        ("14", "Reference standard", known["truth"]),
        ("15", "Why it", known["truth"]),
        ("16", "Readers' qualifications and preparation", f"{known['readers']} {known['practice']}"),
        ("17", "Tool for reading", f"{known['software']} In a browser; {known['order'].lower()}"),
        ("18", "Variability between and within readers", f"{known['agreement']} {known['repeats']}"),
        ("19", "Sample size", f"{known['analysed']} Why: see the preregistration, or {AUTHOR}."),
        ("20-21", "Partitions and how they are disjoint", known["images"]),
        ("22-27", "Networks and their training", known["generators"]),
        ("28", "Measures of performance", known["objective"]),
        ("29", "Uncertainty and significance", known["methods"]),
        ("30", "Robustness and sensitivity", ""),
        ("33", "Flow of readers", known["analysed"]),
        ("34", "Characteristics of readers and images", f"{known['readers']} Patients behind the images: {AUTHOR}."),
        ("35-36", "Estimates with their precision", known["result"]),
        ("37", "Failures", known["errors"]),
        ("38-39", "Limitations and implications", ""),
        ("40-41", "Registration, protocol, code and data", known["sharing"]),
        ("42", "Funding", ""),
    ]


def grras(known: dict[str, str]) -> list[Item]:
    return [
        ("1", "Title or abstract names reliability or agreement", ""),
        ("2", "The instrument", f"{known['order']} {known['confidence']}"),
        ("3", "The subjects: images", known["images"]),
        ("4", "The raters: readers", known["readers"]),
        ("5", "What is known already, and why this study", ""),
        ("6", "How numbers of subjects, raters and replicates were chosen", "See the preregistration."),
        ("7", "How subjects and raters were sampled", f"{known['images']} Readers: {AUTHOR}."),
        ("8", "Rating: time, training, blinding", f"{known['blinding']} {known['practice']} {known['repeats']}"),
        ("9", "Independence of the ratings", known["independence"]),
        ("10", "Statistical analysis", known["agreement"]),
        ("11", "Actual numbers of raters, subjects, replicates", f"{known['analysed']} {known['completed']}"),
        ("12", "Characteristics of raters and subjects", known["readers"]),
        ("13", "Estimates with their uncertainty", known["agreement"]),
        ("14", "Practical relevance", ""),
        ("15", "Detailed results", "data/responses.csv holds every answer."),
    ]  # fmt: skip


CHECKLISTS = {
    "stard-ai": (
        "STARD-AI",
        "Numbers of STARD 2015; lines marked AI are topics that STARD-AI (2025) adds. For a reader study the reader's "
        "judgement is the index test. Fill in the journal's own form from it.",
        stard_ai,
    ),
    "claim": (
        "CLAIM, items on readers and data",
        "Numbers of the 2020 version; the 2024 update orders them slightly otherwise.",
        claim,
    ),
    "grras": ("GRRAS", "Guidelines for reporting reliability and agreement studies (2011).", grras),
}


def _page(title: str, note: str, items: list[Item]) -> bytes:
    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ")

    rows = [f"| {number} | {cell(topic)} | {cell(answer or AUTHOR)} |" for number, topic, answer in items]
    note = f"{note} Topics are in our own words. {AUTHOR} marks what only you can write."
    return "\n".join(
        [f"# {title}", "", note, "", "| item | topic | answer |", "| --- | --- | --- |", *rows, ""]
    ).encode()
