"""How long one stays logged in, and how sessions end."""

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db.models import F
from django.dispatch import receiver

from turing.models import User


@receiver(user_logged_in)
def limit_session(sender, request, user, **kwargs) -> None:
    """Researchers, who see everything, are logged out sooner than readers, who may come back after weeks."""
    request.session.set_expiry(settings.RESEARCHER_SESSION_AGE if user.is_researcher else None)


def log_out_everywhere(user: User) -> None:
    """No session of the user is good from now on."""
    User.objects.filter(pk=user.pk).update(times_logged_out=F("times_logged_out") + 1)


def delete_sessions(user: User) -> int:
    """Delete the rows, too; returns how many. Looks into every session there is: for erasure, not for pages."""
    sessions = Session.objects.iterator()
    keys = [one.pk for one in sessions if one.get_decoded().get(SESSION_KEY) == str(user.pk)]
    Session.objects.filter(pk__in=keys).delete()
    return len(keys)
