"""Registration. It looks the same whether or not the e-mail address is known here."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.urls import reverse

from turing.errors import StudyError
from turing.models import Reader, User
from turing.people import letters
from turing.people.addresses import account_with_password, accounts_of, placeholder
from turing.people.confirmation import confirmation_path
from turing.people.post import send_later

ROUNDS = 20  # an attempt fails only if somebody else registers with the same address at that moment


def register(
    address: str, name: str, password: str, profile: Mapping[str, Any], full_address: Callable[[str], str]
) -> User:
    """The user to log in: a new one, or the one who registered with this address and password before.

    If the address is taken, the new account only claims it, and its owner is told by e-mail. `profile` holds the
    reader's fields. `full_address` turns a path into an address with the site's name.
    """
    encoded = ""
    for _ in range(ROUNDS):
        holder, claimant = accounts = accounts_of(address)
        if user := account_with_password(accounts, password):
            Reader.objects.get_or_create(user=user, defaults=profile)
            return user
        encoded = encoded or make_password(password)  # outside the transaction, because it is slow
        try:
            with transaction.atomic():
                if user := _create(address, name, encoded, holder, claimant):
                    Reader.objects.create(user=user, **profile)
                    send_later(address, _letter(user, holder, full_address))
                    return user
        except IntegrityError:
            continue  # another registration was first, so this one is treated as the later one
    raise StudyError("Too many people are registering at this moment. Please try again.")


def _create(address: str, name: str, encoded: str, holder: User | None, claimant: User | None) -> User | None:
    """The new account; None if the accounts of the address have changed since the password was checked."""
    if holder is None:
        return User.objects.create(email=address, name=name, password=encoded)
    # The holder's row is locked, so that claims are handled one after the other.
    User.objects.select_for_update().filter(pk=holder.pk).first()
    now_holding, now_claiming = accounts_of(address)
    if (now_holding, now_claiming) != (holder, claimant):
        return None
    return User.objects.create(email=placeholder(), claimed_email=address, name=name, password=encoded)


def _letter(user: User, holder: User | None, full_address: Callable[[str], str]) -> letters.Letter:
    log_in, link = full_address(reverse("login")), full_address(confirmation_path(user))
    if holder is None:
        return letters.confirmation(link)
    if holder.email_confirmed_at is None:
        return letters.claimed(link, log_in)
    return letters.taken(log_in, full_address(reverse("password_reset")))
