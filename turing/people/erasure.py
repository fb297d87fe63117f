"""Erases personal data as listed in `personal.py`. The page and `erase_reader` share this code."""

from datetime import UTC, datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Collaborator, Invitation, Reader, User
from turing.models.withdrawal import delete_words, withdraw
from turing.people.sessions import delete_sessions
from turing.people.throttle import forget_failures

ERASED = "erased.invalid"  # the domain of accounts whose data are erased
NO_DAY = datetime(1970, 1, 1, tzinfo=UTC)  # replaces the day of registration


@transaction.atomic
def erase(user: User, actor: Actor | None = None) -> bool:
    """Withdraw the user from every study and erase all personal data. Pseudonym and withdrawn answers stay.

    The audit trail names `actor` as who did it, or the reader without one. Returns False, and changes nothing, if it
    was done before.
    """
    # Locked, so that the second of two requests finds everything erased.
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.email.endswith(f"@{ERASED}"):
        return False
    reader = Reader.objects.filter(user=user).first()
    for reading in reader.readings.all() if reader else ():
        withdraw(reading)
        delete_words(reading)
    _delete_invitations(user, reader)
    forget_failures(user.address)
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    delete_sessions(user)
    Collaborator.objects.of(user).delete()
    user.groups.clear()
    user.user_permissions.clear()
    User.objects.filter(pk=user.pk).update(
        name="",
        email=f"{reader.pseudonym.lower() if reader else f'user-{user.pk}'}@{ERASED}",
        claimed_email="",
        email_confirmed_at=None,
        password=make_password(None),
        times_logged_out=user.times_logged_out + 1,
        is_active=False,
        is_superuser=False,
        last_login=None,
        date_joined=NO_DAY,
    )
    if reader:
        Reader.objects.filter(pk=reader.pk).update(
            profession="other", specialty="other", years_experience=0, country="", registered_at=NO_DAY
        )
        AuditLine.objects.record(AuditLine.What.ERASED, actor or reader, reader=reader)
    return True


def _delete_invitations(user: User, reader: Reader | None) -> None:
    """Delete invitations that the reader used, and those sent to the address unless another account holds it, too."""
    mine = Q(reading__reader=reader) if reader else Q(pk=None)
    if user.address and not User.objects.filter(email=user.address).exclude(pk=user.pk).exists():
        mine |= Q(email__iexact=user.address)
    Invitation.objects.filter(mine).delete()


def erase_address(address: str) -> dict[str, int | list[str]]:
    """Erase every account that holds or claims the address, and the invitations sent to it. Returns what was erased.

    Raises `StudyError` if it is no address. An empty one would be that of every account that claims none.
    """
    address = address.strip().lower()
    if "@" not in address:
        raise StudyError(f"{address!r} is no e-mail address.")
    accounts = User.objects.filter(Q(email=address) | Q(claimed_email=address)).order_by("pk").select_related("reader")
    readers = [account.reader.pseudonym for account in accounts if hasattr(account, "reader")]
    sent_or_used = Q(email__iexact=address) | Q(reading__reader__user__in=[account.pk for account in accounts])
    with transaction.atomic():
        invitations, _ = Invitation.objects.filter(sent_or_used).delete()
        count = sum(erase(account, COMMAND_LINE) for account in accounts)
        forget_failures(address)
    return {"accounts": count, "pseudonyms": readers, "invitations": invitations}
