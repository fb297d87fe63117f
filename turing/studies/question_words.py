"""A study's questions in sentences, for its page, the methods paragraph and the preregistration."""

from turing.models import Study
from turing.models.questions import AFTER_GENERATED, CONFIDENCE_LEVELS, TESTED, Kind, Question


def questions_in_words(study: Study) -> list[str]:
    """One line for each question, including the judgement; empty if only the judgement is asked."""
    return [_line(one) for one in study.all_questions] if study.questions else []


def _line(question: Question) -> str:
    primary = "; primary" if question.primary else ""
    if question.kind == Kind.JUDGEMENT:
        return f"Real or generated (the headline{primary})"
    test = f"; equivalence within {question.margin:g}" if question.test == "equivalence" else ""
    optional = "; may be left out" if not question.required and question.kind not in AFTER_GENERATED else ""
    return f"{question.name}: \u201c{question.text}\u201d {_answers(question)}{optional}{test}{primary}"


def _answers(question: Question) -> str:
    sure = f", with confidence from 1 to {CONFIDENCE_LEVELS}" if question.confidence else ""
    if question.kind == Kind.DIAGNOSIS:
        return f"One of {', '.join(one.label for one in question.options)}{sure}"
    if question.is_scale:
        return f"From 1, {question.ends[0]}, to {question.levels}, {question.ends[1]}"
    if question.kind == Kind.REGION:
        return "After the answer \u2018generated\u2019 alone; one place in the image"
    if question.kind == Kind.CUES:
        return f"After the answer \u2018generated\u2019 alone; any of {', '.join(question.cues)}"
    return "In free words" if question.kind == Kind.TEXT else f"Yes or no{sure}"


def methods_of_questions(study: Study) -> str:
    """What else was asked, and how it was analysed, in the past tense. It ends in a space, or is empty."""
    further = study.further_questions
    if not further:
        return ""
    asked = [_in_past(one) for one in further]
    found = f"Of each image readers {'also ' if study.asks_judgement else ''}gave {_listed(asked)}. "
    if any(one.kind in TESTED for one in further):
        found += (
            "Answers to real and to generated images were compared with readers and images both as random samples, "
            "with limits of the difference from those of its two parts [@zou2008] and, where they were wider, "
            "Student's. "
        )
    tested = [f"{one.name} within +- {one.margin:g}" for one in further if one.test == "equivalence"]
    if tested:
        found += (
            f"Equivalence of real and generated images was tested by two one-sided tests: {_listed(tested)} "
            "[@schuirmann1987]. "
        )
    primary = [one.name for one in study.all_questions if one.primary]
    if len(primary) > 1:
        found += f"Tests of the primary questions ({', '.join(primary)}) are adjusted by Holm's method [@holm1979]. "
    return found


def _in_past(question: Question) -> str:
    sure = f" with their confidence from 1 to {CONFIDENCE_LEVELS}" if question.confidence else ""
    words = f"\u201c{question.text}\u201d"
    if question.kind == Kind.DIAGNOSIS:
        return f"a diagnosis out of {len(question.options)}{sure}"
    if question.is_scale:
        return f"{question.name} on a scale from 1 to {question.levels} ({words})"
    if question.kind == Kind.REGION:
        return "after the judgement 'generated', the place in the image where they saw it"
    if question.kind == Kind.CUES:
        return "after the judgement 'generated', the cues that they had used"
    return f"a remark in free words ({words})" if question.kind == Kind.TEXT else f"yes or no{sure} ({words})"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
