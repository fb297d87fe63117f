"""Erase the personal data of everyone who registered or was invited with an e-mail address."""

from django.core.management.base import CommandError

from console import ConsoleCommand
from turing.people.erasure import erase_address


class Command(ConsoleCommand):
    help = (
        "Withdraw from every study and erase the personal data of every account that holds or claims the e-mail "
        "address, and the invitations sent to it. Pseudonyms and withdrawn answers stay. See docs/privacy.md."
    )
    example = "manage.py erase_reader ayse@clinic.example --json"

    def add_arguments(self, parser):
        parser.add_argument("email")
        parser.add_argument("--json", action="store_true", help="what was erased, as JSON")

    def handle(self, email, json, **options):
        erased = erase_address(email)
        if not erased["accounts"] and not erased["invitations"]:
            raise CommandError(
                "No account holds or claims this address and no invitation was sent to it; if it was erased before, "
                "nothing is left to do."
            )
        if json:
            self.write_json(erased)
        else:
            self.stdout.write(
                f"Erased: {erased['accounts']} accounts ({', '.join(erased['pseudonyms']) or 'no readers'}), "
                f"{erased['invitations']} invitations"
            )
