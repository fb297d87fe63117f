"""gunicorn starts one background worker, keeps it running, and ends it when it ends itself."""

import os
import select
import signal
from pathlib import Path

import pytest

from tests.turing.jobs.fakes import ENDLESS, fake_work
from tests.turing.jobs.waiting import until, until_state
from turing.jobs import queue
from turing.models import Job


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def keeper_of(server) -> int:
    (found,) = [pid for pid in server.workers() if b"turing.jobs.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return found


def has_ended(process: int) -> bool:
    return bool(select.select([process], [], [], 60)[0])


@pytest.fixture
def busy(serve, researcher, tmp_path):
    """A gunicorn whose worker is doing a job: the server, the job, and keeper, worker and work as pidfds."""
    server = serve(BACKGROUND_WORKER="1", **fake_work(tmp_path / "fakes", ENDLESS))
    job = queue.start("curate", {}, researcher)
    until(lambda: Job.objects.get(pk=job.pk).done > 0)
    keeper = keeper_of(server)
    (worker,) = children(keeper)
    work = int(Job.objects.get(pk=job.pk).log)
    ends = {name: os.pidfd_open(pid) for name, pid in {"keeper": keeper, "worker": worker, "work": work}.items()}
    yield server, job, ends
    for end in ends.values():
        os.close(end)


def test_it_does_a_real_job(serve, researcher):
    serve(BACKGROUND_WORKER="1")
    job = queue.start("curate", {}, researcher)
    found = until_state(job, "finished", "failed")
    assert (found.state, found.result) == ("finished", "0 accepted, 0 rejected")


def test_it_can_be_turned_off(serve):
    server = serve(BACKGROUND_WORKER="0")
    assert len(server.workers()) == 2, "the web workers alone"


def test_it_ends_with_the_site_and_its_job_begins_again(busy):
    server, job, ends = busy
    server.process.terminate()
    server.process.wait(60)
    assert all(has_ended(end) for end in ends.values())
    assert Job.objects.get(pk=job.pk).state == "waiting"


def test_it_ends_with_a_killed_master(busy):
    server, job, ends = busy
    server.process.kill()
    server.process.wait()
    assert all(has_ended(end) for end in ends.values())
    assert Job.objects.get(pk=job.pk).state == "waiting"


def test_one_that_was_killed_is_started_again(busy):
    server, _, ends = busy
    (worker,) = children(keeper_of(server))
    os.kill(worker, signal.SIGKILL)
    assert has_ended(ends["work"]), "the work lives on without its worker"
    until(lambda: children(keeper_of(server)) not in ([], [worker]))


def test_new_code_is_taken_up_after_the_job_in_hand(busy):
    server, job, ends = busy
    server.process.send_signal(signal.SIGHUP)
    queue.cancel(job)
    until_state(job, "cancelled")
    assert has_ended(ends["worker"])
    until(lambda: children(keeper_of(server)) != [])
    assert not select.select([ends["keeper"]], [], [], 0)[0]
