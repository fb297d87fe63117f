"""Where a study's images come from, in sentences that pages, methods, checklists and plans share."""

from gan.models import Generator, LesionImage
from turing.models import Study


def factor_name(key: str) -> str:
    """The name of a factor of the analysis for people. Data and plans have always called the generator `run`."""
    return "generator" if key == "run" else key


def describe(generator: Generator) -> str:
    """One generator in a line: what it is, and what is known about its training images."""
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
        f"{generator.data_count} training images told, {generator.training_images.count()} of them in this record"
        if generator.trained_on != Generator.TrainedOn.NOT_TOLD
        else "training images not told",
    ]
    return f"{generator}: {', '.join(part for part in about if part)}"


def of_generators(study: Study) -> str:
    """The study's generators and, if the design sets unequal numbers, how many images per diagnosis each supplies."""
    parts = []
    generators = sorted(study.tested_generators, key=lambda one: one.pk)
    for one in generators:
        count = study.generated_counts.get(str(one.pk))
        parts.append(f"{count} of {one}" if count is not None else str(one))
    if len(generators) > 1 and not study.generated_counts:
        return f"of {', '.join(parts)}, in equal shares"
    return ", ".join(parts) if study.generated_counts else f"of {', '.join(parts)}"


def untold(study: Study) -> list[str]:
    """Generators whose training images are not known; for a study that has opened, were not known then."""
    if study.untold is not None:
        return study.untold
    return [str(one) for one in study.generators.order_by("pk") if not one.knows_training_images]


def shown_though_trained_on(study: Study) -> int:
    """Real images of the study's test that one of its generators was trained on, as far as is known by now."""
    seen = LesionImage.objects.seen_by(study.generators.all())
    return study.stimuli.of_test().filter(lesion_image__in=seen).count()


def of_lesions(study: Study) -> str:
    """What is known about the real images' lesions, as words that follow 'real images'."""
    if known := shown_though_trained_on(study):
        return f"of lesions of which {known} were, as was told later, among the generators' training images"
    if not (names := untold(study)):
        return "of lesions that no generator of the study was trained on"
    if len(names) == study.generators.count():
        return "of lesions that may have been trained on (the generators' training images are not known)"
    listed = ", ".join(names)
    return f"of lesions that the other generators were not trained on (the training images of {listed} are not known)"


def training_warning(study: Study) -> str:
    """A warning for pages and methods if a generator may have been trained on real images of the test.

    '' if none can.
    """
    found = []
    if known := shown_though_trained_on(study):
        found.append(
            f"{known} real images of this study were among the generators' training images, as was told after it "
            "opened: a generator may draw what it saw of them."
        )
    if names := untold(study):
        found.append(
            f"The training images of {', '.join(names)} are not known: real images of this study may have been trained "
            "on, and generated images may copy images that are not in this record."
        )
    return " ".join(found)
