"""Sends e-mails of accounts after the commit, in the background."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.core.mail import send_mail
from django.db import transaction

from turing.people.throttle import LETTERS_PER_ACCOUNT, too_often

logger = logging.getLogger(__name__)

# One thread of each web worker sends. So nobody waits for a slow mail server, and the time that a page takes does not
# reveal whether an e-mail was sent. The thread starts with the first letter, after gunicorn's fork.
_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="post")


class Letter(NamedTuple):
    subject: str
    text: str

    @property
    def line(self) -> str:
        """The subject in one line, as an e-mail's header must be."""
        return " ".join(self.subject.split())


def send_later(address: str, letter: Letter, kind: str = "letter") -> None:
    """Send the letter once the transaction is committed. If sending fails, it is logged without the address.

    An address gets only a few letters of a kind in an hour. So nobody can flood a stranger's mailbox from here, and
    nobody can use up letters of another kind, such as those that set a new password.
    """
    if too_often(kind, address, LETTERS_PER_ACCOUNT):
        logger.warning("A letter was held back: its address had %d in an hour", LETTERS_PER_ACCOUNT)
        return
    transaction.on_commit(lambda: _sender.submit(_send, address, letter), robust=True)


def _send(address: str, letter: Letter) -> None:
    try:
        send_mail(letter.line, letter.text, None, [address])
    except Exception as error:
        # Only the kind of error, because the text of an SMTP error contains the address.
        logger.error("A letter could not be sent: %s", type(error).__name__)


def wait_until_sent() -> None:
    """Wait until every letter handed over so far is sent."""
    _sender.submit(lambda: None).result()
