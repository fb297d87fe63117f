"""Lets a researcher overrule the verdict of curation on an image."""

from django.db import transaction

from gan.models import LesionImage
from turing.models import AuditLine, User


@transaction.atomic
def overrule_verdict(image: LesionImage, shown: str, actor: User) -> None:
    """Reverse the verdict that the researcher saw. If two people click at once, the second click changes nothing.

    The audit line belongs to no study, because all studies draw from the same collection.
    """
    image = LesionImage.objects.select_for_update().get(pk=image.pk)
    if shown and shown != image.verdict:
        return
    image.overrule()
    AuditLine.objects.record(AuditLine.What.OVERRULED, actor, image=image.pk, verdict=image.verdict)
