"""What a study that shows each image for a moment only cannot have."""

from turing.models import Study
from turing.models.questions import Kind
from turing.studies.phases import Problem


def timed_problems(study: Study) -> list[Problem]:
    """What in a timed design cannot go together, each with the field to change. Empty if the study is not timed."""
    if not study.timed:
        return []
    only = "if images are shown for a moment only"
    checks = (
        ("images_per_page", study.images_per_page > 1, f"Images per page: must be 1 {only}."),
        ("repeats", study.repeats, f"Repeated images: must be 0 {only}. A repeat would have another exposure."),
        (
            "corrections",
            study.corrections,
            f"Corrections: must be off {only}. Each exposure depends on earlier answers.",
        ),
        ("zoom", study.zoom != Study.Zoom.OFF, f"Zoom: must be off {only}."),
        (
            "questions",
            any(one.kind == Kind.REGION for one in study.further_questions),
            f"Questions: readers cannot mark a region {only}.",
        ),
    )
    return [(field, message) for field, is_wrong, message in checks if is_wrong]
