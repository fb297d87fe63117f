"""Rules for studies in two parts: purpose-blinded studies, and studies that follow another one."""

from collections.abc import Iterator

from turing.models import Study
from turing.models.questions import AFTER_GENERATED, Kind
from turing.studies.telling import telling_words, telling_words_of_address

Problem = tuple[str, str]  # the design's field, and what is wrong with it
NO_JUDGEMENT = (*AFTER_GENERATED, Kind.REALISM)  # questions that reveal or need the judgement
# Fields that a purpose-blinded study may not use, and why.
EXCLUDED = {
    "timed": "the exposure depends on right and wrong judgements, and it does not ask for judgements",
    "one_row": "it does not ask for the judgement",
    "tell_share": "it would tell readers that images are generated",
    "show_score": "the score counts judgements, and it does not ask for them",
    "practice_images": "practice tells what each image is",
    "repeats": "repeats measure agreement on the judgement, and it does not ask for the judgement",
    "control_per_diagnosis": "controls are about the judgement, and it does not ask for the judgement",
    "control_degradation": "controls are about the judgement, and it does not ask for the judgement",
    "control_generators": "controls are about the judgement, and it does not ask for the judgement",
    "looks": "looks are about rates of the judgement, and it does not ask for the judgement",
    "follows": "its readers would know the purpose from the earlier study",
    "feedback_after": "it would tell what each image is",
}
SAME = ("diagnoses", "real_per_diagnosis", "generated_per_diagnosis", "forced_choice")


def phase_problems(study: Study) -> list[Problem]:
    """What is wrong with the parts of a design, except that the earlier study is still a draft."""
    found = list(_of_purpose(study)) if study.purpose_blinded else []
    if study.debriefing_text and not study.purpose_blinded:
        found.append(("debriefing_text", "Debriefing: only readers of a purpose-blinded study are debriefed."))
    return [*found, *_of_earlier(study)]


def _of_purpose(study: Study) -> Iterator[Problem]:
    for name, why in EXCLUDED.items():
        if getattr(study, f"{name}_id" if name == "follows" else name):
            label = str(study._meta.get_field(name).verbose_name).capitalize()
            yield name, f"{label}: a purpose-blinded study cannot have this, because {why}."
    if not study.further_questions:
        yield (
            "questions",
            "Questions: a purpose-blinded study needs at least one, such as a diagnosis.",
        )
    for one in study.further_questions:
        if one.kind in NO_JUDGEMENT:
            yield (
                "questions",
                (f"Questions: {one.name} ({one.kind}) would reveal the purpose to readers of a purpose-blinded study."),
            )
    for field, label, text in _texts(study):
        find = telling_words_of_address if label == "Address" else telling_words
        if words := find(text):
            yield (
                field,
                (
                    f"{label}: readers of a purpose-blinded study must not see {', '.join(map(repr, words))}"
                    f"{'. A new study with another title gets another address' if label == 'Address' else ''}."
                ),
            )


def _texts(study: Study) -> Iterator[tuple[str, str, str]]:
    """All texts of the researcher that readers see before the debriefing: field, label, text."""
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
                yield "same_images", f"The same images: {label} must be the same as in {earlier}."


def _in_order(value):
    """The value with lists sorted, so that the order of diagnoses does not matter."""
    return sorted(value) if isinstance(value, list) else value


def opening_problems(study: Study) -> list[str]:
    """What prevents the study from being opened, in sentences."""
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
    """The study that this one follows, the study which that one follows, and so on."""
    found: list[Study] = []
    while (study := study.follows) is not None and study not in found:  # type: ignore[assignment]
        found.append(study)
    return found
