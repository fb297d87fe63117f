"""A worker does jobs in separate processes. Whatever is killed, nothing is half done, and it can be started again."""

import os
import select
import signal
import sys
from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from tests.turing.jobs.fakes import ENDLESS
from tests.turing.jobs.waiting import until, until_state
from turing.jobs import queue
from turing.models import Job


def until_counting(job: Job) -> int:
    """The pid of the process that does the work, once it has told how far it is."""
    until(lambda: Job.objects.get(pk=job.pk).done > 0)
    return int(Job.objects.get(pk=job.pk).log)


def has_ended(process: int) -> bool:
    return bool(select.select([process], [], [], 30)[0])


def test_a_job_is_done_and_tells_what_came_of_it(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    fake = """
import console
for _ in console.progress(range(3), "Looking"):
    print("looked at one", file=commands.said)
commands.out.write("3 accepted, 0 rejected")
return {"imported": 3}
"""
    process = worker("--once", **work(fake))
    found = until_state(job, "finished", "failed")
    assert (found.state, found.error) == ("finished", "")
    assert (found.label, found.done, found.total) == ("Looking", 3, 3)
    assert found.log.splitlines() == ["looked at one"] * 3
    assert found.result == "3 accepted, 0 rejected"
    assert found.report == {"imported": 3}
    assert process.wait(30) == 0


def test_the_reason_of_a_failure_is_shown_and_a_traceback_goes_to_the_log(worker, work, worker_log, researcher):
    expected, unexpected = (queue.start("curate", {"which": n}, researcher) for n in (1, 2))
    fake = """
from console import UserError
if job.arguments["which"] == 1:
    raise UserError("no lesion images: import some first.")
raise KeyError("secret")
"""
    worker("--once", **work(fake)).wait(60)
    expected.refresh_from_db()
    unexpected.refresh_from_db()
    assert (expected.state, expected.error) == ("failed", "no lesion images: import some first.")
    assert unexpected.state == "failed"
    assert "KeyError" in unexpected.error
    assert "secret" not in unexpected.error + unexpected.log
    assert "in fake" in worker_log.read_text()


def test_the_real_curation_runs_as_the_command_does(worker, researcher):
    job = queue.start("curate", {}, researcher)
    worker("--once").wait(60)
    job.refresh_from_db()
    assert (job.state, job.result) == ("finished", "0 accepted, 0 rejected")


def test_what_the_command_refuses_is_the_jobs_error(worker, researcher):
    job = queue.start("sample", {"run": 99, "count": 1, "seed": 0, "reject_copies": True}, researcher)
    worker("--once").wait(60)
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "no training run '99' (training runs: none).")


def test_a_running_job_is_cancelled_within_seconds(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    worker(**work(ENDLESS))
    process = os.pidfd_open(until_counting(job))
    queue.cancel(job)
    found = until_state(job, "cancelled")
    assert found.error == ""
    assert has_ended(process)
    os.close(process)


def test_work_that_does_not_listen_is_killed(worker, work, researcher):
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + ENDLESS
    job = queue.start("curate", {}, researcher)
    worker(**work(deaf))
    process = os.pidfd_open(until_counting(job))
    queue.cancel(job)
    until_state(job, "cancelled")
    assert has_ended(process)
    os.close(process)


def test_a_waiting_job_is_cancelled_at_once_and_never_begins(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    queue.cancel(job)
    worker("--once", **work("commands.out.write('done')")).wait(60)
    job.refresh_from_db()
    assert (job.state, job.result) == ("cancelled", "")
    queue.start_again(job)
    worker("--once", **work("commands.out.write('done')")).wait(60)
    job.refresh_from_db()
    assert (job.state, job.result, job.attempt) == ("finished", "done", 2)


def test_a_worker_that_ends_gives_the_job_to_the_next(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    first = worker(**work(ENDLESS))
    until_counting(job)
    first.terminate()
    first.wait(30)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.done) == ("waiting", 2, 0)
    worker("--once", **work("commands.out.write('done')")).wait(60)
    job.refresh_from_db()
    assert (job.state, job.result) == ("finished", "done")


def test_the_work_of_a_killed_worker_ends_with_it_and_begins_again(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    for lost in (1, 2):
        killed = worker(**work(ENDLESS))
        process = os.pidfd_open(until_counting(job))
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        assert has_ended(process), "the work lives on without its worker"
        os.close(process)
        assert Job.objects.get(pk=job.pk).state == "running", "nobody has noticed yet"
        Job.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
        assert queue.recover_lost() == 1
        job.refresh_from_db()
        assert job.times_lost == lost
    assert job.state == "failed"
    assert "Start it again" in job.error
    queue.start_again(job)
    worker("--once", **work("commands.out.write('done')")).wait(60)
    job.refresh_from_db()
    assert (job.state, job.result) == ("finished", "done")


def test_work_that_the_system_kills_has_failed_and_says_so(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    worker("--once", **work("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")).wait(60)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "lack of memory" in job.error


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone can be told whom to end first")
def test_a_job_goes_before_the_site_where_the_memory_is_full(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    worker("--once", **work("commands.out.write(open('/proc/self/oom_score_adj').read())")).wait(60)
    job.refresh_from_db()
    assert int(job.result) >= 500


def test_two_workers_never_take_one_job(worker, work, researcher, tmp_path):
    jobs = [queue.start("curate", {}, researcher) for _ in range(8)]
    done = tmp_path / "done"
    fake = f"open({str(done)!r}, 'a').write(f'{{job.pk}} {{job.worker}}\\n')"
    workers = [worker("--once", **work(fake)) for _ in range(2)]
    for one in workers:
        assert one.wait(120) == 0
    lines = done.read_text().splitlines()
    assert sorted(int(line.split()[0]) for line in lines) == sorted(job.pk for job in jobs)
    assert Job.objects.filter(state="finished").count() == len(jobs)


def test_an_entry_of_an_earlier_attempt_finds_nothing_to_do(db, researcher):
    job = queue.start("curate", {}, researcher)
    assert queue.claim(job.pk, 2, "w") is None
    assert queue.claim(job.pk, 1, "w").worker == "w"
    assert queue.claim(job.pk, 1, "other") is None
    queue.give_back(Job.objects.get(pk=job.pk))
    assert queue.claim(job.pk, 1, "other") is None
    assert queue.claim(job.pk, 2, "other").attempt == 2


def test_a_worker_that_lost_its_job_changes_nothing_of_it(db, researcher):
    job = queue.start("curate", {}, researcher)
    mine = queue.claim(job.pk, 1, "slow")
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    queue.recover_lost()
    assert not queue.keep(mine, done=5)
    assert not queue.end(mine, "finished")
    queue.give_back(mine)
    assert Job.objects.get(pk=job.pk).state == "waiting"


def test_a_job_whose_entry_in_the_queue_was_lost_is_put_there_again(db, researcher):
    taken, gone, fine = (queue.start("curate", {}, researcher) for _ in range(3))
    DBTaskResult.objects.filter(pk=taken.queue_id).update(
        status="RUNNING", started_at=timezone.now() - timedelta(minutes=2)
    )
    DBTaskResult.objects.filter(pk=gone.queue_id).delete()
    assert queue.recover_lost() == 2
    for job, attempt in ((taken, 2), (gone, 2), (fine, 1)):
        job.refresh_from_db()
        assert (job.state, job.attempt) == ("waiting", attempt)
        assert DBTaskResult.objects.get(pk=job.queue_id).status == "READY"
    assert queue.recover_lost() == 0


def test_text_that_no_database_stores_is_told_all_the_same(worker, work, researcher):
    job = queue.start("curate", {}, researcher)
    fake = 'print("a\\0b \\ud800", file=commands.said)\ncommands.out.write("\\0")\nreturn {"x\\0": ["\\0"]}'
    worker("--once", **work(fake)).wait(60)
    job.refresh_from_db()
    assert (job.state, job.log) == ("finished", "a\ufffdb \ufffd")
    assert job.report == {"x\ufffd": ["\ufffd"]}


@pytest.mark.parametrize("state", ["waiting", "running", "finished"])
def test_only_what_failed_or_was_cancelled_starts_again(db, researcher, state):
    job = queue.start("curate", {}, researcher)
    Job.objects.update(state=state)
    with pytest.raises(queue.StudyError, match="only a failed or cancelled job"):
        queue.start_again(job)


def test_a_worker_ends_with_its_parent(worker):
    starter = os.getpid()
    assert worker("--parent", str(starter + 1)).wait(30) == 0  # its parent is another process: the one it had is gone
