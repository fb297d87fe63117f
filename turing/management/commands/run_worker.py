"""Run a worker, which does waiting jobs one after the other for as long as the site runs."""

import logging
import signal
import time

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from console import ConsoleCommand
from turing.jobs.queue import recover_lost
from turing.jobs.supervisor import orders, worker_name

INTERVAL = 1.0  # seconds between two looks for work
LOST_EVERY = 15.0  # seconds between two looks for jobs whose worker died
AFTER_FAILURE = 5.0  # seconds until a database that failed is asked again

logger = logging.getLogger(__name__)


class Command(ConsoleCommand):
    help = (
        "Do the long work that researchers start on the site's pages, one job at a time. gunicorn starts one such "
        "worker by itself, unless BACKGROUND_WORKER is 0; more may run beside it, also on other machines."
    )
    example = "manage.py run_worker"

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="end when no job is waiting")
        parser.add_argument("--parent", type=int, metavar="PID", help="end when this process, its parent, has ended")

    def handle(self, once, parent, **options):
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._retire)
        logger.info("Worker %s is ready", worker_name)
        next_recovery = 0.0
        orders.parent = parent
        while not (orders.must_stop() or orders.retire):
            try:
                if time.monotonic() >= next_recovery:
                    next_recovery = time.monotonic() + LOST_EVERY
                    recover_lost()
                # Look first, because taking a task locks SQLite, which an idle worker should not do every second.
                if DBTaskResult.objects.ready().exists():
                    take_one()
                elif once:
                    break
                else:
                    time.sleep(INTERVAL)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The database does not answer (%s); the worker asks again", type(error).__name__)
                connection.close()
                time.sleep(AFTER_FAILURE)
            close_old_connections()

    def _stop(self, *signal_and_frame):
        orders.stop = True

    def _retire(self, *signal_and_frame):
        orders.retire = True


def take_one() -> None:
    """Take the next entry of the queue, if it is still there, and run its job."""
    Worker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=1,
        worker_id=worker_name[:64],
        excluded_queue_names=[],
    ).run()
