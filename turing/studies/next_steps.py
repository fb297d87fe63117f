"""Tells a researcher what to do next: on the way to the first open study, and in each study."""

from dataclasses import dataclass, replace

from django.urls import reverse

from gan.models import GeneratedImage, LesionImage
from turing.models import Study


@dataclass(frozen=True)
class Step:
    """One step on the way to the first open study."""

    title: str
    about: str
    address: str
    is_done: bool
    is_next: bool = False


def first_steps(studies) -> list[Step]:
    """The steps to the first open study, with the next one marked; none once a study has been opened."""
    states = set(studies.order_by().values_list("state", flat=True).distinct())
    if states - {Study.State.DRAFT}:
        return []
    draft = studies.filter(state=Study.State.DRAFT).order_by("-pk").first()
    collections = reverse("collections")
    steps = [
        Step(
            "Upload real images",
            "Upload a zip or a folder. The page says what it recognised before it imports anything.",
            collections,
            LesionImage.objects.exists(),
        ),
        Step(
            "Curate them",
            "Round frames, rulers and repeated images can give the truth away. Curation rejects them.",
            reverse("job-start", args=["curate"]),
            LesionImage.objects.exclude(verdict="").exists(),
        ),
        Step(
            "Bring generated images",
            "Upload images of another network in the same way. Or train a network under Generators and draw "
            "samples from it.",
            collections,
            GeneratedImage.objects.exists(),
        ),
        Step(
            "Audit them for copies",
            "A study only shows images that were compared with the training images, unless you allow others.",
            reverse("generators"),
            GeneratedImage.objects.exclude(audited_at=None).exists(),
        ),
        Step(
            "Make a study",
            "Choose generators, diagnoses and numbers. The page Plan a study says how many readers and images you "
            "need.",
            reverse("study-create"),
            draft is not None,
        ),
        Step(
            "Open the study",
            "Check the draft first, because opening freezes its design. Then send its address to readers.",
            reverse("research-study", args=[draft.slug]) if draft else "",
            False,
        ),
    ]
    undone = next(number for number, step in enumerate(steps) if not step.is_done)
    steps[undone] = replace(steps[undone], is_next=True)
    return steps


def next_in(study: Study) -> tuple[str, str]:
    """The next thing to do in a study that was loaded with its progress: words, and the address of the page for it."""
    page = reverse("research-study", args=[study.slug])
    if study.is_draft:
        return "look at it, then open it", page
    if study.is_open:
        if not study.reading_count:
            return "send its address to readers", page
        return ("wait for the first answers", page) if not study.response_count else ("collect more answers", page)
    if study.state == Study.State.PAUSED:
        return "resume or close it", page
    if not study.response_count or study.is_published:
        return "", ""
    return "publish it or download its archive", page
