"""Create a researcher, or make one of an existing user."""

import getpass
import os
import sys

from django.contrib.auth import password_validation
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email
from django.db import transaction

from console import ConsoleCommand
from turing.accounts import RESEARCHERS
from turing.models import User


class Command(ConsoleCommand):
    help = "Create a researcher who may design studies and see results. Asks for a password on a terminal."
    example = "manage.py createresearcher --email ada@clinic.example --name 'Ada Byron'"

    def add_arguments(self, parser):
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--password-env", metavar="VARIABLE", help="environment variable that holds the password")

    def handle(self, email, name, password_env, **options):
        email = email.strip().lower()
        with transaction.atomic():
            user = User.objects.filter(email=email).first()
            if user is None:
                password = self._password(password_env)
                try:
                    validate_email(email)
                    password_validation.validate_password(password, User(email=email, name=name))
                except ValidationError as error:
                    raise CommandError(" ".join(error.messages)) from None
                user = User.objects.create_user(email, password, name=name)
            user.groups.add(Group.objects.get_or_create(name=RESEARCHERS)[0])
        self.stdout.write(f"{email} is a researcher")

    def _password(self, variable):
        if variable:
            if not os.environ.get(variable):
                raise CommandError(f"--password-env: the variable {variable} is empty or not set.")
            return os.environ[variable]
        if not sys.stdin.isatty():
            raise CommandError("no terminal to ask for the password: use --password-env VARIABLE.")
        return getpass.getpass("Password: ")
