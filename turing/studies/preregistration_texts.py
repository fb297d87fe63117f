"""The sentences of the preregistration, written from the design."""

from typing import Any

from turing.models import Study
from turing.models.looks import due_at, in_words, looks_problem
from turing.models.questions import TESTED, Kind, Question
from turing.statistics.staircase import LONGER_MS, LONGEST_MS, SHORTER_MS, SHORTEST_MS, START_MS
from turing.studies import controls
from turing.studies.preregistration_pairs import pairs_analysis_plan, pairs_design_plan
from turing.studies.preregistration_unjudged import NO_WIDTH, Items, analysis_items
from turing.studies.provenance import factor_name, of_generators, of_lesions
from turing.studies.question_words import questions_in_words

WHY_SIZE = "Why this sample size"
STRUCTURES = {
    "roe-metz": "readers and images differ as in Roe and Metz (1997), where images differ much",
    "moderate": "readers and images differ moderately (standard deviations of 0.5 and 0.7 on the logit scale)",
}


def design_plan(study: Study) -> Items:
    real = "drawn phantoms in the place of real images" if study.uses_phantoms else "real images"
    order = "one diagnosis after the other, each in random order" if study.block_by_diagnosis else "in random order"
    if study.forced_choice:
        return pairs_design_plan(study)
    told = "are told how many images are real" if study.tell_share else "are told that some are real, not how many"
    if not study.asks_judgement:
        told = "are not told that images are generated before they are debriefed, after the last image"
    part = (
        f"Each reader judges {study.images_per_reader} of the images, every image about equally often."
        if study.images_per_reader
        else "Each reader judges every image."
    )
    exposure = (
        f" Each image is shown for a moment and then masked: {START_MS} ms at first, {SHORTER_MS} ms less after three "
        f"right answers in a row, {LONGER_MS} ms more after a wrong one, from {SHORTEST_MS} to {LONGEST_MS:,} ms."
        if study.timed
        else " Readers look as long as they like."
    )
    return [
        ("Kind of study", "A reader study with images of known origin; readers are not assigned to treatments."),
        (
            "Blinding",
            f"Readers do not know what an image is and {told}. Files, ids, order and timing do not depend on it.",
        ),
        (
            "Design",
            f"Per diagnosis ({', '.join(study.diagnoses)}) {study.real_per_diagnosis} {real} and "
            f"{study.generated_per_diagnosis} generated images ({of_generators(study)}), "
            f"{study.stimulus_count} in all, at {study.stimulus_size} x {study.stimulus_size} pixels, "
            f"{study.images_per_page} on a page. {part}{exposure} {controls.controls_in_words(study)}".strip()
            + _earlier(study),
        ),
        (
            "Randomisation",
            f"The images are drawn at random by the seed {study.seed}, in strata of diagnosis and truth; real ones "
            f"{of_lesions(study)}. Each reader sees them {order} of their own.",
        ),
    ]


def _earlier(study: Study) -> str:
    """Which study this one follows, and the time between them; '' if it follows none."""
    if study.follows is None:
        return ""
    images = "It shows the same images." if study.same_images else "No image of the earlier study is shown."
    return (
        f" It follows the study {study.follows} (design {study.follows.design_hash[:16] or 'not frozen yet'}) and is "
        f"for readers who completed that one, at least {study.washout_days} days ago. {images}"
    )


def sampling_plan(study: Study, own: dict[str, Any], sampling: dict[str, Any] | None) -> Items:
    opened = "The study opens with this document; no answer has been given."
    readers = own.get("readers") or study.planned_readers
    return [
        ("Existing data", opened if study.design_hash else "The study is a draft; no answer can be given."),
        (
            "How data are collected",
            " ".join(
                [
                    "Readers register, consent, and answer in a browser"
                    + (", by invitation only." if study.by_invitation else "."),
                    f"{study.practice_images} other {_cases(study)} come first for practice, with feedback."
                    if study.practice_images
                    else "There is no practice.",
                    f"{study.repeats} images come a second time." if study.repeats else "",
                    own.get("recruitment", ""),
                ]
            ).replace("  ", " ").strip(),
        ),
        (
            "Sample size",
            f"{study.form_length} {_cases(study)} a reader. "
            + (f"{readers} readers are planned." if readers else "The number of readers was not fixed."),
        ),
        (WHY_SIZE, precision_sentences(sampling, study.forced_choice) if study.asks_judgement else NO_WIDTH),
        (
            "When collection stops",
            own.get("stopping")
            or (
                "When the planned answers have come, or at one of the planned looks, or when the researcher closes the "
                "study: the intervals hold whatever the reason."
                if study.looks
                else "When the researcher closes the study. No rule was written; looking at results before that, and "
                "stopping because of them, would make the intervals wrong."
            ),
        ),
        *_looks(study),
    ]  # fmt: skip


def _cases(study: Study) -> str:
    return "pairs" if study.forced_choice else "images"


def _looks(study: Study) -> Items:
    """The planned looks with their boundaries; empty if none is planned, or if a draft does not set their time yet."""
    if not study.looks or looks_problem(study.looks, study.planned_readers):
        return []
    from turing.statistics.looks import Looks  # imports SciPy, which a web worker loads only with the first plan

    planned, bounds = study.planned_answers, []
    analyses = sorted({*due_at(study), planned} - {0})
    for number, answers in enumerate(analyses, start=1):
        now = Looks(planned, tuple(analyses[:number])).now
        levels = f"intervals at {100 * now.level:.4g}%, equivalence at p < {now.alpha:.4f}"
        bounds.append(f"at {answers:,} answers z = {now.z:.3f}, {levels}")
    text = (
        f"At {in_words(study.looks)} of the {planned:,} planned answers ({study.planned_readers} readers with "
        f"{study.form_length} images). Until each look nobody sees results. The error, 2.5% at each end of an interval "
        "and 5% for each test of equivalence, is spent by Lan and DeMets's function of the type of O'Brien and "
        f"Fleming: {'; '.join(bounds)}. Where a look comes later than planned, or one that is not planned is taken, "
        "its boundary follows from the answers that have come, by the same function. A study that closes with fewer "
        "answers than planned spends less."
    )
    return [("Looks at results before the end", text)]


def variables(study: Study) -> Items:
    confidence = f" and the confidence from 1, a guess, to {study.confidence_levels}" if study.asks_confidence else ""
    if study.forced_choice:
        return [
            ("Manipulated", "On which side of a pair the generated image stands; nothing else."),
            ("Measured", f"The image that is chosen, left or right{confidence}; the time from first paint to choice."),
            (
                "Derived",
                "Proportion correct: the share of answers that chose the generated image. d' = sqrt(2) z(proportion "
                "correct). Bias to a side: the share of answers that chose the left image.",
            ),
        ]
    return [
        (
            "Manipulated",
            "Whether an image is real or generated"
            + (", and for how long it is shown." if study.timed else "; nothing else."),
        ),
        (
            "Measured",
            (f"The answer, real or generated{confidence}; the" if study.asks_judgement else "The")
            + " time from first paint to choice."
            + (
                " A reader may correct the answer to the last image until the next break; the last answer counts, with "
                "its time where it changed the choice, and the earlier ones are kept."
                if study.corrections
                else ""
            )
            + "".join(f" {line}." for line in questions_in_words(study)),
        ),
        (
            "Derived",
            "Fooling rate: the share of answers to generated images that are 'real'. Accuracy: the share of right "
            "answers."
            if study.asks_judgement
            else "Of each question, the share or mean of answers to real images less that to generated ones.",
        ),
    ]


def analysis_plan(study: Study, own: dict[str, Any], planned: dict[str, Any]) -> Items:
    if study.forced_choice:
        return pairs_analysis_plan(study, own)
    if not study.asks_judgement:
        return analysis_items(study, own)
    compared = [factor_name(one) for one in planned["comparisons"]]
    by = f"The fooling rate is compared by {' and by '.join(compared)}. " if compared else ""
    compared_controls = (
        "The share of each control's images judged real is compared with that of the other images of the same truth. "
        if study.control_count
        else ""
    )
    threshold = (
        "The exposure threshold is estimated by Weibull functions fitted to all answers. " if study.timed else ""
    )
    return [
        (
            "Primary analysis",
            "The fooling rate with its 95% interval over readers and images (MRMC U-statistics)."
            + _primary_questions(study),
        ),
        (
            "Secondary analyses",
            f"Accuracy, with real and generated images as fixed strata, and its equivalence to guessing within 0.5 +- "
            f"{study.equivalence_margin:g} by two one-sided tests; the share of real images judged real. "
            f"{threshold}{by}{compared_controls}{_secondary_questions(study)}"
            .strip(),
        ),
        ("Transformations", "None. Answers without a given confidence count as a guess in the ROC analysis."),
        (
            "What counts as evidence",
            (
                "Intervals at 95%; tests at 0.05"
                if not study.looks
                else "For rates, the ROC area and the equivalence of accuracy the levels of the looks, in the sampling "
                "plan; for all else intervals at 95% and tests at 0.05"
            )
            + (", adjusted by Holm within each factor of comparison." if compared else "."),
        ),
        (
            "Exclusions",
            "Readers who withdraw consent; practice answers; repeated answers, which serve agreement within readers "
            f"alone{'; answers to controls' if study.control_count else ''}. Nobody is left out for what they "
            f"answered. {own.get('exclusions', '')}".strip(),
        ),
        ("Missing data", "Unanswered trials are left out. Readers who stop early count as far as they answered."),
        (
            "Exploratory analyses",
            "Everything else that the software shows: ROC curves, d' and criterion, agreement, calibration, single "
            "readers and images, times, the course of the form, and differences between kinds of readers.",
        ),
    ]  # fmt: skip


def _primary_questions(study: Study) -> str:
    """How the primary questions are tested; '' if only the judgement is primary."""
    primary = [one for one in study.all_questions if one.primary]
    if not study.questions or not [one for one in primary if one.kind != Kind.JUDGEMENT]:
        return ""
    tested = "; ".join(f"{one.name}, {_tested(one)}" for one in primary)
    return f" The headline stays the fooling rate. Tested, and adjusted by Holm together: {tested}."


def _tested(question: Question) -> str:
    if question.test == "equivalence":
        return f"equivalence of real and generated images within {question.margin:g}"
    return "the difference between real and generated images"


def _secondary_questions(study: Study) -> str:
    others = [one.name for one in study.further_questions if not one.primary and one.kind in TESTED]
    return f"Of {', '.join(others)}: the difference between real and generated images. " if others else ""


def precision_sentences(sampling: dict[str, Any] | None, of_pairs: bool = False) -> str:
    if sampling is None:
        few = "pairs" if of_pairs else "generated images"
        return f"There are too few {few} to say how wide the interval will be."
    assumed = "; ".join(f"{name}: {meaning}" for name, meaning in STRUCTURES.items())
    if of_pairs:
        return (
            f"Expected where readers guess and every reader judges the same {sampling['images']} pairs, a pair being "
            "one case: the width of the 95% interval of the proportion correct, and the power to show equivalence. "
            f"{assumed}."
        )
    return (
        f"Expected where the rate is {sampling['rate']:g} and every reader judges the same {sampling['images']} "
        "images, "
        f"{sampling['generated_images']} of them generated: the width of the fooling rate's 95% interval, and the "
        "power "
        f"to show equivalence if readers guess. {assumed}."
    )
