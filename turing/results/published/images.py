"""The stimuli that everybody may see: their licence allows it, and no reader judges the same image elsewhere."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from turing.models import Stimulus, Study, Truth
from turing.results.archive.manifest import may_redistribute
from turing.results.study_analysis import Analysis

SHOWN = 6  # number of images in each strip


@dataclass(frozen=True)
class ShownImage:
    """A stimulus and the share of its responses that said 'real'; None if too few readers judged it."""

    stimulus: Stimulus
    rate: float | None
    responses: int

    @property
    def credit(self) -> str:
        """Whom the licence asks to name; '' for the researchers' own images."""
        lesion = self.stimulus.lesion_image
        if lesion is not None:
            return "" if lesion.is_phantom else f"{lesion.attribution}, {lesion.licence}"
        generator = self.stimulus.generated_image.generator
        return "" if generator.is_run else ", ".join(filter(None, (generator.made_by, generator.licence)))


def judged_elsewhere(study: Study) -> QuerySet[Stimulus]:
    """Stimuli of the study whose image readers of another study are judging, or may still judge."""
    running = Stimulus.objects.filter(study__state__in=(Study.State.OPEN, Study.State.PAUSED))
    return study.stimuli.filter(
        Exists(running.filter(lesion_image=OuterRef("lesion_image")))
        | Exists(running.filter(generated_image=OuterRef("generated_image")))
    )


def shown_stimuli(study: Study) -> list[Stimulus]:
    """Stimuli of the test that everybody may see, in the order of their random ids; one query."""
    stimuli = study.stimuli.of_test().exclude(pk__in=judged_elsewhere(study).values("pk"))
    stimuli = stimuli.select_related("lesion_image", "generated_image__generator").order_by("pk")
    return [one for one in stimuli if may_redistribute(one)]


def find_shown(study: Study, id) -> Stimulus | None:
    """The stimulus with this id, if everybody may see it."""
    stimuli = study.stimuli.of_test().exclude(pk__in=judged_elsewhere(study).values("pk"))
    found = stimuli.select_related("lesion_image", "generated_image__generator").filter(pk=id).first()
    return found if found is not None and may_redistribute(found) else None


def strips(stimuli: list[Stimulus], analysis: Analysis) -> dict[str, list[ShownImage]]:
    """For the page: the images of each truth that were most and least often taken for real. No image appears twice."""
    by_id = {str(one.pk): one for one in stimuli}
    found = {}
    for truth in (Truth.GENERATED, Truth.REAL):
        rows = [row for row in analysis["by_image"] if row["truth"] == truth and row["image"] in by_id]
        rows.sort(key=lambda row: (-row["rate"], -row["responses"], row["image"]))
        images = [ShownImage(by_id[row["image"]], row["rate"], row["responses"]) for row in rows]
        half = min(SHOWN, len(images) // 2)
        found[f"most_{truth}"], found[f"least_{truth}"] = images[:half], images[len(images) - half :][::-1]
    return found
