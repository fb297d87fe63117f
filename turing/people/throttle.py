"""Limits attempts: django-axes counts log-ins in the database, and the cache counts other attempts.

Accounts and network addresses are counted separately. E-mail addresses are kept only as keyed hashes.
"""

import ipaddress
from copy import copy

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.core.cache import cache
from django.db.models import Sum
from django.http import QueryDict
from django.shortcuts import render
from django.utils.crypto import salted_hmac

HOUR = 60 * 60
# Limits for an hour. Without a shared cache, every web worker counts separately.
REGISTRATIONS_PER_ACCOUNT, REGISTRATIONS_PER_ADDRESS = 20, 300
RESETS_PER_ADDRESS = 60
LETTERS_PER_ACCOUNT = 5


def account_key(email: str) -> str:
    """The key of the account in everything that is counted. It does not reveal the e-mail address."""
    return salted_hmac("turing.people.throttle", email.strip().lower(), algorithm="sha256").hexdigest()


def client_address(request) -> str | None:
    """The address that the request came from; for IPv6, its whole /64 network. None if it is not known.

    Headers count only as far as TRUSTED_PROXIES says. The last entry of X-Forwarded-For was written by the nearest
    proxy.
    """
    written = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        written = forwarded[-min(settings.TRUSTED_PROXIES, len(forwarded))].strip() or written
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed, 64), strict=False).network_address)
    return str(address)


def attempted_account(request, credentials=None) -> str:
    """The name that axes stores for an attempt; axes calls this."""
    return account_key((credentials or {}).get("username") or request.POST.get("username") or "")


class Handler(AxesDatabaseHandler):
    """Stores only the time, network address and account (as a keyed hash) of a failed log-in."""

    def user_login_failed(self, sender, credentials, request=None, **kwargs):
        if request is None:
            return
        bare = copy(request)
        bare.GET = bare.POST = QueryDict()
        bare.axes_user_agent = bare.axes_http_accept = ""
        super().user_login_failed(sender, credentials, bare, **kwargs)
        request.axes_locked_out, request.axes_credentials = bare.axes_locked_out, bare.axes_credentials

    def get_failures(self, request, credentials=None) -> int:
        """Failures that count against the limit.

        Those of a network address, perhaps of a whole hospital, have less weight. A successful log-in clears nothing.
        Otherwise an attacker with an own account could clear the count between guesses.
        """
        by_account, by_address = (
            attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        if request.axes_ip_address is None:
            by_address = 0
        return max(by_account, by_address * settings.AXES_FAILURE_LIMIT // settings.FAILURES_PER_ADDRESS)


def is_locked_out(request, email: str) -> bool:
    """Whether log-in to this account, or from this address, is refused for now."""
    return not AxesProxyHandler.is_allowed(request, {"username": email})


def forget_failures(*emails: str) -> None:
    """Forget failures of somebody who has proved to own the account, or whose data are erased."""
    AccessAttempt.objects.filter(username__in=[account_key(email) for email in emails]).delete()


def too_often(door: str, who: str | None, limit: int, seconds: int = HOUR) -> bool:
    """Count one more use. Returns True after `limit` uses within `seconds`. Unknown visitors are not counted."""
    if not who:
        return False
    key = f"door:{door}:{account_key(who)}"
    cache.add(key, 0, seconds)
    try:
        return cache.incr(key) > limit
    except ValueError:  # it expired between the two lines
        return False


def refusal(request, seconds: int):
    """The page for visitors with too many attempts."""
    context = {"minutes": max(1, seconds // 60)}
    response = render(request, "accounts/throttled.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


def locked_out(request, original_response=None, credentials=None):
    """The page that axes shows instead of its own; axes calls this."""
    return refusal(request, int(settings.AXES_COOLOFF_TIME.total_seconds()))
