"""Studies in two parts: what a purpose-blinded study may not have, and what a study that follows another one needs."""

from collections.abc import Iterator

from turing.models import Study
from turing.models.questions import AFTER_GENERATED, Kind
from turing.studies.telling import telling_words, telling_words_of_address

Problem = tuple[str, str]  # the design's field, and what is wrong with it
NO_JUDGEMENT = (*AFTER_GENERATED, Kind.REALISM)  # questions that tell or need the judgement
# What a purpose-blinded study may not have: the field, and why.
EXCLUDED = {
    "timed": "how long images are shown follows from right and wrong judgements, which it does not ask for",
    "one_row": "it does not ask for the judgement",
    "tell_share": "it would tell readers that images are generated",
    "show_score": "the score is of judgements, which it does not ask for",
    "practice_images": "practice tells what each image is",
    "repeats": "they serve agreement on the judgement, which it does not ask for",
    "control_per_diagnosis": "controls are about the judgement, which it does not ask for",
    "control_degradation": "controls are about the judgement, which it does not ask for",
    "control_generators": "controls are about the judgement, which it does not ask for",
    "looks": "looks spend the error of rates of the judgement, which it does not ask for",
    "follows": "its readers would know the purpose from the earlier study",
    "feedback_after": "it would tell what each image is",
}
SAME = ("diagnoses", "real_per_diagnosis", "generated_per_diagnosis", "forced_choice")


def phase_problems(study: Study) -> list[Problem]:
    """What is wrong with the parts of a design, besides that the earlier study is still a draft."""
    found = list(_of_purpose(study)) if study.purpose_blinded else []
    if study.debriefing_text and not study.purpose_blinded:
        found.append(("debriefing_text", "Debriefing: only readers of a purpose-blinded study are debriefed."))
    return [*found, *_of_earlier(study)]


def _of_purpose(study: Study) -> Iterator[Problem]:
    for name, why in EXCLUDED.items():
        if getattr(study, f"{name}_id" if name == "follows" else name):
            label = str(study._meta.get_field(name).verbose_name).capitalize()
            yield name, f"{label}: not in a purpose-blinded study, since {why}."
    if not study.further_questions:
        yield (
            "questions",
            "Questions: a purpose-blinded study needs at least one, such as a diagnosis.",
        )
    for one in study.further_questions:
        if one.kind in NO_JUDGEMENT:
            yield "questions", f"Questions: {one.name} ({one.kind}) would tell readers of a purpose-blinded study."
    for field, label, text in _texts(study):
        find = telling_words_of_address if label == "Address" else telling_words
        if words := find(text):
            yield (
                field,
                (
                    f"{label}: readers of a purpose-blinded study must not read {', '.join(map(repr, words))}"
                    f"{'; a new study of another title gets another address' if label == 'Address' else ''}."
                ),
            )


def _texts(study: Study) -> Iterator[tuple[str, str, str]]:
    """Whatever a researcher wrote that readers see before the debriefing: field, label, text."""
    yield "title", "Title", study.title
    yield "title", "Address", study.slug
    yield "instructions", "Instructions", study.instructions
    yield "consent_text", "Consent", study.consent_text
    yield "diagnoses", "Diagnoses", ", ".join(study.diagnoses)
    for one in study.further_questions:
        labels = [option.label for option in one.options]
        text = ". ".join([one.name.replace("_", " "), one.wording, one.low, one.high, *labels])
        yield "questions", f"Questions, {one.name}", text


def _of_earlier(study: Study) -> Iterator[Problem]:
    earlier = study.follows
    if earlier is None:
        if study.washout_days:
            yield "washout_days", "Days of washout: choose the earlier study that this one follows."
        if study.same_images:
            yield "same_images", "The same images: choose the earlier study that this one follows."
        return
    if earlier.pk == study.pk:
        yield "follows", "Follows: a study cannot follow itself."
    elif study.same_images:
        if earlier.feedback_after:
            yield "same_images", f"The same images: readers of {earlier} are told what each of them is."
        for name in SAME:
            if _in_order(getattr(study, name)) != _in_order(getattr(earlier, name)):
                label = str(study._meta.get_field(name).verbose_name)
                yield "same_images", f"The same images: {label} must be as in {earlier}."


def _in_order(value):
    """The same for diagnoses in another order."""
    return sorted(value) if isinstance(value, list) else value


def opening_problems(study: Study) -> list[str]:
    """What stands in the way of opening the study, in sentences."""
    found = [message for _, message in phase_problems(study)]
    if study.follows is not None and study.follows.pk != study.pk:
        if study.follows.is_draft:
            found.append(f"Follows: {study.follows} is a draft; it must be opened first.")
        elif study.same_images and not found and _makers(study.follows) != _makers(study):
            found.append(f"The same images: the generators must be those of {study.follows}.")
    return found


def _makers(study: Study) -> set[int]:
    return {one.pk for one in study.tested_generators}


def earlier_studies(study: Study) -> list[Study]:
    """The study that this one follows, the one that that one follows, and so on."""
    found: list[Study] = []
    while (study := study.follows) is not None and study not in found:  # type: ignore[assignment]
        found.append(study)
    return found
