"""Where a study's images come from, in sentences that pages, methods, checklists and plans share."""

from gan.models import Generator
from turing.models import Study


def describe(generator: Generator) -> str:
    """One generator in a line: what it is, and what is known of its training images."""
    if generator.is_run:
        return (
            f"{generator.name}: {generator.model}, {generator.size} pixels, {generator.data_count} training images, "
            f"seed {generator.seed}"
        )
    about = [
        "imported images",
        f"by {generator.made_by}" if generator.made_by else "",
        generator.source,
        f"licence {generator.licence}" if generator.licence else "licence not told",
        f"{generator.data_count} training images known"
        if generator.knows_training_images
        else "training images not told",
    ]
    return f"{generator}: {', '.join(part for part in about if part)}"


def untold(study: Study) -> list[Generator]:
    """Generators of the study whose training images nobody told."""
    return [one for one in study.generators.all() if not one.knows_training_images]


def of_lesions(study: Study) -> str:
    """What can be said of the real images' lesions, to follow 'real images'."""
    if not (unknown := untold(study)):
        return "of lesions that no generator of the study was trained on"
    if len(unknown) == study.generators.count():
        return "of lesions that may have been trained on (the generators' training images are not known)"
    names = ", ".join(str(one) for one in unknown)
    return f"of lesions that the other generators were not trained on (the training images of {names} are not known)"


def training_warning(study: Study) -> str:
    """A sentence for pages and methods where real images may have been trained on; '' where none can have been."""
    if not (unknown := untold(study)):
        return ""
    names = ", ".join(str(one) for one in unknown)
    return (
        f"The training images of {names} are not known: real images of this study may have been trained on, and "
        "generated images may copy images that are not in this record."
    )
