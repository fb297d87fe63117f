"""Create a researcher, or make one of an existing user."""

import getpass
import os
import sys

from django.contrib.auth import password_validation
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone

from console import UNSTORABLE, ConsoleCommand
from turing.accounts import RESEARCHERS
from turing.models import User
from turing.people.sessions import log_out_everywhere


class Command(ConsoleCommand):
    help = "Create a researcher who may design studies and see results. Asks for a password on a terminal."
    example = "manage.py createresearcher --email ada@clinic.example --name 'Ada Byron'"

    def add_arguments(self, parser):
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--password-env", metavar="VARIABLE", help="environment variable that holds the password")
        parser.add_argument(
            "--trust", action="store_true", help="also an existing account whose address nobody has confirmed"
        )

        parser.add_argument(
            "--administrator", action="store_true", help="who may see and change every study, and sees all jobs"
        )

    def handle(self, email, name, password_env, trust, administrator, **options):
        email = email.strip().lower()
        user = User.objects.filter(email=email).first() or self._new(email, name, password_env)
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=user.pk)
            if user.email_confirmed_at is None and not trust and not user.is_researcher:
                # Otherwise anyone could register with a stranger's address and wait to be made a researcher.
                raise CommandError(
                    f"{email} is registered, but nobody has confirmed that the address is theirs: let the user confirm "
                    "it (under their name on the site), or give --trust if you know that the account is theirs."
                )
            if not user.is_researcher:
                user.groups.add(Group.objects.get_or_create(name=RESEARCHERS)[0])
                log_out_everywhere(user)  # sessions of researchers are shorter
            if administrator and not user.is_superuser:
                user.is_superuser = True
                user.save(update_fields=["is_superuser"])
        self.stdout.write(f"{email} is {'an administrator' if user.is_superuser else 'a researcher'}")

    def _new(self, email, name, password_env):
        password = self._password(password_env)
        try:
            # Django checks that the e-mail address is valid and that each text fits into its column.
            User(email=email, name=name or email[:150]).clean_fields(exclude=["password"])
            password_validation.validate_password(password, User(email=email, name=name))
        except ValidationError as error:
            fields = getattr(error, "error_dict", None)
            options = ", ".join(f"--{field}" for field in fields) + ": " if fields else ""
            raise CommandError(options + " ".join(error.messages)) from None
        try:
            with transaction.atomic():
                # The person who runs this command vouches for the address.
                return User.objects.create_user(email, password, name=name, email_confirmed_at=timezone.now())
        except IntegrityError:  # somebody registered with the address at this moment
            return User.objects.get(email=email)

    def _password(self, variable):
        if variable:
            if not os.environ.get(variable):
                raise CommandError(f"--password-env: the variable {variable} is empty or not set.")
            if UNSTORABLE.search(os.environ[variable]):  # Python spells bytes that are not UTF-8 as surrogates
                raise CommandError(f"--password-env: what the variable {variable} holds is not UTF-8 text.")
            return os.environ[variable]
        if not sys.stdin.isatty():
            raise CommandError("no terminal to ask for the password: use --password-env VARIABLE.")
        try:
            return getpass.getpass("Password: ")
        except EOFError:
            raise CommandError("no password was given, and nothing was changed.") from None
        except UnicodeError:
            raise CommandError("the password is not text in the terminal's encoding; nothing was changed.") from None
