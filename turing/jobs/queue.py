"""Moves a job through its states. Each step is one conditional update, so only one of two simultaneous steps happens.

The queue itself is that of django-tasks. An entry names a job and the attempt that it is for. An entry of an earlier
attempt finds nothing to do.
"""

import logging
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from turing.errors import StudyError
from turing.models import Job, User
from turing.models.jobs import LOST_AFTER

MAY_BE_LOST = 2  # after this many times, the work itself is probably what kills its workers

logger = logging.getLogger(__name__)


@task
def perform(job_id: int, attempt: int) -> None:
    """The entry of the queue. The worker that takes it runs the job in a separate process."""
    from turing.jobs.supervisor import supervise

    supervise(job_id, attempt)


@transaction.atomic
def start(kind: str, arguments: dict[str, Any], user: User | None) -> Job:
    """Create a job and put it in the queue. `arguments` must have been cleaned by the kind's form."""
    job = Job.objects.create(kind=kind, arguments=arguments, started_by=user)
    _enqueue(job)
    return job


@transaction.atomic
def start_again(job: Job) -> None:
    """Put a failed or cancelled job into the queue once more.

    Raises `StudyError` if it is neither, or if another job uses its upload.
    """
    if upload := job.arguments.get("upload"):
        other = Job.objects.of_upload(upload).unfinished().exclude(pk=job.pk).first()
        if other is not None:
            raise StudyError(f"Job {other.pk} uses the same upload. Wait until it has ended, or cancel it.")
    job = _locked(job)
    if not job.may_start_again:
        raise StudyError(f"This job is {job.get_state_display()}; only a failed or cancelled job can be started again.")
    job.times_lost = 0
    _put_back(job)


@transaction.atomic
def cancel(job: Job) -> None:
    """Cancel a waiting job at once, or ask the worker of a running job, which cancels it within seconds.

    Raises `StudyError` if the job has ended.
    """
    job = _locked(job)
    if job.state == Job.State.WAITING:
        job.state, job.ended_at = Job.State.CANCELLED, timezone.now()
    elif job.state != Job.State.RUNNING:
        raise StudyError(f"This job is {job.get_state_display()}: there is nothing to cancel.")
    job.cancel_asked = True
    job.save()


def claim(job_id: int, attempt: int, worker: str) -> Job | None:
    """The job, now running for this worker; None if it was cancelled, taken or restarted meanwhile."""
    taken = Job.objects.filter(pk=job_id, attempt=attempt, state=Job.State.WAITING).update(
        state=Job.State.RUNNING, worker=worker, begun_at=timezone.now(), heartbeat_at=Now()
    )
    return Job.objects.get(pk=job_id) if taken else None


def keep(job: Job, **values: Any) -> bool:
    """Record something about a running job, with a heartbeat.

    Returns False if the job no longer belongs to this worker.
    """
    mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, state=Job.State.RUNNING, worker=job.worker)
    return bool(mine.update(heartbeat_at=Now(), **values))


def end(job: Job, state: str, **values: Any) -> bool:
    """Record how a running job ended. Returns False if it no longer belongs to this worker."""
    return keep(job, state=state, ended_at=timezone.now(), **values)


@transaction.atomic
def give_back(job: Job) -> None:
    """Put the job back because the worker ends first, for example at a restart.

    It begins again with the next worker.
    """
    current = _locked(job)
    if current.state != Job.State.RUNNING or current.worker != job.worker or current.attempt != job.attempt:
        return
    if current.cancel_asked:
        end(current, Job.State.CANCELLED)
    else:
        _put_back(current)


def recover_lost() -> int:
    """Restart jobs whose worker died. A job that was lost before fails. Returns how many were found."""
    found = sum(_recover(job) for job in Job.objects.lost())
    ready = DBTaskResult.objects.filter(status=TaskResultStatus.READY).values("pk")
    stranded = Job.objects.filter(state=Job.State.WAITING).exclude(queue_id__in=ready)
    return found + sum(_recover_entry(job) for job in stranded)


@transaction.atomic
def _recover(job: Job) -> bool:
    current = Job.objects.lost().select_for_update().filter(pk=job.pk).first()
    if current is None:  # another worker was faster, or it gave a sign of life
        return False
    logger.warning("Job %s: its worker %s is gone", current.pk, current.worker)
    DBTaskResult.objects.filter(pk=current.queue_id).delete()  # otherwise it would count as running forever
    current.times_lost += 1
    if current.cancel_asked:
        current.state, current.ended_at = Job.State.CANCELLED, timezone.now()
        current.save()
    elif current.times_lost >= MAY_BE_LOST:
        current.state, current.ended_at = Job.State.FAILED, timezone.now()
        current.error = (
            f"Its worker ended {current.times_lost} times in the middle, perhaps for lack of memory. "
            "Its results so far are kept. Start it again when you have found the reason."
        )
        current.save()
    else:
        _put_back(current)
    return True


@transaction.atomic
def _recover_entry(job: Job) -> bool:
    """Restore the lost queue entry of a waiting job, for example if a worker was killed just after taking the entry."""
    current = Job.objects.select_for_update().filter(pk=job.pk, attempt=job.attempt, state=Job.State.WAITING).first()
    entry = DBTaskResult.objects.filter(pk=job.queue_id).first()
    if current is None or (entry and (entry.status == TaskResultStatus.READY or _is_fresh(entry))):
        return False
    logger.warning("Job %s: its entry in the queue is gone", current.pk)
    _put_back(current)
    return True


def _is_fresh(entry: DBTaskResult) -> bool:
    return entry.started_at is not None and entry.started_at > timezone.now() - LOST_AFTER


def _put_back(job: Job) -> None:
    """Let the job wait again, with a new entry in the queue. Of earlier attempts only `is_imported` is kept."""
    job.state, job.attempt = Job.State.WAITING, job.attempt + 1
    job.cancel_asked, job.worker, job.error, job.result, job.log, job.label = False, "", "", "", "", ""
    job.done, job.total = 0, None
    if not job.is_imported:
        job.report = None
    job.begun_at = job.ended_at = job.heartbeat_at = None
    _enqueue(job)


def _enqueue(job: Job) -> None:
    entry = perform.enqueue(job.pk, job.attempt)
    job.queue_id = entry.id
    job.save()


def _locked(job: Job) -> Job:
    return Job.objects.select_for_update().get(pk=job.pk)
