"""How long a study's form takes, as earlier readers have shown."""

import math
from itertools import groupby, pairwise
from operator import itemgetter
from statistics import median

from django.core.cache import cache
from django.db.models import Count, Max

from turing.models import Reading, Response, Study

FEWEST_READERS = 5  # of fewer, the time could be that of one person
LONGEST = 120  # seconds between two answers; whoever takes longer has probably gone away
KEPT_FOR = 24 * 60 * 60  # seconds


def usual_minutes(study: Study) -> int | None:
    """The median time in which readers have gone through the whole form, in minutes, rounded up.

    A reader's time is the sum of the times between answers, each of at most two minutes. So it holds everything that a
    reader does at an image, and no breaks. None before five people have completed the form.
    """
    readings = Reading.objects.filter(
        study=study, completed_at__isnull=False, withdrawn_at=None, reader__is_simulated=False
    )
    found = readings.aggregate(count=Count("pk"), latest=Max("completed_at"))
    if found["count"] < FEWEST_READERS:
        return None
    key = f"usual-minutes:{study.pk}:{found['count']}:{found['latest'].timestamp()}"
    return cache.get_or_set(key, lambda: _measured(list(readings.values_list("pk", flat=True))), KEPT_FOR)


def _measured(readings: list[int]) -> int:
    answers = Response.objects.filter(trial__reading__in=readings).order_by("trial__reading", "answered_at")
    times = answers.values_list("trial__reading", "answered_at")
    spent = [_seconds([at for _, at in own]) for _, own in groupby(times, itemgetter(0))]
    return max(1, math.ceil(median(spent) / 60))


def _seconds(moments: list) -> float:
    """From the first answer to the last. The first image takes as long as the others do on average."""
    between = [min((later - earlier).total_seconds(), LONGEST) for earlier, later in pairwise(moments)]
    return sum(between) * len(moments) / max(len(between), 1)
