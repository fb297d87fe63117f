"""Commands that stand alone: researchers, the ISIC client, the layer tables."""

import getpass
import io
import os
import pty
import signal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import OutputWrapper

from console import ConsoleCommand
from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import LesionImage
from tests.conftest import PASSWORD
from turing.models import User


def test_createresearcher_makes_a_researcher_once(db, monkeypatch):
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    for _ in range(2):
        call_command("createresearcher", email="Ada@Clinic.example", name="Ada", password_env="NEW_PASSWORD")
    user = User.objects.get()
    assert user.is_researcher
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize(("email", "password"), [("ada", PASSWORD), ("ada@clinic.example", "123"), ("a@b.example", "")])
def test_createresearcher_refuses_bad_input(db, monkeypatch, email, password):
    monkeypatch.setenv("NEW_PASSWORD", password)
    with pytest.raises(CommandError):
        call_command("createresearcher", email=email, password_env="NEW_PASSWORD")
    assert not User.objects.exists()


def test_createresearcher_refuses_a_password_that_is_no_text(db, monkeypatch):
    monkeypatch.setenv("NEW_PASSWORD", os.fsdecode(PASSWORD.encode() + b"\xff"))
    with pytest.raises(CommandError, match="--password-env: what the variable NEW_PASSWORD holds is not UTF-8 text"):
        call_command("createresearcher", email="ada@clinic.example", password_env="NEW_PASSWORD")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("typed", "message"), [(b"\x04", "no password was given"), (b"dermoscope-77\xff\n", "not text in the terminal")]
)
def test_createresearcher_ends_in_one_line_when_no_password_is_typed(db, monkeypatch, typed, message):
    """On a terminal, somebody presses Ctrl-D or types bytes that are not UTF-8."""
    ours, theirs = pty.openpty()
    with open(theirs, encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        # Python would ask on /dev/tty, which the process of a test may not have.
        monkeypatch.setattr("getpass.getpass", lambda prompt: getpass._raw_input(prompt, io.StringIO(), terminal))
        os.write(ours, typed)
        with pytest.raises(CommandError, match=message):
            call_command("createresearcher", email="ada@clinic.example")
    os.close(ours)
    assert not User.objects.exists()


def test_an_administrator_may_see_every_study(db, monkeypatch, capsys):
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    call_command("createresearcher", email="ada@clinic.example", password_env="NEW_PASSWORD")
    assert not User.objects.get().is_superuser
    call_command("createresearcher", email="ada@clinic.example", administrator=True)
    assert User.objects.get().is_superuser
    assert capsys.readouterr().out.splitlines()[-1] == "ada@clinic.example is an administrator"
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", email="root@clinic.example", interactive=False)  # Django's own command
    made = User.objects.get(email="root@clinic.example")
    assert made.is_researcher
    assert made.email_confirmed_at
    assert made.check_password(PASSWORD)


def test_createresearcher_trusts_no_account_whose_address_nobody_confirmed(reader):
    with pytest.raises(CommandError, match="nobody has confirmed"):
        call_command("createresearcher", email=reader.user.email)
    assert not User.objects.get().is_researcher
    call_command("createresearcher", email=reader.user.email, trust=True)
    assert User.objects.get().is_researcher


def test_import_fetches_through_the_isic_client_first(db, tmp_path, monkeypatch, phantom_export):
    """Only the archive itself is faked: the client brings a folder of phantoms."""
    client = tmp_path / "bin" / "isic"
    client.parent.mkdir()
    client.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nfor last; do :; done\ncp -r {phantom_export}/. "$last"\n'
    )
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    call_command("import_isic", str(tmp_path / "new"), search="age_approx:50", limit=9)
    assert LesionImage.objects.count() == 48
    assert (tmp_path / "asked").read_text().startswith("image download --search age_approx:50 --limit 9 ")
    client.write_text("#!/bin/sh\necho the archive is closed\nexit 3\n")
    with pytest.raises(CommandError, match="exit status 3: the archive is closed"):
        call_command("import_isic", str(tmp_path / "other"), search="x")


def test_the_summary_prints_both_totals():
    out = io.StringIO()
    call_command("train_gan", summary=True, stdout=out)
    assert "2,043,011" in out.getvalue()
    assert "1,720,385" in out.getvalue()


def test_every_model_can_be_trained_and_has_layer_tables_of_its_own():
    from gan.runs.execution import TRAINERS
    from gan.training.settings import BY_MODEL, MODELS

    assert set(MODELS) == set(TRAINERS) == set(BY_MODEL)
    tables = {}
    for model in MODELS:
        out = io.StringIO()
        call_command("train_gan", model=model, size=64, summary=True, stdout=out)
        tables[model] = out.getvalue()
    assert len(set(tables.values())) == len(MODELS)
    with pytest.raises(CommandError, match="no layer table for the model 'stylegan'"):
        call_command("train_gan", model="stylegan", summary=True)


def test_a_path_may_be_given_as_text_to_every_command_that_takes_one(db, tmp_path):
    taken = []
    for name, app in get_commands().items():
        if app not in ("gan", "turing"):
            continue
        command = load_command_class(app, name)
        if not isinstance(command, ConsoleCommand):
            continue
        parser = command.create_parser("manage.py", name)
        command.handle = lambda *args, **options: taken.append(options)
        command.stdout = command.stderr = OutputWrapper(io.StringIO())
        wanted = {action.dest for action in parser._actions if action.type is Path}
        given = {action.dest: action.default for action in parser._actions if action.dest != "help"}
        django = {"force_color": False, "no_color": False, "skip_checks": True, "stdout": None, "stderr": None}
        command.requires_migrations_checks = command.requires_system_checks = []
        command.execute(**given | dict.fromkeys(wanted, str(tmp_path)) | django)
        assert {key for key, value in taken.pop().items() if value == tmp_path} >= wanted, name


@pytest.mark.parametrize(
    ("command", "arguments", "option"),
    [
        ("import_generated", [".", "--name", "A"], "--trained-on"),
        ("import_generated", [".", "--name", "A"], "--trained-on-run"),
        ("import_generated", [".", "--name", "A"], "--trained-on-ids"),
        ("import_generated", [".", "--name", "A"], "--diagnosis"),
        ("import_images", ["."], "--collection"),
        ("plan_study", [], "--pilot"),
        ("evaluate_generator", ["1"], "--collection"),
        ("evaluate_generator", ["1"], "--inception"),
        ("evaluate_utility", ["1"], "--collection"),
        ("train_gan", [], "--data"),
        ("train_gan", [], "--diagnosis"),
        ("train_gan", [], "--type"),
        ("curate_images", [], "--folder"),
        ("curate_images", [], "--report"),
        ("sample_gan", ["1", "--count", "1"], "--output"),
    ],
)
def test_an_empty_value_is_not_taken_for_an_option_that_was_left_out(db, command, arguments, option):
    """As where a script's variable is unset."""
    with pytest.raises(CommandError, match=f"{option}: is given as '', which names nothing"):
        call_command(command, *arguments, option, "")
    parser = load_command_class("gan" if command != "plan_study" else "turing", command).create_parser("", command)
    name = parser._option_string_actions[option].dest
    is_list = isinstance(parser.get_default(name), list)
    with pytest.raises(CommandError, match=f"{option}: is given as '', which names nothing"):
        call_command(command, *arguments, **{name: [""] if is_list else ""})


def test_an_empty_folder_is_not_taken_for_the_current_one(db):
    with pytest.raises(CommandError, match="FOLDER: is given as ''"):
        call_command("import_images", "", type="clinical", diagnosis="melanoma")


def killed(*args):
    """Stands for the work of a process that Linux kills because memory has run out."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_of_a_pool_is_said_to_be_one(db, tmp_path, monkeypatch):
    monkeypatch.setattr("gan.curation.verdicts.look_at_all", killed)
    monkeypatch.setattr("gan.management.commands.draw_phantoms._draw_file", killed)
    (tmp_path / "1.png").write_bytes(png_bytes(draw_phantom("melanoma", 1, 64, 64)))
    for command, options in (("curate_images", {"folder": tmp_path}), ("draw_phantoms", {"count": 1})):
        arguments = [str(tmp_path / "phantoms")] if command == "draw_phantoms" else []
        with pytest.raises(CommandError, match="was killed, perhaps for lack of memory"):
            call_command(command, *arguments, **options)
    assert not (tmp_path / "phantoms" / "metadata.csv").exists()
