"""What the management commands of both apps share: one-line errors, progress bars, JSON alone on stdout."""

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

Item = TypeVar("Item")


class UserError(Exception):
    """Something the user can mend; the message names the file, the line, the field or the run, and what to do."""


class ConsoleCommand(BaseCommand):
    """A command whose help shows an example and whose `UserError`s end it with one line and exit status 1."""

    example = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=f"Example:\n  {self.example}", **kwargs)

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute(*args, **options)
        except UserError as error:
            raise CommandError(str(error)) from error
        except OSError as error:  # a full disk, a store of images that does not answer
            raise CommandError(f"{error.filename or 'disk'}: {error.strerror or error}") from error
        except KeyboardInterrupt:
            raise CommandError("interrupted") from None

    def say(self, text: str) -> None:
        """A message for people: stderr, so that stdout holds results alone."""
        self.stderr.write(text, self.style.SUCCESS)

    def write_json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, indent=2, allow_nan=False))


class Progress(Protocol):
    """What long work asks for to show how far it is; `progress` is one, `no_progress` another."""

    def __call__(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "it"
    ) -> Iterable[Item]: ...


def no_progress(items: Iterable[Item], description: str, total: int | None = None, unit: str = "it") -> Iterable[Item]:
    return items


def progress(items: Iterable[Item], description: str, total: int | None = None, unit: str = "it") -> "tqdm[Item]":
    """A progress bar on a terminal, silence when piped."""
    return tqdm(items, desc=description, total=total, unit=unit, disable=not sys.stderr.isatty())
