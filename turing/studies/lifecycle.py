"""Moves a study through its states, from draft to archive. Pages and commands follow the same rules."""

import hashlib
import logging
from typing import NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.urls import get_script_prefix, resolve, reverse
from django.utils import timezone
from django.utils.text import slugify

from console import UserError
from gan.models import LesionImage
from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Stimulus, Study, Truth, User
from turing.studies.choosing import choose_images
from turing.studies.controls import choose_controls, degradation_of
from turing.studies.design import FROZEN_FIELDS, LATER_FIELDS, design_hash
from turing.studies.pairs import pair_up
from turing.studies.pools import Source
from turing.studies.preregistration import seal
from turing.studies.provenance import untold
from turing.studies.stimuli import encode_stimulus

logger = logging.getLogger(__name__)
What = AuditLine.What
TRIES = 5  # attempts to find an address that nobody else takes
# Names that future pages may need. Names of existing pages are found by resolving the site's addresses.
RESERVED = frozenset([
    "new", "plan", "all", "mine", "shared", "open", "closed", "drafts", "archive", "archived", "import", "upload",
    "export", "search", "compare", "trail", "settings", "help", "admin", "api", "static", "feed",
])  # fmt: skip


def save_draft(form, actor: Actor = COMMAND_LINE) -> Study:
    """Save the values of a valid `StudyForm`: a new draft, or changes to one."""
    if form.instance.pk:
        with transaction.atomic():
            study = form.save()
            AuditLine.objects.record(What.EDITED, actor, study, revision=study.revision)
        return study
    return _save_new(lambda slug: form.save(slug=slug), form.cleaned_data["title"], actor)


def _save_new(save, title: str, actor: Actor, **detail) -> Study:
    """Call `save` with an address for the title, and with another one if somebody else takes it at the same moment."""
    for _ in range(TRIES):
        slug = unique_slug(title)
        try:
            with transaction.atomic():
                study = save(slug)
                AuditLine.objects.record(What.CREATED, actor, study, **detail)
            return study
        except IntegrityError:
            if not Study.objects.filter(slug=slug).exists():
                raise
    raise StudyError("Somebody else is creating a study with this title at the same moment. Please try again.")


def open_study(study: Study, actor: Actor = COMMAND_LINE) -> Study:
    """Build the blinded stimuli, freeze the design and open the study to readers.

    Raises `StudyError` if the study is not a draft, or if images are missing or cannot be written. Nothing is left
    behind then.
    """
    draft = _still_draft(Study.objects.get(pk=study.pk))
    written: list[str] = []
    try:
        # Not under a lock: this takes seconds to minutes, and readers of other studies would have to wait.
        stimuli = _build_stimuli(draft, written)
        with transaction.atomic():
            # Locked, so that if two researchers open it at once, the second finds it open.
            study = _still_draft(Study.objects.select_for_update().get(pk=study.pk))
            if study.revision != draft.revision:
                raise StudyError("Somebody changed the study while its images were made. Check it, then open it again.")
            Stimulus.objects.bulk_create(stimuli)
            study.state = Study.State.OPEN
            study.opened_at = timezone.now()
            study.through = draft.drawn_size
            study.untold = untold(draft)
            study.design_hash = design_hash(study, stimuli)
            study.save()
            seal(study)
            AuditLine.objects.record(What.OPENED, actor, study, design=study.design_hash[:12], stimuli=len(stimuli))
    except BaseException as error:
        _remove(written)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise StudyError(f"An image cannot be read or written: {reason}. The study is still a draft.") from error
        if isinstance(error, UserError) and not isinstance(error, StudyError):  # names a missing or damaged image
            raise StudyError(f"An image cannot be read: {error}. The study is still a draft.") from error
        raise
    logger.info("Study %s opened with design %s", study.slug, study.design_hash)
    return study


def _still_draft(study: Study) -> Study:
    if not study.is_draft:
        raise StudyError(f"The study is {study.get_state_display()}; only a draft can be opened.")
    return study


def _build_stimuli(study: Study, written: list[str]) -> list[Stimulus]:
    """Stimuli whose files are written but which are not saved yet.

    The files' names are added to `written` on the way.
    """
    test, practice = choose_images(study)
    through = study.drawn_size
    controls = choose_controls(study, test + practice)
    stimuli, lengths = [], set()
    for source, kind in (
        [(one, "test") for one in test]
        + [(one, "practice") for one in practice]
        + [(one, "control") for one in controls]
    ):
        degradation = degradation_of(study, source, is_control=kind == "control")
        content = encode_stimulus(source, study.stimulus_size, through, degradation)
        stimuli.append(_write_stimulus(study, source, content, kind))
        written.append(stimuli[-1].file)
        lengths.add(len(content))
    seen: dict[str, Stimulus] = {}
    for stimulus in stimuli:
        if (other := seen.setdefault(stimulus.sha256, stimulus)) is not stimulus:
            first, second = (one.lesion_image or one.generated_image for one in (other, stimulus))
            raise StudyError(f"Two images of the study show the same picture: {first}; {second}.")
    if len(lengths) > 1:
        raise StudyError("The stimuli differ in their number of bytes, which could reveal the truth.")
    if study.forced_choice:
        pair_up(study, stimuli)
    return stimuli


def _remove(names: list[str]) -> None:
    """Delete files. A file that the store cannot delete stays there unused."""
    for name in names:
        try:
            default_storage.delete(name)
        except OSError as error:
            logger.warning("%s is left in the store: %s", name, error)


class Move(NamedTuple):
    """An action: the states it starts from, the state it leads to, and its name in the audit trail."""

    allowed: tuple[str, ...]
    state: str
    recorded_as: str


MOVES: dict[str, Move] = {
    "pause": Move((Study.State.OPEN,), Study.State.PAUSED, What.PAUSED),
    "resume": Move((Study.State.PAUSED,), Study.State.OPEN, What.RESUMED),
    "close": Move((Study.State.OPEN, Study.State.PAUSED), Study.State.CLOSED, What.CLOSED),
    "archive": Move((Study.State.CLOSED,), Study.State.ARCHIVED, What.ARCHIVED),
    "restore": Move((Study.State.ARCHIVED,), Study.State.CLOSED, What.RESTORED),
}


def move_study(study: Study, action: str, actor: Actor = COMMAND_LINE) -> Study:
    """Do one of `MOVES` from a state that allows it. Raises `StudyError` from another state.

    A paused study takes no answers until it is resumed. A closed study never takes answers again.
    """
    move = MOVES[action]
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.state not in move.allowed:
            wanted = " or ".join(Study.State(one).label for one in move.allowed)
            raise StudyError(f"The study is {study.get_state_display()}; to {action} it, it must be {wanted}.")
        study.state = move.state
        if action == "close":
            study.closed_at = timezone.now()
        study.save()
        AuditLine.objects.record(move.recorded_as, actor, study)
    logger.info("Study %s: %s", study.slug, action)
    return study


def clone_study(study: Study, owner: User | None = None, actor: Actor = COMMAND_LINE) -> Study:
    """A new draft with the same design and generators, shared with nobody. Its stimuli are drawn when it opens."""
    fields = {name: getattr(study, name) for name in (*FROZEN_FIELDS, *LATER_FIELDS)}
    fields["title"] = f"{study.title[:100]} (copy)"

    def save(slug: str) -> Study:
        copy = Study.objects.create(slug=slug, owner=owner, **fields)
        copy.generators.set(study.generators.all())
        AuditLine.objects.record(What.CLONED, actor, study)
        return copy

    return _save_new(save, fields["title"], actor, clone_of=study.slug)


def save_new_study(study: Study) -> None:
    """Save the study under an address that no other study has, even if somebody else uses the same title at that
    moment.
    """
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
    """An address for the title that no other study and no other page of the site has."""
    base = slugify(title)[:50].strip("-_") or "study"
    taken = set(Study.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 3))
    return next(slug for slug in candidates if slug not in taken and not is_reserved(slug))


def is_reserved(slug: str) -> bool:
    """Whether another page has, or may later have, the address that a study of this name would get."""
    if slug in RESERVED:
        return True
    for name in ("study", "research-study"):
        path = reverse(name, args=[slug]).removeprefix(get_script_prefix())
        if resolve(f"/{path}").url_name != name:
            return True
    return False


def find_study(slug: str) -> Study:
    """The study with this slug. Raises `StudyError`, which names the existing studies."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        known = ", ".join(Study.objects.values_list("slug", flat=True)[:20]) or "none"
        raise StudyError(f"No study {slug!r} (studies: {known}).")
    return study


def _write_stimulus(study: Study, source: Source, content: bytes, kind: str) -> Stimulus:
    real = isinstance(source, LesionImage)
    stimulus = Stimulus(
        study=study,
        truth=Truth.REAL if real else Truth.GENERATED,
        diagnosis=source.diagnosis,
        is_practice=kind == "practice",
        is_control=kind == "control",
        lesion_image=source if real else None,
        generated_image=None if real else source,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    stimulus.file = default_storage.save(f"stimuli/{stimulus.pk}.png", ContentFile(content))
    return stimulus
