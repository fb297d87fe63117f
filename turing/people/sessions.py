"""How long users stay logged in, and how sessions end."""

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db.models import F
from django.dispatch import receiver

from turing.models import User


@receiver(user_logged_in)
def limit_session(sender, request, user, **kwargs) -> None:
    """Log researchers out sooner than readers. Researchers see everything; readers may come back after weeks."""
    request.session.set_expiry(settings.RESEARCHER_SESSION_AGE if user.is_researcher else None)


def log_out_everywhere(user: User) -> None:
    """End all sessions of the user."""
    User.objects.filter(pk=user.pk).update(times_logged_out=F("times_logged_out") + 1)


def delete_sessions(user: User) -> int:
    """Delete the rows of the user's sessions, too, and return their number.

    It reads every session there is, so it is for erasure, not for pages.
    """
    sessions = Session.objects.iterator()
    keys = [one.pk for one in sessions if one.get_decoded().get(SESSION_KEY) == str(user.pk)]
    Session.objects.filter(pk__in=keys).delete()
    return len(keys)
