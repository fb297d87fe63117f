"""E-mails about accounts, in the language of the page that caused them.

They call the site by no name: readers of a purpose-blinded study must not learn from it what the study is about.
"""

from django.utils.translation import gettext as _

from turing.people.post import Letter


def confirmation(link: str) -> Letter:
    return Letter(
        _("Please confirm your e-mail address"),
        _(
            "Somebody, probably you, registered for reader studies with this e-mail address.\n\nPlease confirm "
            "that it is yours; with a confirmed address you can set a new password if you forget yours. Open this link "
            "in the browser where you are logged in:\n\n%(link)s\n\nThe link works for three days. If it was not you, "
            "you need not do anything.\n"
        )
        % {"link": link},
    )


def claimed(link: str, log_in: str) -> Letter:
    """To an address that an account holds unconfirmed and another account was now registered with."""
    return Letter(
        _("Registered once more with your e-mail address"),
        _(
            "Somebody registered for reader studies with this e-mail address, which an account without "
            "confirmation has already.\n\nIf it was you just now, open this link in the browser where you are logged "
            "in; the address then belongs to your new account:\n\n%(link)s\n\nIf you registered before, you can also "
            "log in with the password of then, and read on where you stopped:\n\n%(log_in)s\n\nIf it was not you, you "
            "need not do anything.\n"
        )
        % {"link": link, "log_in": log_in},
    )


def taken(log_in: str, reset: str) -> Letter:
    """To the owner of a confirmed address that somebody else, or they themselves, registered with again."""
    return Letter(
        _("You have an account already"),
        _(
            "Somebody registered for reader studies with this e-mail address, which belongs to your account. "
            "Your account is as it was, and nobody can see that it exists.\n\nIf it was you, please log in with the "
            "password of your account and read on there, so that you do not judge twice:\n\n%(log_in)s\n\nIf you do "
            "not know the password any more:\n\n%(reset)s\n\nIf it was not you, you need not do anything.\n"
        )
        % {"log_in": log_in, "reset": reset},
    )


def reset(link: str) -> Letter:
    return Letter(
        _("Set a new password"),
        _(
            "Somebody asked for a new password of your account for reader studies. Set it here:\n\n%(link)s\n\n"
            "The link works for four hours and once. If it was not you, you need not do anything.\n"
        )
        % {"link": link},
    )


def not_confirmed(log_in: str, register: str) -> Letter:
    """To an address whose account cannot be given a new password: nobody has shown yet whose address it is."""
    return Letter(
        _("Your e-mail address is not confirmed"),
        _(
            "Somebody asked for a new password of the account for reader studies that has this e-mail address. "
            "The address was never confirmed, so it cannot be used to set a password.\n\nIf you know the password, log "
            "in and confirm the address under your name:\n\n%(log_in)s\n\nOtherwise register again, with the same "
            "address, and follow the link that you are sent:\n\n%(register)s\n\nIf it was not you, you need not do "
            "anything.\n"
        )
        % {"log_in": log_in, "register": register},
    )
