"""Do the work of one job in this process. The worker calls it."""

import logging
import os
import signal
import sys

from django.core.management.base import CommandError

from console import ConsoleCommand, UserError, one_line, progress_told_to
from turing.jobs import processes
from turing.jobs.channel import Channel
from turing.models import Job

UNEXPECTED = "Something unexpected went wrong ({name}). The site's log says where."

logger = logging.getLogger(__name__)


class Command(ConsoleCommand):
    help = "Do the work of one job that a worker has taken. The worker calls this; you want `run_worker`."
    example = "manage.py run_job --job 7"

    def add_arguments(self, parser):
        parser.add_argument("--job", type=int, required=True, metavar="N", help="its number")
        parser.add_argument("--channel", type=int, metavar="N", help="file descriptor of the pipe to the worker")

    def handle(self, job, channel, **options):
        from turing.jobs.wording import in_form_words
        from turing.jobs.work import WORK, Commands

        found = Job.objects.filter(pk=job, state=Job.State.RUNNING).first()
        if found is None:
            raise CommandError(f"no job {job} that a worker has taken.")
        # A shell that started the site in the background may have ignored this signal, but the worker cancels by it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        pipe = Channel(os.open(os.devnull, os.O_WRONLY) if channel is None else channel)
        commands = Commands(pipe)
        processes.go_first()
        try:
            with progress_told_to(pipe):
                report = WORK[found.kind](found, commands)
        except (CommandError, UserError) as error:
            self._fail(pipe, in_form_words(found.kind, one_line(str(error))))
        except ModuleNotFoundError as error:
            logger.exception("Job %s", job)
            self._fail(pipe, f"This needs {error.name}, which the worker does not have: pip install '.[train]'.")
        except Exception as error:
            logger.exception("Job %s", job)
            self._fail(pipe, UNEXPECTED.format(name=type(error).__name__))
        pipe.send(result=commands.out.getvalue().strip(), **({"report": report} if report is not None else {}))

    def _fail(self, pipe, reason):
        pipe.send(error=reason)
        sys.exit(1)
