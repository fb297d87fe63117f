"""Switch a researcher's second factor off."""

from django.core.management.base import CommandError

from console import ConsoleCommand
from turing.models import User
from turing.people.sessions import log_out_everywhere
from turing.people.two_factor import remove_second_factor


class Command(ConsoleCommand):
    help = (
        "Switch a user's second factor off, for whoever lost the phone and the codes, and log the user out everywhere."
    )
    example = "manage.py reset_two_factor ada@clinic.example"

    def add_arguments(self, parser):
        parser.add_argument("email")

    def handle(self, email, **options):
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"No account holds the address {email}.")
        if not remove_second_factor(user):
            raise CommandError(f"{email} has no second factor.")
        log_out_everywhere(user)
        self.stdout.write(f"{email} logs in with the password alone now")
