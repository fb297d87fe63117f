"""A study's way from draft to archive; the pages and the commands follow the same rules."""

import hashlib
import logging

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from gan.models import LesionImage
from turing.errors import StudyError
from turing.models import Stimulus, Study, Truth
from turing.studies.design import FROZEN_FIELDS, LATER_FIELDS, Source, choose_images, design_hash
from turing.studies.preregistration import seal
from turing.studies.stimuli import encode_stimulus

logger = logging.getLogger(__name__)


def open_study(study: Study) -> Study:
    """Build the blinded stimuli, freeze the design and open the study to readers.

    Raises `StudyError` when the study is not a draft or images are missing; nothing is left behind then.
    """
    written: list[str] = []
    try:
        with transaction.atomic():
            # Locked: of two researchers who open it at once, the second finds it open.
            study = Study.objects.select_for_update().get(pk=study.pk)
            if not study.is_draft:
                raise StudyError(f"The study is {study.get_state_display()}; only a draft can be opened.")
            stimuli = []
            test, practice = choose_images(study)
            through = study.drawn_size
            for source in test + practice:
                content = encode_stimulus(source, study.stimulus_size, through)
                stimuli.append(_write_stimulus(study, source, content, is_practice=len(stimuli) >= len(test)))
                written.append(stimuli[-1].file)
            if len({default_storage.size(name) for name in written}) > 1:
                raise StudyError("The stimuli differ in their number of bytes, which would tell them apart.")
            Stimulus.objects.bulk_create(stimuli)
            study.state = Study.State.OPEN
            study.opened_at = timezone.now()
            study.design_hash = design_hash(study, stimuli)
            study.save()
            seal(study)
    except BaseException:
        for name in written:
            default_storage.delete(name)
        raise
    logger.info("Study %s opened with design %s", study.slug, study.design_hash)
    return study


MOVES: dict[str, tuple[tuple[str, ...], str]] = {
    "pause": ((Study.State.OPEN,), Study.State.PAUSED),
    "resume": ((Study.State.PAUSED,), Study.State.OPEN),
    "close": ((Study.State.OPEN, Study.State.PAUSED), Study.State.CLOSED),
    "archive": ((Study.State.CLOSED,), Study.State.ARCHIVED),
    "restore": ((Study.State.ARCHIVED,), Study.State.CLOSED),
}


def move_study(study: Study, action: str) -> Study:
    """One of `MOVES`, from a state that allows it. Raises `StudyError` from another.

    A paused study takes no answers until it goes on; a closed one never again.
    """
    allowed, state = MOVES[action]
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.state not in allowed:
            wanted = " or ".join(Study.State(one).label for one in allowed)
            raise StudyError(f"The study is {study.get_state_display()}; to {action} it, it must be {wanted}.")
        study.state = state
        if action == "close":
            study.closed_at = timezone.now()
        study.save()
    logger.info("Study %s: %s", study.slug, action)
    return study


def clone_study(study: Study) -> Study:
    """A new draft of the same design and runs; stimuli are drawn anew when it opens."""
    fields = {name: getattr(study, name) for name in (*FROZEN_FIELDS, *LATER_FIELDS)}
    fields["title"] = f"{study.title[:100]} (copy)"
    with transaction.atomic():
        copy = Study.objects.create(slug=unique_slug(fields["title"]), **fields)
        copy.runs.set(study.runs.all())
    return copy


def unique_slug(title: str) -> str:
    """An address for the title that no study has yet."""
    base = slugify(title)[:50] or "study"
    taken = set(Study.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)


def find_study(slug: str) -> Study:
    """The study with this slug. Raises `StudyError` naming the studies there are."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        known = ", ".join(Study.objects.values_list("slug", flat=True)[:20]) or "none"
        raise StudyError(f"No study {slug!r} (studies: {known}).")
    return study


def _write_stimulus(study: Study, source: Source, content: bytes, *, is_practice: bool) -> Stimulus:
    real = isinstance(source, LesionImage)
    stimulus = Stimulus(
        study=study,
        truth=Truth.REAL if real else Truth.GENERATED,
        diagnosis=source.diagnosis,
        is_practice=is_practice,
        lesion_image=source if real else None,
        generated_image=None if real else source,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    stimulus.file = default_storage.save(f"stimuli/{stimulus.pk}.png", ContentFile(content))
    return stimulus
