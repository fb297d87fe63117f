"""Studies in two parts, from the reader's side: who may begin and see which study, and who knows the purpose.

Readers of a purpose-blinded study must not learn that images are generated before they are debriefed. While such a
study is open, the whole site is discreet towards everybody who may not know it yet: in its name, on its home page and
in its credits.
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from turing.models import Reader, Reading, Study

KNOWS_ALREADY = noop("This study is for readers who have not taken part in certain other studies on this site.")
DEBRIEFED = Q(debriefing__suspected__isnull=False)
BLINDED = Q(study__purpose_blinded=True)
# Readers who stopped early or withdrew are told when the study is over. Those who completed it are asked first.
TOLD_AT_THE_END = Q(study__state__in=(Study.State.CLOSED, Study.State.ARCHIVED)) & (
    Q(completed_at=None) | Q(withdrawn_at__isnull=False)
)


def knows_purpose(reader: Reader) -> bool:
    """Whether the reader may know that images are generated, from a study or its debriefing."""
    return Reading.objects.filter(~BLINDED | DEBRIEFED | TOLD_AT_THE_END, reader=reader).exists()


def _waits(reader: Reader) -> QuerySet[Reading]:
    """The reader's unfinished readings of purpose-blinded studies.

    Nothing may reveal the purpose to this reader yet.
    """
    going_on = Q(study__state__in=(Study.State.OPEN, Study.State.PAUSED)) | Q(completed_at__isnull=False)
    return Reading.objects.filter(BLINDED, going_on, reader=reader, withdrawn_at=None).exclude(DEBRIEFED)


def is_discreet(request) -> bool:
    """Whether this page must not say what the site is about."""
    user = getattr(request, "user", None)
    if request.path_info.startswith(("/research/", "/published/")):
        return False
    is_known = user is not None and user.is_authenticated
    if is_known and user.is_researcher:
        return False
    reader = getattr(user, "reader", None) if is_known else None
    if not Study.objects.running().filter(purpose_blinded=True).exists() and not (reader and _waits(reader).exists()):
        return False
    return reader is None or not knows_purpose(reader)


def discretion(request) -> dict:
    """Context processor for `discreet`. It queries the database only if the page does not set the value itself."""
    return {"discreet": SimpleLazyObject(lambda: is_discreet(request))}


def listed_for(request) -> QuerySet[Study]:
    """The open studies that the home page lists for this visitor.

    A study that follows another one is listed for readers who have completed that one, and were debriefed if it was
    purpose-blinded. While the site is discreet, only purpose-blinded studies are listed. They are never listed for
    somebody who knows the purpose.
    """
    studies = Study.objects.listed()
    user = request.user
    reader = getattr(user, "reader", None) if user.is_authenticated else None
    finished = _finished(reader).filter(study=OuterRef("follows"))
    studies = studies.filter(Q(follows=None) | Exists(finished))
    if is_discreet(request):
        return studies.filter(purpose_blinded=True)
    own = Reading.objects.filter(reader=reader, study=OuterRef("pk"))
    is_researcher = user.is_authenticated and user.is_researcher
    return studies if is_researcher else studies.filter(Q(purpose_blinded=False) | Exists(own))


def _finished(reader: Reader | None) -> QuerySet[Reading]:
    """The reader's readings that are over; in purpose-blinded studies, those with a debriefing."""
    return Reading.objects.filter(~BLINDED | DEBRIEFED, reader=reader, withdrawn_at=None).exclude(completed_at=None)


def hidden_behind(study: Study, reader: Reader | None) -> Study | None:
    """The purpose-blinded study that the reader must finish before they may even see this one; usually None.

    It is the study that this one follows, or any other that the reader has begun, because the page of this study would
    reveal its purpose.
    """
    if study.purpose_blinded:
        return None
    if begun := reader and not reader.is_simulated and _waits(reader).select_related("study").first():
        return begun.study
    earlier = study.follows
    is_done = not (earlier and earlier.purpose_blinded) or _finished(reader).filter(study=earlier).exists()
    return None if is_done else earlier


def begins_from(study: Study, reader: Reader) -> datetime | None:
    """When the reader may begin a study that follows another one; None if that one is not completed."""
    first = _finished(reader).filter(study=study.follows_id).first()
    return first and first.completed_at + timedelta(days=study.washout_days)


def why_not_yet(study: Study, reader: Reader | None) -> str:
    """Why the reader may not begin the study, as a text for the page; empty if they may. At most three queries."""
    if study.purpose_blinded:
        return _(KNOWS_ALREADY) if reader and not reader.is_simulated and knows_purpose(reader) else ""
    if reader and not reader.is_simulated and (begun := _waits(reader).select_related("study").first()):
        return _("Please finish the study %(title)s first.") % {"title": begun.study.title}
    if study.follows is None:
        return ""
    since = begins_from(study, reader) if reader else None
    if since is None and Reading.objects.filter(study=study.follows, reader=reader).exclude(withdrawn_at=None).exists():
        return _("This study is for readers who have not left the study %(title)s.") % {"title": study.follows.title}
    if since is None:
        return _("This study is for readers who have completed the study %(title)s.") % {"title": study.follows.title}
    if since > timezone.now() and not (reader and reader.is_simulated):
        day = date_format(timezone.localtime(since), "DATETIME_FORMAT")
        return _("You can begin this study from %(day)s on.") % {"day": day}
    return ""
