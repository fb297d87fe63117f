"""Waiting for what a worker does in another process."""

import select
from collections.abc import Callable

from turing.models import Job


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Check again and again. Raises AssertionError if it does not become true for a long time."""
    for _ in range(int(seconds * 10)):
        if holds():
            return
        select.select([], [], [], 0.1)
    told = [f"{job}: {job.state}, {job.label} {job.done}, {job.error} {job.log}" for job in Job.objects.all()]
    raise AssertionError("waited in vain. " + "\n".join(told))


def until_state(job: Job, *states: str, seconds: float = 60) -> Job:
    """Wait until the job is in one of the states."""
    try:
        until(lambda: Job.objects.get(pk=job.pk).state in states, seconds)
    except AssertionError:
        found = Job.objects.get(pk=job.pk)
        raise AssertionError(f"{found} is {found.state}: {found.error}\n{found.log}") from None
    return Job.objects.get(pk=job.pk)
