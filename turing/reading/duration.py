"""How long a study's form takes, as earlier readers have shown."""

import math
from statistics import median

from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce

from turing.models import Response, Study

FEWEST_READERS = 5  # of fewer, the time could be that of one person
MINUTE = 60_000  # milliseconds


def usual_minutes(study: Study) -> int | None:
    """The median time in which readers have answered the whole form, in minutes, rounded up.

    It is the sum of their response times without the time away from the page, so breaks are left out. None before five
    people have completed the form with a browser that measures times.
    """
    readings = (
        Response.objects.filter(
            trial__reading__study=study,
            trial__reading__completed_at__isnull=False,
            trial__reading__withdrawn_at=None,
            trial__reading__reader__is_simulated=False,
        )
        .values("trial__reading")
        .annotate(answers=Count("pk"), measured=Count("response_time_ms"))
        .filter(measured=F("answers"))
        .annotate(spent=Sum("response_time_ms") - Sum(Coalesce("away_ms", 0)))
        .values_list("spent", flat=True)
    )
    spent = list(readings)
    return max(1, math.ceil(median(spent) / MINUTE)) if len(spent) >= FEWEST_READERS else None
