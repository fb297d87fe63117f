"""E-mails about accounts, in the language of the page that caused them.

They do not name the site, because its name could reveal to readers of a purpose-blinded study what the study is about.
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
    """For an address that an older account holds unconfirmed, and with which a new account was just registered."""
    return Letter(
        _("Somebody registered with your e-mail address"),
        _(
            "Somebody registered for reader studies with this e-mail address. An older account has the same address, "
            "but nobody confirmed it there.\n\nIf you registered just now, open this link in the browser where you are "
            "logged in. The address then belongs to your new account:\n\n%(link)s\n\nIf you registered before, you can "
            "also log in with your earlier password and continue where you stopped:\n\n%(log_in)s\n\nIf it was not "
            "you, you need not do anything.\n"
        )
        % {"link": link, "log_in": log_in},
    )


def taken(log_in: str, reset: str) -> Letter:
    """For the owner of a confirmed address with which somebody, or they themselves, registered again."""
    return Letter(
        _("You have an account already"),
        _(
            "Somebody registered for reader studies with this e-mail address, which belongs to your account. "
            "Your account has not changed, and nobody can see that it exists.\n\nIf it was you, please log in with "
            "the password of your account and continue there, so that you do not judge twice:\n\n%(log_in)s\n\nIf "
            "you forgot the password:\n\n%(reset)s\n\nIf it was not you, you need not do anything.\n"
        )
        % {"log_in": log_in, "reset": reset},
    )


def reset(link: str) -> Letter:
    return Letter(
        _("Set a new password"),
        _(
            "Somebody asked for a new password of your account for reader studies. Set it here:\n\n%(link)s\n\n"
            "The link works once, within four hours. If it was not you, you need not do anything.\n"
        )
        % {"link": link},
    )


def not_confirmed(log_in: str, register: str) -> Letter:
    """For an address whose account cannot get a new password, because nobody has confirmed the address."""
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
