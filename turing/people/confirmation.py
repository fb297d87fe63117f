"""Confirms whose an e-mail address is, by a link that only its owner can read."""

from collections.abc import Callable

from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from turing.errors import StudyError
from turing.models import User
from turing.people import letters
from turing.people.addresses import placeholder
from turing.people.post import send_later

LINK_WORKS_FOR = 3 * 24 * 60 * 60  # seconds


def _signer(address: str) -> signing.TimestampSigner:
    """A signer whose salt includes the address. So a link is valid for one address and does not reveal it in logs."""
    return signing.TimestampSigner(salt=f"turing.people.confirmation {address}")


def confirmation_path(user: User) -> str:
    return reverse("confirm", args=[_signer(user.address).sign(str(user.pk))])


def check_link(user: User, token: str) -> None:
    """Raise `StudyError` unless the link was made recently for this account and its address.

    The account matters. Somebody who registers with a stranger's address must gain nothing when the stranger follows
    the link while not logged in to that account.
    """
    try:
        of_account = _signer(user.address).unsign(token, max_age=LINK_WORKS_FOR) == str(user.pk)
    except signing.SignatureExpired:
        raise StudyError(_("This link is too old. Ask for a new one below.")) from None
    except signing.BadSignature:
        of_account = False
    if not of_account:
        raise StudyError(_("This link was made for another account or another address. Log in with that account."))


def confirm(user: User) -> None:
    """Confirm the address as the user's. Another account that held it without confirmation now only claims it.

    Raises `StudyError` if another account has confirmed the address.
    """
    try:
        _confirm(user)
    except IntegrityError:  # somebody registered with the address at this moment and holds it now
        _confirm(user)


@transaction.atomic
def _confirm(user: User) -> None:
    address = user.address
    everyone = User.objects.select_for_update().filter(Q(email=address) | Q(pk=user.pk)).order_by("pk")
    accounts = {one.pk: one for one in everyone}
    user = accounts.pop(user.pk)
    if user.address != address or not user.is_active:
        raise StudyError(_("This link was made for another account or another address. Log in with that account."))
    for holder in accounts.values():
        if holder.email_confirmed_at:
            raise StudyError(_("Another account already has this address. Log in with the password of that account."))
        holder.email, holder.claimed_email = placeholder(), address
        holder.save(update_fields=["email", "claimed_email"])
    user.email, user.claimed_email, user.email_confirmed_at = address, "", timezone.now()
    user.save(update_fields=["email", "claimed_email", "email_confirmed_at"])


def send_confirmation(user: User, full_address: Callable[[str], str]) -> None:
    """Send the link again. If the address is confirmed for another account, tell its owner instead."""
    owner = User.objects.filter(email=user.address, email_confirmed_at__isnull=False).exclude(pk=user.pk).first()
    if owner:
        letter = letters.taken(full_address(reverse("login")), full_address(reverse("password_reset")))
    else:
        letter = letters.confirmation(full_address(confirmation_path(user)))
    send_later(user.address, letter)
