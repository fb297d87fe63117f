"""A researcher overrules what curation said of an image."""

from django.db import transaction

from gan.models import LesionImage
from turing.models import AuditLine, User


@transaction.atomic
def overrule_verdict(image: LesionImage, shown: str, actor: User) -> None:
    """Turn round the verdict that the researcher was shown; of two clicks at once the second finds it turned.

    It belongs to no study: all studies draw from the same collection.
    """
    image = LesionImage.objects.select_for_update().get(pk=image.pk)
    if shown and shown != image.verdict:
        return
    image.overrule()
    AuditLine.objects.record(AuditLine.What.OVERRULED, actor, image=image.pk, verdict=image.verdict)
