"""What the management commands of both apps share: one-line errors, progress bars, and only JSON on stdout."""

import json
import math
import os
import re
import sys
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, Generic, Protocol, TypeVar

from django.core.management.base import BaseCommand, CommandError, SystemCheckError
from django.db import DatabaseError
from tqdm import tqdm

Item = TypeVar("Item")

UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # NUL and surrogates are not UTF-8, or PostgreSQL refuses them
LARGEST = 2**63 - 1  # largest whole number in a database
EMPTY = "is given as '', which names nothing; give a value, or leave it out"
LONGEST = 1000  # most characters of a message


class UserError(Exception):
    """Something that the user can fix. The message names the file, line, field or run, and says what to do."""


def printable(text: str) -> str:
    """The text in one line, with line ends, control characters and surrogates spelled out."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


# Options that Django gives to every command. Our help hides them, and `--help-all` shows them.
OF_DJANGO = ("--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color")
SKIP_CHECKS = "--skip-checks"  # Django adds this one in another way
OPTIONS_OF_DJANGO = "Django's own options"


class ConsoleCommand(BaseCommand):
    """A command whose help shows an example, and whose failures end it with one line and exit status 1.

    `example` has one call a line, each beginning with `manage.py`. The help replaces that by how the command was
    started.
    """

    example = ""
    suppressed_base_arguments = frozenset({*OF_DJANGO, SKIP_CHECKS})
    may_be_empty: Collection[str] = ()  # names of text options for which '' has a meaning, or a message of its own
    spelled: Mapping[str, str] = {}  # by an argument's name, how people write it
    paths: Collection[str] = ()  # names of arguments that are paths
    naming: Collection[str] = ()  # names of text options that name something, so that '' is a mistake

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:  # started with `>&-`
                setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, for as long as the process lives
        super().__init__(*args, **kwargs)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        epilog = f"Example:\n  {as_started(self.example, prog_name)}"
        parser = super().create_parser(prog_name, subcommand, epilog=epilog, **kwargs)
        actions = parser._actions
        self.spelled = {
            one.dest: next((text for text in one.option_strings if text.startswith("--")), one.dest) for one in actions
        }
        self.paths = {one.dest for one in actions if one.type is Path}
        self.naming = {one.dest for one in actions if _names_something(one)} - set(self.may_be_empty)
        if skip := parser._option_string_actions.get(SKIP_CHECKS):
            parser._optionals._group_actions.remove(skip)
            _group_of_django(parser)._group_actions.append(skip)
            skip.help = SUPPRESS if SKIP_CHECKS in self.suppressed_base_arguments else skip.help
        parser.add_argument(
            "--help-all",
            action=_HelpAll,
            command=self,
            started=(prog_name, subcommand),
            help=f"also {OPTIONS_OF_DJANGO}",
        )
        return parser

    def add_base_argument(self, parser: Any, *args: Any, **kwargs: Any) -> None:
        # Django calls this before a command adds its own arguments. From here on our functions read numbers and paths.
        parser.register("type", int, whole_number)
        parser.register("type", float, finite_number)
        parser.register("type", Path, path_of)
        super().add_base_argument(_group_of_django(parser), *args, **kwargs)

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            # `call_command` passes values as they are, without the parser's types.
            given = {name: options[name] for name in self.paths if isinstance(options.get(name), str)}
            if empty := [name for name, text in given.items() if not text]:
                raise CommandError(f"{self.spelled[empty[0]]}: {EMPTY}.")
            options |= {name: Path(text) for name, text in given.items()}
            check_options(options, self.spelled, self.naming)
            result = super().execute(*args, **options)
            self.stdout.flush()  # so that a full disk is reported here, not when Python ends
        except BrokenPipeError:  # the reader closed the pipe, as in `| head`
            _let_go_of_stdout()
            sys.exit(1)
        except SystemCheckError:  # Django's own list, one a line
            raise
        except CommandError as error:
            raise CommandError(one_line(str(error)), returncode=error.returncode) from error
        except UserError as error:
            raise CommandError(one_line(str(error))) from error
        except DatabaseError as error:
            raise CommandError(one_line(_database_reason(error))) from error
        except OSError as error:  # a full disk, a store of images that does not answer
            _let_go_of_stdout()
            raise CommandError(one_line(f"{error.filename or 'disk'}: {error.strerror or error}")) from error
        except MemoryError as error:
            raise CommandError("out of memory.") from error
        except BrokenExecutor as error:  # of a pool of processes
            raise CommandError(
                "a process that shared the work was killed, perhaps for lack of memory. Close other programs, or use a "
                "machine with more memory, and start again."
            ) from error
        except KeyboardInterrupt:
            raise CommandError("interrupted") from None
        return result

    def say(self, text: str) -> None:
        """Print a message for people on stderr, because stdout holds only results."""
        self.stderr.write(one_line(text), self.style.SUCCESS)

    def warn(self, text: str) -> None:
        """Print a warning for people, in one line, on stderr."""
        self.stderr.write(one_line(text), self.style.WARNING)

    def write_json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, indent=2, allow_nan=False))


class _HelpAll(Action):
    """Print the help with the options that Django gives to every command, and end."""

    def __init__(self, option_strings: Any, dest: str, command: ConsoleCommand, started: Any, help: str) -> None:
        super().__init__(option_strings, SUPPRESS, nargs=0, default=SUPPRESS, help=help)
        self.command, self.started = command, started

    def __call__(self, parser: ArgumentParser, *args: Any) -> None:
        self.command.suppressed_base_arguments = frozenset()
        self.command.create_parser(*self.started).print_help()
        parser.exit()


def _group_of_django(parser: ArgumentParser) -> Any:
    """The group after our options in which the help shows Django's options."""
    found = next((group for group in parser._action_groups if group.title == OPTIONS_OF_DJANGO), None)
    return found or parser.add_argument_group(OPTIONS_OF_DJANGO)


def as_started(example: str, prog_name: str) -> str:
    """The example in a form that works when pasted: `manage.py` is replaced by how the command was started here."""
    name = PurePath(prog_name).name
    started = f"python {prog_name.removeprefix('./')}" if name.endswith(".py") else name
    return re.sub(r"^( *)manage\.py ", lambda found: f"{found[1]}{started} ", example, flags=re.MULTILINE)


def one_line(text: str) -> str:
    """The message as one line of sensible length, whatever a file name or an option contains."""
    text = printable(text.strip().replace("\r\n", "\n").replace("\n", " "))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 200]} … {text[-180:]}"


def whole_number(text: str) -> int:
    """An option's whole number, in digits 0 to 9, of a size that the database can hold."""
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,19}\s*", text) or abs(int(text)) > LARGEST:
        raise ArgumentTypeError(f"{text[:40]!r} is not a whole number of at most {LARGEST}")
    return int(text)


def finite_number(text: str) -> float:
    """An option's number, neither NaN nor infinite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ArgumentTypeError(f"{text[:40]!r} is not a finite number")
    return value


def path_of(text: str) -> Path:
    """An argument's path. The path '' would be the current folder."""
    if not text:
        raise ArgumentTypeError(EMPTY)
    return Path(text)


def _names_something(action: Action) -> bool:
    """Whether it is an option for any text, which is not '' if it is left out."""
    is_text = action.type in (None, str) and action.nargs != 0 and not action.choices
    return bool(action.option_strings) and is_text and action.default != ""


def check_options(options: dict[str, Any], spelled: Mapping[str, str], naming: Collection[str]) -> None:
    """Refuse values of options that no command accepts.

    Text that no database can store, invalid or too large numbers, and '' for the options `naming`: a script whose
    variable is unset would otherwise get what the command does without the option. Raises `CommandError`, which names
    the option as it is `spelled`. Paths may hold any bytes except NUL, because files have such names.
    """
    for name, given in options.items():
        option = spelled.get(name, f"--{name.replace('_', '-')}")
        for value in given if isinstance(given, list | tuple) else [given]:
            if isinstance(value, str) and not value and name in naming:
                raise CommandError(f"{option}: {EMPTY}.")
            if isinstance(value, str) and UNSTORABLE.search(value):
                raise CommandError(f"{option}: {value[:80]!r} is not text.")
            if isinstance(value, PurePath) and "\0" in str(value):
                raise CommandError(f"{option}: {str(value)[:80]!r} is no file's name.")
            if isinstance(value, int) and abs(value) > LARGEST:
                raise CommandError(f"{option}: must be a number of at most {LARGEST}.")
            if isinstance(value, float) and not math.isfinite(value):
                raise CommandError(f"{option}: is {value}; it must be a finite number.")


def _database_reason(error: DatabaseError) -> str:
    reason = str(error).strip() or type(error).__name__
    if re.search(r"no such (table|column)|(relation|column) .* does not exist", reason):
        return f"the database is not up to date ({reason.splitlines()[0]}): run manage.py migrate."
    return f"the database refused: {reason}"


def _let_go_of_stdout() -> None:
    """Point standard output at nothing if it cannot be written to. Otherwise Python would fail once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        descriptor = sys.stdout.fileno()
    else:
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


class Progress(Protocol):
    """The type of functions by which long work reports progress, such as `progress` and `no_progress`."""

    def __call__(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "it"
    ) -> Iterable[Item]: ...


def no_progress(items: Iterable[Item], description: str, total: int | None = None, unit: str = "it") -> Iterable[Item]:
    return items


# A listener to progress. It gets a label, the number done and the total, which is None if it is unknown.
Listener = Callable[[str, int, int | None], None]
_listener: Listener | None = None


@contextmanager
def progress_told_to(listener: Listener) -> Iterator[None]:
    """Within the block, send progress to the listener and not to a terminal. It hears of every step."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


class _Told(Generic[Item]):
    """A progress bar that reports to a listener."""

    def __init__(
        self, items: Iterable[Item], description: str, total: int | None, initial: int, listener: Listener
    ) -> None:
        self.items, self.description, self.total, self.done = items, description, total, initial
        self.listener = listener

    def __enter__(self) -> "_Told[Item]":
        self.update(0)
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Iterator[Item]:
        self.update(0)
        for item in self.items:
            yield item
            self.update()

    def update(self, n: float = 1) -> None:
        self.done += int(n)
        self.listener(self.description, self.done, self.total)

    def set_postfix_str(self, s: str) -> None:
        pass


def progress(
    items: Iterable[Item], description: str, total: int | None = None, unit: str = "it"
) -> "tqdm[Item] | _Told[Item]":
    """A progress bar on a terminal, silent when piped. If there is a listener, it gets the progress instead."""
    if _listener is not None:
        known = len(items) if total is None and isinstance(items, Collection) else total
        return _Told(items, description, known, 0, _listener)
    return tqdm(items, desc=description, total=total, unit=unit, disable=not sys.stderr.isatty())


def progress_bar(description: str, total: int | None, initial: int, unit: str) -> "tqdm[Any] | _Told[Any]":
    """As `progress`, for a loop that counts its own steps; None for an unknown total."""
    if _listener is not None:
        return _Told([], description, total, initial, _listener)
    return tqdm(desc=description, total=total, initial=initial, unit=unit, disable=not sys.stderr.isatty())
