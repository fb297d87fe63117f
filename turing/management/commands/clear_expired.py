"""Delete data that are kept only for a while."""

from datetime import timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from console import ConsoleCommand
from turing.jobs.uploads import remove_expired
from turing.results.published.download import forget_outdated

QUEUE_KEPT = timedelta(days=1)  # finished entries; the job's own row stays


class Command(ConsoleCommand):
    help = (
        "Delete sessions that have ended, failed log-ins that no longer count, done entries of the queue, uploads that "
        "nobody imported, and published archives with answers that were withdrawn since. To be run every day."
    )
    example = "manage.py clear_expired --json"

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="the counts as JSON")

    def handle(self, json, **options):
        now = timezone.now()
        sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
        attempts, _ = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
        done = DBTaskResult.objects.finished().filter(finished_at__lt=now - QUEUE_KEPT)
        entries, _ = done.delete()
        uploads = remove_expired()
        archives = forget_outdated()
        if json:
            counts = {"sessions": sessions, "failed_log_ins": attempts, "queue_entries": entries}
            self.write_json(counts | {"uploads": uploads, "archives": archives})
        else:
            self.stdout.write(
                f"Deleted: {sessions} sessions, {attempts} failed log-ins, {entries} entries of the queue, "
                f"{uploads} uploads, {archives} outdated archives"
            )
