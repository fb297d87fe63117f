"""The sentences of the preregistration of a study of pairs."""

from typing import Any

from turing.models import Study
from turing.studies.preregistration_unjudged import Items
from turing.studies.provenance import of_generators, of_lesions


def pairs_design_plan(study: Study) -> Items:
    """The design of a study of pairs."""
    real = "a drawn phantom in the place of a real image" if study.uses_phantoms else "a real image"
    order = "one diagnosis after the other, each in random order" if study.block_by_diagnosis else "in random order"
    part = (
        f"Each reader judges {study.images_per_reader} of the pairs, every pair about equally often."
        if study.images_per_reader
        else "Each reader judges every pair."
    )
    return [
        ("Kind of study", "A reader study with images of known origin; readers are not assigned to treatments."),
        (
            "Blinding",
            "Readers know that one image of each pair is generated, not which. Files, ids, order, sides and timing do "
            "not depend on it.",
        ),
        (
            "Design",
            f"Two-alternative forced choice. Per diagnosis ({', '.join(study.diagnoses)}) "
            f"{study.real_per_diagnosis} pairs of {real} and a generated one ({of_generators(study)}), "
            f"{study.case_count} pairs in all, at {study.stimulus_size} x {study.stimulus_size} pixels, side by side. "
            f"{part} Readers look as long as they like.",
        ),
        (
            "Randomisation",
            f"The images are drawn at random by the seed {study.seed}, in strata of diagnosis and truth; real ones "
            f"{of_lesions(study)}. When the study opens they are matched at random within each diagnosis by the same "
            f"seed; the pairs are the same for every reader. Each reader sees them {order} of their own. In half of a "
            "reader's pairs of each diagnosis the generated image stands on the left; over readers each pair has it "
            "on either side about equally often.",
        ),
    ]


def pairs_analysis_plan(study: Study, own: dict[str, Any]) -> Items:
    """The analysis of a study of pairs."""
    return [
        (
            "Primary analysis",
            "The proportion correct with its 95% interval over readers and pairs (MRMC U-statistics).",
        ),
        (
            "Secondary analyses",
            "d' with the limits of the proportion correct carried through; the equivalence of the proportion correct "
            f"to guessing within 0.5 +- {study.equivalence_margin:g} by two one-sided tests; the share of choices of "
            "the left image.",
        ),
        ("Transformations", "d' = sqrt(2) z(proportion correct); none where every pair, or none, is told."),
        ("What counts as evidence", "Intervals at 95%; tests at 0.05."),
        (
            "Exclusions",
            "Readers who withdraw consent; practice answers. Nobody is left out for what they answered. "
            f"{own.get('exclusions', '')}".strip(),
        ),
        ("Missing data", "Unanswered pairs are left out. Readers who stop early count as far as they answered."),
        (
            "Exploratory analyses",
            "Everything else that the software shows: diagnoses, generators, single readers and pairs, calibration of "
            "confidence, times, the course of the form.",
        ),
    ]
