"""A study's way from draft to archive; the pages and the commands follow the same rules."""

import hashlib
import logging

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from gan.models import LesionImage
from turing.errors import StudyError
from turing.models import Stimulus, Study, Truth
from turing.studies.design import FROZEN_FIELDS, LATER_FIELDS, Source, choose_images, design_hash
from turing.studies.stimuli import encode_stimulus

logger = logging.getLogger(__name__)


def open_study(study: Study) -> Study:
    """Build the blinded stimuli, freeze the design and open the study to readers.

    Raises `StudyError` when the study is not a draft, images are missing or cannot be written; nothing is left behind
    then.
    """
    draft = _still_draft(Study.objects.get(pk=study.pk))
    written: list[str] = []
    try:
        # Before anything is locked: it takes seconds to minutes, for which readers of other studies would wait.
        stimuli = _build_stimuli(draft, written)
        with transaction.atomic():
            # Locked: of two researchers who open it at once, the second finds it open.
            study = _still_draft(Study.objects.select_for_update().get(pk=study.pk))
            if study.revision != draft.revision:
                raise StudyError("The study was changed while its images were made. Look at it, then open it again.")
            Stimulus.objects.bulk_create(stimuli)
            study.state = Study.State.OPEN
            study.opened_at = timezone.now()
            study.design_hash = design_hash(study, stimuli)
            study.save()
    except OSError as error:
        _remove(written)
        reason = error.strerror or error
        raise StudyError(f"An image cannot be read or written: {reason}. The study is a draft as before.") from error
    except BaseException:
        _remove(written)
        raise
    logger.info("Study %s opened with design %s", study.slug, study.design_hash)
    return study


def _still_draft(study: Study) -> Study:
    if not study.is_draft:
        raise StudyError(f"The study is {study.get_state_display()}; only a draft can be opened.")
    return study


def _build_stimuli(study: Study, written: list[str]) -> list[Stimulus]:
    """Stimuli whose files are written, not saved yet; the files' names are added to `written` as they come."""
    test, practice = choose_images(study)
    through = study.drawn_size
    stimuli, lengths = [], set()
    for source in test + practice:
        content = encode_stimulus(source, study.stimulus_size, through)
        stimuli.append(_write_stimulus(study, source, content, is_practice=len(stimuli) >= len(test)))
        written.append(stimuli[-1].file)
        lengths.add(len(content))
    if len(lengths) > 1:
        raise StudyError("The stimuli differ in their number of bytes, which would tell them apart.")
    return stimuli


def _remove(names: list[str]) -> None:
    """Take files back; what the store does not let go of lies there unused."""
    for name in names:
        try:
            default_storage.delete(name)
        except OSError as error:
            logger.warning("%s is left in the store: %s", name, error)


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
        copy = Study(**fields)
        save_new_study(copy)
        copy.runs.set(study.runs.all())
    return copy


def save_new_study(study: Study) -> None:
    """Save under an address that no study has yet, also where somebody else saves one of the same title meanwhile."""
    while True:
        study.slug = unique_slug(study.title)
        try:
            with transaction.atomic():
                study.save(force_insert=True)
            return
        except IntegrityError:
            if not Study.objects.filter(slug=study.slug).exists():
                raise


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
