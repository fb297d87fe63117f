"""Whose an e-mail address is: shown by a link that only its owner can read."""

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
    """The address is part of the salt: a link is good for one address, and does not show it to those who keep logs."""
    return signing.TimestampSigner(salt=f"turing.people.confirmation {address}")


def confirmation_path(user: User) -> str:
    return reverse("confirm", args=[_signer(user.address).sign(str(user.pk))])


def check_link(user: User, token: str) -> None:
    """Raises `StudyError` unless the link was made for this account and its address, not too long ago.

    The account matters: whoever registers with a stranger's address must gain nothing when the stranger, not logged in
    as they are, follows the link.
    """
    try:
        of_account = _signer(user.address).unsign(token, max_age=LINK_WORKS_FOR) == str(user.pk)
    except signing.SignatureExpired:
        raise StudyError(_("This link is too old. Have a new one sent to you below.")) from None
    except signing.BadSignature:
        of_account = False
    if not of_account:
        raise StudyError(_("This link was made for another account or another address. Log in as the one it is for."))


def confirm(user: User) -> None:
    """The address that the user gave is theirs from now on; an account that held it unconfirmed only claims it now.

    Raises `StudyError` where another account has the address confirmed.
    """
    try:
        _confirm(user)
    except IntegrityError:  # somebody registered with the address in this moment, and holds it now
        _confirm(user)


@transaction.atomic
def _confirm(user: User) -> None:
    address = user.address
    everyone = User.objects.select_for_update().filter(Q(email=address) | Q(pk=user.pk)).order_by("pk")
    accounts = {one.pk: one for one in everyone}
    user = accounts.pop(user.pk)
    if user.address != address or not user.is_active:
        raise StudyError(_("This link was made for another account or another address. Log in as the one it is for."))
    for holder in accounts.values():
        if holder.email_confirmed_at:
            raise StudyError(_("This address belongs to another account already. Log in with that one's password."))
        holder.email, holder.claimed_email = placeholder(), address
        holder.save(update_fields=["email", "claimed_email"])
    user.email, user.claimed_email, user.email_confirmed_at = address, "", timezone.now()
    user.save(update_fields=["email", "claimed_email", "email_confirmed_at"])


def send_confirmation(user: User, full_address: Callable[[str], str]) -> None:
    """The link once more. Where the address is another account's for certain, its owner is told so instead."""
    owner = User.objects.filter(email=user.address, email_confirmed_at__isnull=False).exclude(pk=user.pk).first()
    if owner:
        letter = letters.taken(full_address(reverse("login")), full_address(reverse("password_reset")))
    else:
        letter = letters.confirmation(full_address(confirmation_path(user)))
    send_later(user.address, letter)
