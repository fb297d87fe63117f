"""Finds the account of an e-mail address and a password.

One account holds an address (`User.email`, unique). Others may claim it (`User.claimed_email`), because somebody
registered with an address that was taken. Both may log in with it, so that registration never reveals to a stranger who
is registered here.
"""

import secrets

from django.contrib.auth.hashers import make_password
from django.db.models import Case, Count, F, When

from turing.models import Reader, Study, User

PLACEHOLDER = "unconfirmed.invalid"  # the domain of accounts that only claim an address


def placeholder() -> str:
    return f"{secrets.token_hex(10)}@{PLACEHOLDER}"


def accounts_of(address: str) -> tuple[User | None, User | None]:
    """The account that holds the address, and the newest account that claims it."""
    address = address.strip().lower()
    holder = User.objects.filter(email=address).first()
    return holder, User.objects.filter(claimed_email=address).order_by("-pk").first() if address else None


def account_with_password(accounts: tuple[User | None, User | None], password: str) -> User | None:
    """The first of two accounts that has this password.

    It always computes two hashes, one for each account or its absence, so that the time does not reveal who is
    registered.
    """
    right = [_has_password(account, password) for account in accounts]
    return next((account for account, is_right in zip(accounts, right, strict=True) if account and is_right), None)


def _has_password(account: User | None, password: str) -> bool:
    if account is None:
        make_password(password)
        return False
    # Django's own `check_password` also replaces older kinds of hashes. Accounts without a password never pass.
    return account.check_password(password) and account.is_active


def readers_who_share_an_address(study: Study) -> int:
    """How many readers of the study hold or claim an e-mail address that another of its readers holds or claims.

    They may be one person who read twice. Only people who have not withdrawn are counted.
    """
    readers = Reader.objects.filter(
        is_simulated=False, readings__study=study, readings__withdrawn_at=None, user__is_active=True
    )
    address = Case(When(user__claimed_email="", then=F("user__email")), default=F("user__claimed_email"))
    shared = readers.annotate(address=address).values("address").annotate(accounts=Count("pk", distinct=True))
    return sum(shared.filter(accounts__gt=1).values_list("accounts", flat=True))
