"""Authentication backends: they limit log-in attempts, check passwords, and load a request's user."""

from functools import cache

from axes.backends import AxesStandaloneBackend
from django.contrib.auth.backends import ModelBackend
from django.db.models import Exists, OuterRef, QuerySet
from django_otp.plugins.otp_totp.models import TOTPDevice

from turing.accounts import RESEARCHERS
from turing.models import User
from turing.people.addresses import account_with_password, accounts_of

EMAIL_BACKEND = f"{__name__}.EmailBackend"


class ThrottleBackend(AxesStandaloneBackend):
    """Refuses after too many failed attempts. Without a request, as in a command, it refuses nobody."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if request is not None:
            super().authenticate(request, username=username, password=password, **kwargs)


class EmailBackend(ModelBackend):
    """Log-in with an e-mail address, for the account that holds it or the newest account that claims it."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if username is None or password is None:
            return None
        return account_with_password(accounts_of(username), password)

    def get_user(self, user_id):
        """The user with reader, role and second factor, in one query."""
        user = next(
            iter(_users().filter(pk=user_id)), None
        )  # first() would add an ordering for one row, a fifth of the cost
        return user if user is not None and self.user_can_authenticate(user) else None


@cache
def _users() -> QuerySet[User]:
    """The queryset, built only once. Building it takes as long as running it, and every request needs a user."""
    in_group = User.groups.through.objects.filter(user=OuterRef("pk"), group__name=RESEARCHERS)
    devices = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    return User.objects.select_related("reader").annotate(
        loaded_as_researcher=Exists(in_group), loaded_with_device=Exists(devices)
    )
