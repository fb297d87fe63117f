"""A background training that was interrupted continues from its last snapshot when it is started again."""

import signal
from datetime import timedelta

from django.utils import timezone

from gan.models import TrainingRun
from tests.turing.jobs.waiting import until, until_state
from turing.jobs import queue
from turing.models import Job


def test_a_training_whose_worker_is_killed_goes_on_where_it_was(phantoms, worker, researcher):
    TrainingRun.objects.filter(name="lesions").delete()
    given = {"name": "lesions", "diagnoses": ["melanoma"], "model": "dcgan", "size": 64, "minutes": 0.5}
    job = queue.start("train", given | {"phantoms": True}, researcher)
    first = worker(OMP_NUM_THREADS="1")
    until(lambda: Job.objects.get(pk=job.pk).done > 2, 120)
    first.send_signal(signal.SIGKILL)
    first.wait(30)
    run = TrainingRun.objects.get(name="lesions")
    assert run.status == "running", "nothing could tell that it had ended"
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    worker("--once", OMP_NUM_THREADS="1")
    found = until_state(job, "finished", "failed", seconds=240)
    assert (found.state, found.error) == ("finished", "")
    assert found.result == str(run.pk)
    assert found.times_lost == 1
    assert TrainingRun.objects.get(name="lesions").status == "finished"
