"""Delete what is kept for a while only."""

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from console import ConsoleCommand


class Command(ConsoleCommand):
    help = "Delete sessions that have ended and failed log-ins that no longer count. To be run every day."
    example = "manage.py clear_expired --json"

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="the counts as JSON")

    def handle(self, json, **options):
        now = timezone.now()
        sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
        attempts, _ = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
        if json:
            self.write_json({"sessions": sessions, "failed_log_ins": attempts})
        else:
            self.stdout.write(f"Deleted: {sessions} sessions, {attempts} failed log-ins")
