"""Letters leave after the commit, through a real SMTP server. A broken server breaks nothing else."""

import socket

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.db import transaction
from django.urls import reverse

from tests.turing.people.conftest import registration
from turing.models import Reader
from turing.people.letters import reset
from turing.people.post import send_later, wait_until_sent

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Mailbox:
    """Keeps the letters that it gets."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], str]] = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, aiosmtpd's name
        self.letters.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def smtp(settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", free_port()
    return settings


def test_a_letter_arrives_through_smtp(transactional_db, client, smtp):
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=smtp.EMAIL_PORT)
    server.start()
    try:
        client.post(reverse("register"), registration("ayse@clinic.example"))
        wait_until_sent()
    finally:
        server.stop()
    [(to, text)] = mailbox.letters
    assert to == ["ayse@clinic.example"]
    assert "/accounts/confirm/" in text


def test_a_broken_mail_server_breaks_no_registration_and_no_name_is_logged(transactional_db, client, smtp, caplog):
    answer = client.post(reverse("register"), registration("ayse@clinic.example"))
    wait_until_sent()
    assert (answer.status_code, Reader.objects.count()) == (302, 1)
    assert "A letter could not be sent: ConnectionRefusedError" in caplog.text
    assert "ayse" not in caplog.text.lower()


def test_what_was_rolled_back_is_not_written_to_anybody(transactional_db):
    with transaction.atomic():
        send_later("ayse@clinic.example", reset("/"))
        transaction.set_rollback(True)
    wait_until_sent()
    assert mail.outbox == []
