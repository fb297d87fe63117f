"""Results of a purpose-blinded study, which has no figure of the judgement.

This module says which figures and formats such a study has, and what replaces the fooling rate. Its tables are in
`tables`.
"""

from typing import Any

from turing.models import Study
from turing.results.corrections import corrections_in_words
from turing.results.counting import Flow, Population
from turing.results.noticing import noticing_sentence
from turing.results.phrases import analysed_readers, one_size
from turing.results.questions import question_sentences
from turing.studies.provenance import of_generators, of_lesions
from turing.studies.question_words import methods_of_questions

FIGURES = ("flow", "strip")
FORMATS_OF_JUDGEMENT = ("imrmc", "machines")


def unjudged_headlines(analysis: dict[str, Any], population: Population) -> list[str]:
    """The first sentences: answers to each question for real and generated images, primary ones first.

    How many noticed.
    """
    rows = sorted(analysis["questions"], key=lambda row: not row["primary"])
    found = question_sentences(analysis | {"questions": rows})
    who = "Simulated readers" if population.simulated else "Readers"
    first = f"{who} answered without being told that some images were generated."
    return [*found, first, *filter(None, [noticing_sentence(analysis)])]


def unjudged_methods(study: Study, analysis: dict[str, Any], flow: Flow, population: Population) -> str:
    """The methods paragraph, in the past tense. Keys in brackets are those of `references.REFERENCES`."""
    counts = analysis["counts"]
    shown = "drawn phantoms standing in for real images" if study.uses_phantoms else f"real {study.image_type} images"
    part = (
        f"Each reader saw {study.images_per_reader} of them, every image about equally often. "
        if study.images_per_reader
        else ""
    )
    return (
        f"In a purpose-blinded reader study, {analysed_readers(flow, population)} answered questions "
        "about images without being told that some were generated: no page, address or e-mail said so before the "
        "debriefing. "
        f"Per diagnosis ({', '.join(study.diagnoses)}), {study.real_per_diagnosis} {shown} {of_lesions(study)} and "
        f"{study.generated_per_diagnosis} generated images ({of_generators(study)}) were drawn at random, "
        f"{one_size(study)} and shown in an order randomised for each reader. {part}"
        f"{methods_of_questions(study)}{corrections_in_words(study, population)}"
        "The design was fixed before the first answer (SHA-256 "
        f"{study.design_hash[:16]}). Analyses rest on {counts['responses']:,} answers. After the last image readers "
        "were asked in free words what they had noticed, then whether they had suspected that images were generated; "
        "they were then told the purpose and could withdraw their answers. The share who had suspected it is given "
        "with a Clopper-Pearson interval, since each reader answered once. Readers were not asked whether an image was "
        "real, so there is no fooling rate and no other figure of that judgement."
    )
