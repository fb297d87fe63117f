"""The help of every command shows its options and a working example, and Django's options on request."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from console import OF_DJANGO, SKIP_CHECKS, as_started

ROOT = Path(__file__).resolve().parents[1]
OURS = sorted(name for name, app in get_commands().items() if app in ("gan", "turing"))


def command_of(name):
    return load_command_class(get_commands()[name], name)


def options_in(help: str) -> list[str]:
    """The long options that the help lists, in their order."""
    return re.findall(r"^  (?:-\w(?: \S+)?, )?(--[\w-]+)", help, re.MULTILINE)


@pytest.mark.parametrize("name", OURS)
def test_help_lists_our_options_and_help_all_those_of_django_after_them(name, capsys):
    own = options_in(command_of(name).create_parser("manage.py", name).format_help())
    assert not {*OF_DJANGO, SKIP_CHECKS} & set(own)
    assert own[-1] == "--help-all"
    with pytest.raises(SystemExit) as ended:
        command_of(name).create_parser("manage.py", name).parse_args(["--help-all"])
    assert not ended.value.code
    every = options_in(capsys.readouterr().out)
    assert every[: len(own)] == own
    assert set(every[len(own) :]) >= set(OF_DJANGO)


@pytest.mark.parametrize("name", OURS)
def test_every_example_is_understood_by_its_command(name):
    command = command_of(name)
    parser = command.create_parser("manage.py", name)
    assert "Example:\n  python manage.py" in parser.format_help()
    for line in command.example.splitlines():
        words = shlex.split(line)
        start = words.index("manage.py")
        end = words.index(">") if ">" in words else len(words)
        assert words[start + 1] == name
        parser.parse_args(words[start + 2 : end])  # raises CommandError for an option that there is not


def test_the_example_is_that_of_how_the_command_was_started():
    example = "manage.py open_study x\n  torchrun manage.py train_gan"
    assert as_started(example, "./manage.py") == "python manage.py open_study x\n  torchrun manage.py train_gan"
    assert as_started(example, "/venv/bin/turing").startswith("turing open_study x\n")


def test_bash_completes_commands_and_options():
    def completed(*words: str) -> set[str]:
        script = (
            f"source scripts/completion.bash; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
            '_lesion_turing; echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        return set(done.stdout.split())

    assert completed(sys.executable, "manage.py", "open_s") == {"open_study"}
    assert completed(sys.executable, "manage.py", "create_study", "--conf") == {"--confidence-levels="}


def test_help_and_help_all_work_from_a_shell():
    def said(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    assert "--pythonpath" not in said("help", "open_study")
    assert "--pythonpath" in said("open_study", "--help-all")
